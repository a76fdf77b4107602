"""Testing settings, starting, stopping."""

from __future__ import annotations

import asyncio
from itertools import combinations
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
from medianest_plex.connection import clients, connection, forget, same_server
from medianest_plex.installation import kept_client_identifier
from medianest_plex.library.hints import hint
from medianest_plex.models import ServerIdentity
from medianest_plex.servers import everywhere, here, is_same_address
from medianest_plex.settings import PlexSettings, ServerSettings

_FORM: Final = {
    "elsewhere": "Another Plex server answers there, {found}. Correct the address, or the machine identifier.",
    "unclaimed": "This Plex server belongs to no Plex account, so nobody could sign in. Sign in to it with Plex first.",
    "refused": "Plex does not honour this token. Get a new one from the owner's account.",
    "not_owner": "This token is of a Plex account that does not own the server. Enter one of its owner.",
    "open": 'The Plex server lets in everybody who comes from the hub (its setting "List of IP addresses and networks '
    'that are allowed without auth"), so it cannot say who belongs to it. Enter the token of its owner here.',
    "no_address": "There is a token for a second Plex server, and no address. Enter its address, or remove the token.",
}


async def check_settings(ctx: Context[PlexSettings]) -> None:
    """ "Test connection": each server answers and is the right one, plex.tv answers, each token is its server's owner's.

    All servers are tried, and what is said names those that failed.
    """
    if not ctx.settings.second_url and ctx.settings.second_token is not None:
        words = _FORM["no_address"]
        raise ConfigInvalid(words, fields=[FieldProblem(field="second_url", code="no_address", message=words)])
    _apart(ctx.settings.servers)
    servers = everywhere(ctx)
    identifier = await kept_client_identifier(ctx) or str(uuid4())
    found = await asyncio.gather(*(_check(one, identifier) for one in servers), return_exceptions=True)
    failures: list[tuple[ServerSettings, HubError]] = []
    machines: dict[str, ServerSettings] = {}
    for server, outcome in zip(ctx.settings.servers, found, strict=True):
        if isinstance(outcome, HubError):
            failures.append((server, outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
        elif (other := machines.setdefault(outcome, server)) is not server:
            raise same_server(server, other)
    if failures:
        raise _told(failures, of=len(servers))


async def startup(ctx: Context[PlexSettings]) -> None:
    """Know which servers are ours. One that is known may be off: plex.tv says who is let in.

    One of which that is not known yet, or that turns out to be another of ours, holds up nothing while another one is known:
    it is asked again by whoever needs it.
    """
    _apart(ctx.settings.servers)
    failures: list[HubError] = []
    servers = everywhere(ctx)
    found = await asyncio.gather(*(connection(one) for one in servers), return_exceptions=True)
    for server, outcome in zip(servers, found, strict=True):
        if isinstance(outcome, UpstreamError | Unavailable | AuthFailed | ConfigInvalid):
            failures.append(outcome)
            ctx.log.warning("plex_server_unknown", server=server.instance, error=outcome.message)
        elif isinstance(outcome, BaseException):
            raise outcome
    if len(failures) == len(servers):
        for failure in failures:
            if isinstance(failure, ConfigInvalid):
                raise failure
        raise NotReady(f"It is not known yet which Plex server is ours: {failures[0].message}") from failures[0]
    if ctx.process == "worker":
        for server in servers:
            if here(server).token is not None:
                await hint(server)  # the settings may want other libraries than before


async def shutdown(ctx: Context[PlexSettings]) -> None:
    """Nothing is held open between calls."""
    forget(ctx)


def _apart(servers: tuple[ServerSettings, ...]) -> None:
    """Raise `ConfigInvalid` where two entries have one address, or one machine identifier."""
    for one, other in combinations(servers, 2):
        is_same_machine = one.machine_identifier and one.machine_identifier == other.machine_identifier
        if is_same_machine or is_same_address(one.url, other.url):
            raise same_server(other, one)


def _told(failures: list[tuple[ServerSettings, HubError]], *, of: int) -> HubError:
    """What failed, as one error: about the settings if any of it is about them, else to be tried again."""
    if of == 1:
        return failures[0][1]
    words = " ".join(f"{server.instance}: {error.message}" for server, error in failures)
    fields = [field for _, error in failures for field in error.fields]
    errors = [error for _, error in failures]
    if any(isinstance(error, ConfigInvalid) for error in errors):
        return ConfigInvalid(words, fields=fields)
    if any(isinstance(error, AuthFailed) for error in errors):
        return AuthFailed(words, fields=fields)
    return NotReady(words)


async def _check(ctx: Context[PlexSettings], identifier: str) -> str:
    """The machine identifier of the context's server, if all is well with it."""
    place = here(ctx)
    plex_tv, server = clients(ctx, identifier)
    identity = await _ask_server(place, server)
    if place.machine_identifier and place.machine_identifier != identity.machine_identifier:
        raise _wrong(place, "machine_identifier", "elsewhere", found=identity.machine_identifier)
    if identity.claimed is False:
        raise _wrong(place, "url", "unclaimed")
    try:
        if place.token is not None:
            await _check_token(place, plex_tv, place.token.get_secret_value(), identity.machine_identifier)
        else:
            await plex_tv.reachable()
    except (UpstreamError, Unavailable) as error:
        raise NotReady(f"plex.tv cannot be asked: {error.message}") from error
    if place.token is None and await _is_open(server):
        raise _wrong(place, "token", "open")
    return identity.machine_identifier


async def _ask_server(place: ServerSettings, server: PlexServer) -> ServerIdentity:
    try:
        return await server.identity()
    except (UpstreamError, Unavailable) as error:
        raise NotReady(f"The Plex server cannot be asked: {error.message}") from error
    except AuthFailed:
        words = "Something before the Plex server asks for a password there. Enter the server's own address."
        field = FieldProblem(field=place.field("url"), code="protected", message=words)
        raise ConfigInvalid(words, fields=[field]) from None


async def _is_open(server: PlexServer) -> bool:
    try:
        return await server.admits(None) is not None
    except HubError as error:
        raise NotReady(f"The Plex server cannot be asked: {error.message}") from error


async def _check_token(place: ServerSettings, plex_tv: PlexTv, token: str, machine_identifier: str) -> None:
    try:
        await plex_tv.account(token)
        devices = await plex_tv.devices(token)
    except TokenRefused:
        words = _FORM["refused"]
        field = FieldProblem(field=place.field("token"), code="refused", message=words)
        raise AuthFailed(words, fields=[field]) from None
    if not any(
        device.owned and device.is_server and device.client_identifier == machine_identifier for device in devices
    ):
        raise _wrong(place, "token", "not_owner")


def _wrong(place: ServerSettings, field: str, code: str, **params: str) -> ConfigInvalid:
    words = _FORM[code].format(**params)
    return ConfigInvalid(words, fields=[FieldProblem(field=place.field(field), code=code, message=words)])


LIFECYCLE: Final = Lifecycle(check_settings=check_settings, startup=startup, shutdown=shutdown)
