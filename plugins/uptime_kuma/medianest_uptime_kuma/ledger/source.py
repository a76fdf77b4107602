"""How it stands with Uptime Kuma itself: who may write, when it was last heard, what is wrong, and its token. SQL only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from medianest_hub.plugin_api import Context, Queries
from medianest_hub.plugin_api.errors import Unavailable
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way


class Overtaken(Unavailable):
    """Another worker reads Uptime Kuma by now; whatever this one still has to say comes too late."""

    code = "overtaken"


@dataclass(frozen=True, slots=True)
class Source:
    """As it is kept. Statuses are believed until `believed_until`."""

    way: str
    version: str
    connected: bool
    since: datetime | None
    heard_at: datetime | None
    patience: float
    trouble: str

    @property
    def believed_until(self) -> datetime | None:
        """None while it was never heard."""
        return self.heard_at + timedelta(seconds=self.patience) if self.heard_at is not None else None

    def is_stale(self, now: datetime) -> bool:
        """Whether nobody knows any more how things are."""
        until = self.believed_until
        return until is None or now > until


NEVER = Source("", "", False, None, None, 0.0, "")


async def read(q: Queries, instance: str) -> Source:
    """How it stands; `NEVER` before Uptime Kuma was ever read."""
    row = await q.fetchrow(
        """SELECT way, version, connected, since, heard_at, patience, trouble
             FROM plugin_uptime_kuma.source WHERE instance = $1""",
        instance,
    )
    return NEVER if row is None else Source(*(row[at] for at in range(7)))


async def claim(q: Queries, instance: str, fence: int) -> None:
    """From now on only the holder of this fence, or of a higher one, writes. Raises `Overtaken`."""
    claimed = await q.fetchval(
        """INSERT INTO plugin_uptime_kuma.source AS s (instance, fence) VALUES ($1, $2)
           ON CONFLICT (instance) DO UPDATE SET fence = $2 WHERE s.fence <= $2 RETURNING fence""",
        *(instance, fence),
    )
    if claimed is None:
        raise Overtaken("Another worker reads Uptime Kuma by now.")


async def hold(q: Queries, instance: str, fence: int) -> None:
    """Until the transaction ends nobody else takes over. Raises `Overtaken` if somebody has."""
    found = await q.fetchval("SELECT fence FROM plugin_uptime_kuma.source WHERE instance = $1 FOR SHARE", instance)
    if found != fence:
        raise Overtaken("Another worker reads Uptime Kuma by now.")


async def heard(
    q: Queries, instance: str, fence: int, *, way: Way, version: str, patience: float, remark: str, now: datetime
) -> None:
    """Uptime Kuma has just been heard, this way; `remark` is what is not as it should be all the same. Raises `Overtaken`."""
    done = await q.execute(
        """UPDATE plugin_uptime_kuma.source
              SET since = CASE WHEN connected AND way = $3 THEN since ELSE $6 END, connected = true, trouble = $7, way = $3,
                  version = CASE WHEN $4 = '' THEN version ELSE $4 END, patience = $5, heard_at = $6
            WHERE instance = $1 AND fence = $2""",
        *(instance, fence, way.value, version, patience, now, remark[:500]),
    )
    if done == "UPDATE 0":
        raise Overtaken("Another worker reads Uptime Kuma by now.")


async def lost(q: Queries, instance: str, fence: int, trouble: str, now: datetime) -> None:
    """Uptime Kuma does not answer as it should; the words say how."""
    await q.execute(
        """UPDATE plugin_uptime_kuma.source
              SET since = CASE WHEN connected OR since IS NULL THEN $4 ELSE since END, connected = false, trouble = $3
            WHERE instance = $1 AND fence = $2""",
        *(instance, fence, trouble[:500], now),
    )


def token_owner(settings: UptimeKumaSettings) -> str:
    """Whose token it is: it must not be shown to another server, nor taken for another user."""
    return hashlib.sha256(f"{settings.url}\n{settings.username}".encode()).hexdigest()


async def kept_token(ctx: Context[UptimeKumaSettings]) -> str | None:
    """The token Uptime Kuma gave for the user in the settings, if there is one that can be opened."""
    sealed = await ctx.db.fetchval(
        "SELECT token FROM plugin_uptime_kuma.source WHERE instance = $1 AND token_of = $2",
        *(ctx.instance, token_owner(ctx.settings)),
    )
    try:
        return ctx.secrets.open(sealed) if sealed else None
    except ValueError:
        return None


async def keep_token(ctx: Context[UptimeKumaSettings], token: str | None) -> None:
    """Seal and keep it; None forgets it."""
    await ctx.db.execute(
        "UPDATE plugin_uptime_kuma.source SET token = $2, token_of = $3 WHERE instance = $1",
        *(ctx.instance, ctx.secrets.seal(token) if token else None, token_owner(ctx.settings)),
    )
