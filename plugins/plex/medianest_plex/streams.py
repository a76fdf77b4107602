"""The one stream: listens to all Plex servers side by side, so that what is played and what came in is known at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context, Lease, stream
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, UpstreamError
from medianest_plex.connection import connection
from medianest_plex.library.state import lost
from medianest_plex.playing.board import Board
from medianest_plex.playing.holding import Overtaken
from medianest_plex.playing.listening import GIVE_UP, Listening, pause
from medianest_plex.playing.telling import tell
from medianest_plex.servers import everywhere, here
from medianest_plex.settings import PlexSettings
from medianest_plex.webhooks import SESSION_OF_WEBHOOK

_TIDY_SECONDS: Final = 60.0
_LONGEST_UNTOLD: Final = timedelta(hours=6)
"""What only webhooks tell of is over when they have told nothing for so long: they may be lost."""
_STEADY_SECONDS: Final = 60.0
_REFUSED_SECONDS: Final = 900.0
"""A token that was refused is tried again after so long, while other servers are listened to."""


@stream("listen", max_backoff=30)
async def listen(ctx: Context[PlexSettings], lease: Lease) -> None:
    """Listen to every server until cancelled; the trouble of one is borne, and tried again, while another is listened to.

    Ends once none is: with `AuthFailed` when neither any server nor plex.tv honours its owner's token. Without a token
    nothing is listened to: the plugin then only signs people in, and keeps what webhooks tell.
    """
    servers = everywhere(ctx)
    ended: dict[str, Exception] = {}
    tasks = [asyncio.create_task(_keep(one, lease, ended, of=len(servers))) for one in servers]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(ctx: Context[PlexSettings], lease: Lease, ended: dict[str, Exception], *, of: int) -> None:
    """Listen to one server, again and again. `ended` has what ended the listening of each of so many that is not going on."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        began, seconds = loop.time(), 0.0
        try:
            await _listen(ctx, lease)
        except Overtaken:
            raise
        except Exception as error:
            ended[ctx.instance] = error
            if len(ended) == of:
                raise _worst(ended) from None
            failures = 1 if loop.time() - began > _STEADY_SECONDS else failures + 1
            _report(ctx, error, failures)
            seconds = _REFUSED_SECONDS if isinstance(error, AuthFailed | ConfigInvalid) else pause(failures)
        await _rest(ctx, lease, seconds)
        ended.pop(ctx.instance, None)


async def _listen(ctx: Context[PlexSettings], lease: Lease) -> None:
    board = await Board.claim(ctx, lease.fence)
    if here(ctx).token is None:
        while True:
            await tell(ctx, await board.give_up(_LONGEST_UNTOLD, only=SESSION_OF_WEBHOOK))
            await asyncio.sleep(_TIDY_SECONDS)
    try:
        link = await connection(ctx)
    except (UpstreamError, AuthFailed, ConfigInvalid) as error:
        await lost(ctx, error.message)
        if isinstance(error, ConfigInvalid):
            raise
        raise UpstreamError(error.message, service=here(ctx).service) from error
    await Listening(ctx, board, link).run()


async def _rest(ctx: Context[PlexSettings], lease: Lease, seconds: float) -> None:
    """Nothing is heard of the server meanwhile: what was played there is over after a while."""
    board = await Board.claim(ctx, lease.fence)
    while seconds > 0:
        await asyncio.sleep(min(seconds, _TIDY_SECONDS))
        seconds -= _TIDY_SECONDS
        await tell(ctx, await board.give_up(GIVE_UP))


def _report(ctx: Context[PlexSettings], error: Exception, failures: int) -> None:
    """The first failure in a row; the mistakes among them with all there is to know."""
    if isinstance(error, HubError):
        if failures == 1:
            ctx.log.warning("plex_listening_failed", server=ctx.instance, error=error.message)
    else:
        ctx.log.exception("plex_listening_failed", server=ctx.instance, error=type(error).__name__)


def _worst(ended: dict[str, Exception]) -> Exception:
    """What the host is to hear: that nothing can be done without an admin only where that holds of all servers."""
    found = list(ended.values())
    return next((one for one in found if not isinstance(one, AuthFailed | ConfigInvalid)), found[-1])
