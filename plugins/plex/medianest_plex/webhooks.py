"""What Plex Pass webhooks tell: that something is played, or came in. A second way beside the notifications, not the truth."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from pydantic import Field

from medianest_hub.plugin_api import Context, Webhook
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, Unavailable, UpstreamError
from medianest_plex.client.session_shapes import Flag, ItemPart, Part, Text, UserPart
from medianest_plex.client.sessions import Playing, PlayState, item_of
from medianest_plex.installation import known_machine_identifier
from medianest_plex.library.hints import hint
from medianest_plex.library.state import heard
from medianest_plex.models import Answer
from medianest_plex.playing.board import Board
from medianest_plex.playing.looking import look_once
from medianest_plex.playing.telling import tell
from medianest_plex.servers import everywhere, here
from medianest_plex.settings import PlexSettings

SESSION_OF_WEBHOOK: Final = "webhook:"
"""How the key of a session begins that no list has told of."""

_NEW: Final = "library.new"
_STOPPED: Final = "media.stop"
_SEEN: Final = "media.scrobble"
_STATES: Final[dict[str, PlayState]] = {"media.play": "playing", "media.resume": "playing", "media.pause": "paused"}
_LOOKING: Final = "looking"
_LOOK_SECONDS: Final = 6.0
"""A webhook has ten."""


class WebhookServer(Answer):
    """Which server speaks. `uuid` is its machine identifier."""

    uuid: Text = ""


class WebhookPlayer(Answer):
    """What it is played on."""

    local: Flag = None
    public_address: Annotated[Text, Field(alias="publicAddress")] = ""
    title: Text = ""
    uuid: Text = ""


class PlexWebhook(Answer):
    """The field `payload` of the form. https://support.plex.tv/articles/115002267687-webhooks/"""

    event: Text = ""
    account: Annotated[Part[UserPart], Field(alias="Account")] = UserPart()
    server: Annotated[Part[WebhookServer], Field(alias="Server")] = WebhookServer()
    player: Annotated[WebhookPlayer | None, Field(alias="Player")] = None
    item: Annotated[ItemPart | None, Field(alias="Metadata")] = None


async def media(ctx: Context[PlexSettings], payload: PlexWebhook) -> None:
    """Look at the sessions, or take what is told where they cannot be read; `library.new` is passed on to the sync."""
    if payload.event not in (_NEW, _STOPPED, _SEEN, *_STATES):
        return
    server = await _server_of(ctx, payload.server.uuid)
    if server is None:
        # A webhook is an account's, and comes from every server of that account.
        ctx.log.info("plex_webhook_of_another_server", machine=payload.server.uuid)
        return
    await heard(server, machine_identifier=await known_machine_identifier(server) or "")
    if payload.event == _NEW:
        key = payload.item.rating_key if payload.item is not None else None
        await hint(server, [] if key is None else [key])
    elif not await _looked(server):
        await _take(server, payload)


async def _server_of(ctx: Context[PlexSettings], machine: str) -> Context[PlexSettings] | None:
    """The server that speaks, by its machine identifier; without one, or while ours is not known, where there is one only."""
    servers = everywhere(ctx)
    known = [await known_machine_identifier(one) for one in servers]
    if machine in known:
        return servers[known.index(machine)]
    is_certain = len(servers) == 1 and (not machine or known[0] is None)
    return servers[0] if is_certain else None


async def _looked(ctx: Context[PlexSettings]) -> bool:
    """Whether the sessions could be read. Those that come while somebody reads them share the next reading."""
    if here(ctx).token is None:
        return False
    looking = ctx.state.setdefault(f"{_LOOKING}:{ctx.instance}", _Looking())
    if not isinstance(looking, _Looking):
        raise TypeError("something else is kept under that name")
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await looking.look(ctx)
    except (UpstreamError, AuthFailed, ConfigInvalid) as error:
        ctx.log.info("plex_sessions_unread", server=ctx.instance, error=error.message)
        return False
    except TimeoutError:
        ctx.log.info("plex_sessions_unread", server=ctx.instance, error="it took too long")
        return False
    except Unavailable as error:
        if error.error_code != "service_down":
            raise
        return False
    return True


class _Looking:
    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._asked = self._done = 0

    async def look(self, ctx: Context[PlexSettings]) -> None:
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._done < mine:
                covered = self._asked
                await look_once(ctx)
                self._done = covered


async def _take(ctx: Context[PlexSettings], payload: PlexWebhook) -> None:
    state = _STATES.get(payload.event)
    if payload.item is None or payload.player is None or not payload.player.uuid:
        return
    board, player = Board(ctx), payload.player
    found = Playing(
        session_key=f"{SESSION_OF_WEBHOOK}{player.uuid}",
        account_id=payload.account.id,
        account_name=payload.account.title,
        player=player.title,
        player_id=player.uuid,
        product="",
        address="" if player.local else player.public_address,
        is_local=player.local,
        state=state,
        item=item_of(payload.item),
        progress_ms=max(payload.item.offset or 0, 0),
        decision="direct",
        video_decision=None,
        audio_decision=None,
        resolution="",
        bandwidth_kbps=None,
    )
    if payload.event == _STOPPED:
        await tell(ctx, await board.end(found))
    elif state is not None:
        await tell(ctx, await board.begin(found))


MEDIA: Final = Webhook("media", media, PlexWebhook, secret_in_path=True, multipart_field="payload")
