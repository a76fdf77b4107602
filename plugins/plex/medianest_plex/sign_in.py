"""Signing in with Plex: a pin, Plex's own page in the browser, and the question whose servers they are; keeps nothing itself."""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import quote, urlencode

from medianest_hub.plugin_api import Context, Identity, LinkedIdentity, SignInProvider, SignInStart, Standing
from medianest_hub.plugin_api.errors import Forbidden, Gone, UpstreamError
from medianest_plex.client.plex_tv import SERVICE, PinGone, TokenRefused
from medianest_plex.connection import some_connection
from medianest_plex.membership import is_member
from medianest_plex.models import Account
from medianest_plex.personal.refreshing import ask_later
from medianest_plex.personal.shares import note_account
from medianest_plex.settings import PlexSettings

POLL_SECONDS: Final = 2.0


async def begin(ctx: Context[PlexSettings], return_url: str) -> SignInStart:
    """A pin at plex.tv, and the address of the page where its person says yes."""
    link = await some_connection(ctx)
    pin = await link.plex_tv.create_pin()
    asked = {
        "clientID": link.client_identifier,
        "code": pin.code,
        "context[device][product]": ctx.settings.product,
        "forwardUrl": return_url,
    }
    # After the #, where it stays in the browser; %20 rather than +, which Plex's page would show.
    url = f"{ctx.settings.app_url}/auth#?{urlencode(asked, quote_via=quote)}"
    return SignInStart(url=url, state={"pin_id": str(pin.id), "code": pin.code}, poll_seconds=POLL_SECONDS)


async def complete(ctx: Context[PlexSettings], state: dict[str, str], answer: dict[str, str]) -> Identity | None:
    """Who said yes at Plex's page; None while nobody has. What the browser brings back (`answer`) counts for nothing.

    Raises `Gone` (`plex_pin_expired`) when it took too long, `Forbidden` (`not_a_member`) for somebody none of the servers
    is shared with, `Forbidden` (`plex_token_refused`) when Plex takes its yes back.
    """
    link = await some_connection(ctx)
    try:
        pin = await link.plex_tv.pin(int(state["pin_id"]))
    except (PinGone, KeyError, ValueError):
        raise Gone(
            "This sign-in with Plex was not finished in time. Begin it again.", code="plex_pin_expired"
        ) from None
    if pin is None:
        return None
    if not hmac.compare_digest(pin.code, state.get("code", "")):
        raise UpstreamError(
            f"{SERVICE} answered about another sign-in than was asked for.", service=SERVICE, field="code"
        )
    if pin.auth_token is None:
        return None
    try:
        account = await link.plex_tv.account(pin.auth_token)
        member = await is_member(ctx, account, pin.auth_token)
    except TokenRefused:
        _count(ctx, "refused")
        raise Forbidden(
            "Plex took this sign-in back before it was finished. Begin it again.", code="plex_token_refused"
        ) from None
    _count(ctx, "member" if member else "stranger")
    if not member:
        ctx.log.info("plex_stranger_refused", account=account.id)
        several = len(ctx.settings.servers) > 1
        words = "None of these Plex servers is" if several else "This Plex server is not"
        raise Forbidden(
            f"{words} shared with your Plex account. Ask {'an' if several else 'its'} owner to share "
            f"{'one' if several else 'it'} with you, accept the invitation in Plex, and sign in again.",
            code="not_a_member",
        )
    return _identity(account, pin.auth_token)


async def recheck(ctx: Context[PlexSettings], identity: LinkedIdentity, secret: str | None) -> Standing:
    """Whether the person's token still holds, and a server of ours is still shared with them. Raises when Plex cannot say now."""
    person = await ctx.people.by_identity(identity.subject)
    if person is not None:
        await note_account(ctx, person.id)  # should they lose the account now, they see no more by that
    if secret is None:
        return Standing.REVOKED
    link = await some_connection(ctx)
    try:
        account = await link.plex_tv.account(secret)
        if str(account.id) != identity.subject:
            return Standing.REVOKED
        if not await is_member(ctx, account, secret):
            return Standing.REMOVED
    except TokenRefused:
        return Standing.REVOKED
    if person is not None:
        await ask_later(ctx, person.id)  # who never looks is told of new things, too
    return Standing.GOOD


def _count(ctx: Context[PlexSettings], result: str) -> None:
    ctx.metrics.counter("sign_ins", "Sign-ins that somebody said yes to at Plex.", ["result"]).inc(result=result)


def _identity(account: Account, token: str) -> Identity:
    has_picture = account.thumb is not None and account.thumb.startswith("https://")
    return Identity(
        # The number: names and addresses change hands.
        subject=str(account.id),
        username=account.name,
        display_name=account.friendly_name or account.title or account.name,
        email=account.email or None,
        email_verified=bool(account.email) and account.confirmed is True,
        avatar=account.thumb if has_picture else None,
        secret=token,
    )


PROVIDER: Final = SignInProvider(
    name="plex", title="Plex", begin=begin, complete=complete, recheck=recheck, icon="tv", polls=True
)
