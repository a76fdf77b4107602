"""The one stream: listens to the Plex server, so that what is played and what came in is known at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context, Lease, stream
from medianest_hub.plugin_api.errors import AuthFailed, UpstreamError
from medianest_plex.connection import connection
from medianest_plex.library.state import lost
from medianest_plex.playing.board import Board
from medianest_plex.playing.listening import Listening
from medianest_plex.playing.telling import tell
from medianest_plex.settings import PlexSettings
from medianest_plex.webhooks import SESSION_OF_WEBHOOK

_TIDY_SECONDS: Final = 60.0
_LONGEST_UNTOLD: Final = timedelta(hours=6)
"""What only webhooks tell of is over when they have told nothing for so long: they may be lost."""


@stream("listen", max_backoff=30)
async def listen(ctx: Context[PlexSettings], lease: Lease) -> None:
    """Listen until cancelled. `AuthFailed` once neither the server nor plex.tv honours the owner's token.

    Without a token nothing is listened to: the plugin then only signs people in, and keeps what webhooks tell.
    """
    board = await Board.claim(ctx, lease.fence)
    if ctx.settings.token is None:
        while True:
            await tell(ctx, await board.give_up(_LONGEST_UNTOLD, only=SESSION_OF_WEBHOOK))
            await asyncio.sleep(_TIDY_SECONDS)
    try:
        link = await connection(ctx)
    except (UpstreamError, AuthFailed) as error:
        await lost(ctx, error.message)
        raise UpstreamError(error.message, service="Plex server") from error
    await Listening(ctx, board, link).run()
