"""Whether the Plex servers and plex.tv are well, asked once per period over all replicas, and whether each server is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, health_check
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.connection import Connection, connection, some_connection
from medianest_plex.library.state import read_server
from medianest_plex.playing.reading import STALE_AFTER
from medianest_plex.servers import everywhere, here
from medianest_plex.settings import PlexSettings, ServerSettings

ANSWER_SECONDS: Final = 10.0
"""So long each server may take: one that hangs must not make the whole check a failure of all."""

PLEX_TV_SECONDS: Final = 6.0
"""So long plex.tv may take: a check that is cut short cannot say what was waited for."""


@health_check("server", timeout=12, ttl=60)
async def server(ctx: Context[PlexSettings]) -> CheckResult:
    """Whether each of our Plex servers answers, and is still the same one."""
    return _together(ctx, await asyncio.gather(*(_answers(one) for one in everywhere(ctx))))


@health_check("plex_tv", timeout=8, ttl=300)
async def plex_tv(ctx: Context[PlexSettings]) -> CheckResult:
    """Whether plex.tv answers, and honours the owners' tokens where there are any."""
    try:
        async with asyncio.timeout(PLEX_TV_SECONDS):
            return await _honours(ctx)
    except TimeoutError:
        return CheckResult(status=HealthStatus.DOWN, detail=f"plex.tv did not answer within {PLEX_TV_SECONDS:g} s.")


async def _honours(ctx: Context[PlexSettings]) -> CheckResult:
    given = [one for one in ctx.settings.servers if one.token is not None]
    try:
        link = await some_connection(ctx)
        if not given:
            await link.plex_tv.reachable()
            return CheckResult(detail="plex.tv answers")
        honoured = await asyncio.gather(*(_is_honoured(link, one) for one in given))
    except HubError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.message)
    refused = [one for one, is_honoured in zip(given, honoured, strict=True) if not is_honoured]
    if refused:
        which = "" if len(ctx.settings.servers) == 1 else f" of {', '.join(one.service for one in refused)}"
        words = f"plex.tv no longer honours the owner's token{which}: enter a new one in the settings"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    return CheckResult(detail="plex.tv answers and honours the owner's token")


@health_check("library", timeout=5, ttl=10)
async def library(ctx: Context[PlexSettings]) -> CheckResult:
    """Whether what is shown of each server is as it is there; asks Postgres only: who listens has written down how it goes."""
    return _together(ctx, [await _is_heard(one) for one in everywhere(ctx)])


def _together(ctx: Context[PlexSettings], results: Sequence[CheckResult]) -> CheckResult:
    """One result for all servers, saying of which what holds: as bad as it is of all, degraded where it is so of some."""
    if len(results) == 1:
        return results[0]
    found = {one.status for one in results}
    data: dict[str, str | int | float | bool | None] = {}
    words = []
    for server, result in zip(ctx.settings.servers, results, strict=True):
        data[f"{server.instance}.status"] = result.status.value
        data |= {f"{server.instance}.{name}": value for name, value in result.data.items()}
        words.append(f"{server.instance}: {result.detail}")
    status = found.pop() if len(found) == 1 else HealthStatus.DEGRADED
    return CheckResult(status=status, detail="; ".join(words), data=data)


async def _answers(ctx: Context[PlexSettings]) -> CheckResult:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            link = await connection(ctx)
            found = await link.server.identity()
            is_open = here(ctx).token is None and await link.server.admits(None) is not None
    except HubError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.message)
    except TimeoutError:
        words = f"{here(ctx).service} did not answer within {ANSWER_SECONDS:g} s."
        return CheckResult(status=HealthStatus.DOWN, detail=words)
    if found.machine_identifier != link.machine_identifier:
        words = (
            f"another Plex server answers at its address, {found.machine_identifier}: if that is as it should be, "
            "enter this as machine identifier in the settings"
        )
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    if is_open:
        words = (
            "it lets in everybody who comes from the hub, so it cannot say who belongs to it: enter its owner's token "
            "in the settings, or nobody new can sign in"
        )
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    return CheckResult(detail=f"Plex Media Server {found.version}".strip(), data={"version": found.version})


async def _is_honoured(link: Connection, server: ServerSettings) -> bool:
    try:
        if server.token is not None:
            await link.plex_tv.account(server.token.get_secret_value())
    except TokenRefused:
        return False
    return True


async def _is_heard(ctx: Context[PlexSettings]) -> CheckResult:
    if here(ctx).token is None:
        return CheckResult(detail="Without the owner's token there is no library: people can sign in with Plex.")
    server, now = await read_server(ctx.db, ctx.instance), ctx.clock.now()
    data: dict[str, str | int | float | bool | None] = {
        "heard_at": server.heard_at.isoformat() if server.heard_at else None,
        "synced_at": server.synced_at.isoformat() if server.synced_at else None,
    }
    if not server.connected or server.heard_at is None or now - server.heard_at > STALE_AFTER:
        heard = f"since {server.heard_at:%Y-%m-%d %H:%M} UTC" if server.heard_at else "yet"
        why = server.trouble or "No worker listens to it: is one running?"
        words = f"Nothing was heard of the Plex server {heard}. {why}"
        return CheckResult(status=HealthStatus.DOWN, detail=words, data=data)
    if server.trouble:
        return CheckResult(status=HealthStatus.DEGRADED, detail=server.trouble, data=data)
    if server.synced_at is None:
        return CheckResult(detail="The Plex server is heard; its library is being read for the first time.", data=data)
    return CheckResult(detail="The Plex server is heard.", data=data)
