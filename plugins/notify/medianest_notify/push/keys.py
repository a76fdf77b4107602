"""The key push services know this hub by: made once, sealed, the same for all replicas and for good."""

from __future__ import annotations

import contextlib

from cryptography.hazmat.primitives.asymmetric import ec

from medianest_hub.plugin_api import Context, errors
from medianest_notify.push.encryption import padless, unpadded
from medianest_notify.settings import NotifySettings

_BYTES = 32


async def push_key(ctx: Context[NotifySettings]) -> ec.EllipticCurvePrivateKey:
    """The private key. Raises `Unavailable` where the hub's own keys no longer open it."""
    sealed = await _sealed(ctx)
    if sealed is None:
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        # Of several processes that make one at once, one is first, and all take that.
        await ctx.db.execute(
            """INSERT INTO plugin_notify.push_key (instance, sealed, created_at) VALUES ($1, $2, $3)
               ON CONFLICT (instance) DO NOTHING""",
            *(ctx.instance, ctx.secrets.seal(padless(number.to_bytes(_BYTES, "big"))), ctx.clock.now()),
        )
        sealed = await _sealed(ctx)
    try:
        return ec.derive_private_key(int.from_bytes(unpadded(ctx.secrets.open(sealed or "")), "big"), ec.SECP256R1())
    except ValueError:
        raise errors.Unavailable(
            "The key for web push can no longer be opened: the hub's keys were changed. Whoever runs the hub can bring them "
            "back, or have this one forgotten (DELETE /api/v1/notify/push/key); every device then allows push anew.",
            code="push_key_lost",
        ) from None


async def seal_anew(ctx: Context[NotifySettings]) -> None:
    """Seal it under the hub's key in use, so that an older one can go. Nothing where there is none, or it cannot be opened."""
    sealed = await _sealed(ctx)
    if sealed is None:
        return
    with contextlib.suppress(ValueError):
        await ctx.db.execute(
            "UPDATE plugin_notify.push_key SET sealed = $2 WHERE instance = $1 AND sealed = $3",
            *(ctx.instance, ctx.secrets.seal(ctx.secrets.open(sealed)), sealed),
        )


async def forget(ctx: Context[NotifySettings]) -> None:
    """Have a new one made. What devices allowed was allowed to the old one."""
    await ctx.db.execute("DELETE FROM plugin_notify.push_key WHERE instance = $1", ctx.instance)


async def _sealed(ctx: Context[NotifySettings]) -> str | None:
    found = await ctx.db.fetchval("SELECT sealed FROM plugin_notify.push_key WHERE instance = $1", ctx.instance)
    return found if isinstance(found, str) else None
