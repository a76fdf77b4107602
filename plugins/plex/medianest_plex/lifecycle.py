"""Testing settings, starting, stopping."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from medianest_hub.plugin_api import Context, Lifecycle
from medianest_hub.plugin_api.errors import (
    AuthFailed,
    ConfigInvalid,
    FieldProblem,
    HubError,
    NotReady,
    Unavailable,
    UpstreamError,
)
from medianest_plex.client import PlexServer, PlexTv
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.connection import clients, connection, forget
from medianest_plex.installation import kept_client_identifier
from medianest_plex.library.hints import hint
from medianest_plex.models import ServerIdentity
from medianest_plex.settings import PlexSettings

_FORM: Final = {
    "elsewhere": "Another Plex server answers there, {found}. Correct the address, or the machine identifier.",
    "unclaimed": "This Plex server belongs to no Plex account, so nobody could sign in. Sign in to it with Plex first.",
    "refused": "Plex does not honour this token. Get a new one from the owner's account.",
    "not_owner": "This token is of a Plex account that does not own the server. Enter one of its owner.",
    "open": 'The Plex server lets in everybody who comes from the hub (its setting "List of IP addresses and networks '
    'that are allowed without auth"), so it cannot say who belongs to it. Enter the token of its owner here.',
}


async def check_settings(ctx: Context[PlexSettings]) -> None:
    """ "Test connection": the server answers and is the right one, plex.tv answers, the token is its owner's."""
    plex_tv, server = clients(ctx, await kept_client_identifier(ctx) or str(uuid4()))
    identity = await _ask_server(server)
    wanted = ctx.settings.machine_identifier
    if wanted and wanted != identity.machine_identifier:
        raise _wrong("machine_identifier", "elsewhere", found=identity.machine_identifier)
    if identity.claimed is False:
        raise _wrong("url", "unclaimed")
    try:
        if ctx.settings.token is not None:
            await _check_token(plex_tv, ctx.settings.token.get_secret_value(), identity.machine_identifier)
        else:
            await plex_tv.reachable()
    except (UpstreamError, Unavailable) as error:
        raise NotReady(f"plex.tv cannot be asked: {error.message}") from error
    if ctx.settings.token is None and await _is_open(server):
        raise _wrong("token", "open")


async def startup(ctx: Context[PlexSettings]) -> None:
    """Know which server is ours. Once it is known the server may be off: plex.tv says who is let in."""
    try:
        await connection(ctx)
    except (UpstreamError, AuthFailed) as error:
        raise NotReady(f"It is not known yet which Plex server is ours: {error.message}") from error
    if ctx.process == "worker" and ctx.settings.token is not None:
        await hint(ctx)  # the settings may want other libraries than before


async def shutdown(ctx: Context[PlexSettings]) -> None:
    """Nothing is held open between calls."""
    forget(ctx)


async def _ask_server(server: PlexServer) -> ServerIdentity:
    try:
        return await server.identity()
    except (UpstreamError, Unavailable) as error:
        raise NotReady(f"The Plex server cannot be asked: {error.message}") from error
    except AuthFailed:
        words = "Something before the Plex server asks for a password there. Enter the server's own address."
        raise ConfigInvalid(words, fields=[FieldProblem(field="url", code="protected", message=words)]) from None


async def _is_open(server: PlexServer) -> bool:
    try:
        return await server.admits(None) is not None
    except HubError as error:
        raise NotReady(f"The Plex server cannot be asked: {error.message}") from error


async def _check_token(plex_tv: PlexTv, token: str, machine_identifier: str) -> None:
    try:
        await plex_tv.account(token)
        devices = await plex_tv.devices(token)
    except TokenRefused:
        words = _FORM["refused"]
        raise AuthFailed(words, fields=[FieldProblem(field="token", code="refused", message=words)]) from None
    if not any(
        device.owned and device.is_server and device.client_identifier == machine_identifier for device in devices
    ):
        raise _wrong("token", "not_owner")


def _wrong(field: str, code: str, **params: str) -> ConfigInvalid:
    words = _FORM[code].format(**params)
    return ConfigInvalid(words, fields=[FieldProblem(field=field, code=code, message=words)])


LIFECYCLE: Final = Lifecycle(check_settings=check_settings, startup=startup, shutdown=shutdown)
