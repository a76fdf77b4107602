"""`/status/sessions`: what is being played, as the owner of the server is told it. Remembers nothing."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal

from medianest_hub.plugin_api import Http, TlsTrust, WebSocket
from medianest_hub.plugin_api.errors import AuthFailed, FieldProblem
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.server import SERVICE
from medianest_plex.client.session_shapes import (
    ItemPart,
    MediaPart,
    SessionEntry,
    SessionsAnswer,
    TranscodePart,
)

PlayState = Literal["playing", "paused", "buffering"]
Decision = Literal["direct", "copy", "transcode"]

LOCAL_OWNER: Final = 1
"""The number a server calls its owner by, whatever plex.tv calls that account."""

_DEADLINE: Final = 8.0
_PING_SECONDS: Final = 10.0
# A notification is some 500 bytes; one of a scan may name many items.
_MESSAGE_CAP: Final = 1024 * 1024
# A session is some 5 kB, with many actors and streams 30.
_CAP: Final = 8 * 1024 * 1024
_OTHER_KIND: Final = "other"
_LIVE: Final = "live"
_LONGEST_ADDRESS: Final = 500


@dataclass(frozen=True, slots=True)
class Item:
    """What is played. `kind` is the server's word (`movie`, `episode`, `track`, `clip`, …), or `live` or `other`.

    `rating_key` is None for what is in no library. `thumb` is a path at the server, or empty. Times in milliseconds.
    """

    rating_key: int | None
    section_key: int | None
    kind: str
    title: str
    parent_title: str
    grandparent_title: str
    number: int | None
    parent_number: int | None
    year: int | None
    thumb: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Playing:
    """One session. `account_id` is the server's number of the account: its owner is `LOCAL_OWNER`.

    `is_local` and `state` are None where nobody says. `decision` is the most that is done to picture or sound,
    `bandwidth_kbps` what it takes of the network.
    """

    session_key: str
    account_id: int | None
    account_name: str
    player: str
    player_id: str
    product: str
    address: str
    is_local: bool | None
    state: PlayState | None
    item: Item
    progress_ms: int
    decision: Decision
    video_decision: Decision | None
    audio_decision: Decision | None
    resolution: str
    bandwidth_kbps: int | None


class PlexSessions:
    """Calls raise as those of `PlexServer`, and `AuthFailed` (`token_field`) when the server refuses the owner's token.

    List and websocket each have a breaker of their own: neither a proxy that lets no websocket through nor a library that
    cannot be read must keep us from asking what is played.
    """

    def __init__(
        self,
        http: Http,
        url: str,
        product: str,
        client_identifier: str,
        tls: TlsTrust,
        token: str,
        service: str = SERVICE,
        token_field: str = "token",  # nosec B107 # noqa: S107 - a field's name
    ) -> None:
        self._http = http
        self._url = url
        self._tls = tls
        self._service = service
        self._token_field = token_field
        self._headers = plex_headers(product, client_identifier, token)

    async def playing(self) -> list[Playing]:
        """All sessions. Those without a key are left out: they cannot be told apart."""
        try:
            answer = await self._http.request(
                "GET",
                f"{self._url}/status/sessions",
                service=f"{self._service}'s list of sessions",
                headers=self._headers,
                deadline=_DEADLINE,
                cap=_CAP,
                retries=1,
                tls=self._tls,
            )
        except AuthFailed:
            raise token_refused(self._service, self._token_field) from None
        found = answer.parse(SessionsAnswer).container.entries
        return [playing_of(entry) for entry in found if entry.session_key]

    def notifications(self) -> AbstractAsyncContextManager[WebSocket]:
        """The websocket on which the server tells what happens, for `async with`. A 401 there is `AuthFailed` as well."""
        return self._http.websocket(
            f"{self._url}/:/websockets/notifications",
            service=f"{self._service}'s websocket",
            headers=self._headers,
            tls=self._tls,
            deadline=_DEADLINE,
            cap=_MESSAGE_CAP,
            ping=_PING_SECONDS,
        )


def token_refused(service: str, token_field: str) -> AuthFailed:
    """What to tell the admin when the owner's token is refused; `token_field` is the setting that holds it."""
    which = "" if service == SERVICE else f" for the {service}"
    words = f"Plex does not honour the owner's token{which}. Enter a new one from the owner's account in the settings."
    return AuthFailed(words, fields=[FieldProblem(field=token_field, code="refused", message=words)])


def playing_of(entry: SessionEntry) -> Playing:
    """The session, in words of ours."""
    player, media = entry.player, _selected(entry)
    video, audio = _decisions(entry, media)
    location = {"lan": True, "wan": False, "cellular": False}.get(entry.session.location)
    is_local = player.local if player.local is not None else location
    return Playing(
        session_key=entry.session_key,
        account_id=entry.user.id or player.user_id,
        account_name=entry.user.title,
        player=player.title or player.device or player.product,
        player_id=player.machine_identifier,
        product=player.product,
        address=(player.address or player.public_address) if is_local is not False else _outside(entry),
        is_local=is_local,
        state=state_of(player.state),
        item=item_of(entry),
        progress_ms=max(entry.offset or 0, 0),
        decision=_most(video, audio, transcoding=entry.transcoding is not None or _is_made_anew(media)),
        video_decision=video,
        audio_decision=audio,
        resolution=_resolution(media.resolution),
        bandwidth_kbps=entry.session.bandwidth or media.bitrate,
    )


def item_of(entry: ItemPart) -> Item:
    """What is played, whatever it is."""
    kind = entry.type.lower() if re.fullmatch(r"[A-Za-z]{1,20}", entry.type) else _OTHER_KIND
    thumbs = (entry.thumb, entry.parent_thumb, entry.grandparent_thumb)
    return Item(
        rating_key=entry.rating_key,
        section_key=entry.section_key,
        kind=_LIVE if entry.live else kind,
        title=entry.title or entry.grandparent_title or "?",
        parent_title=entry.parent_title,
        grandparent_title=entry.grandparent_title,
        number=entry.number,
        parent_number=entry.parent_number,
        year=entry.year,
        # Never an address: pictures are fetched from our server alone.
        thumb=next((one for one in thumbs if one.startswith("/") and len(one) <= _LONGEST_ADDRESS), ""),
        duration_ms=entry.duration if entry.duration is None or entry.duration > 0 else None,
    )


def state_of(text: str) -> PlayState | None:
    """What the server's word for a state means; None for `stopped`, and for words nobody knows."""
    match text:
        case "playing" | "paused" | "buffering":
            return text
    return None


def _outside(entry: SessionEntry) -> str:
    return entry.player.public_address or entry.player.address


def _selected(entry: SessionEntry) -> MediaPart:
    chosen = [one for one in entry.media if one.selected] or entry.media
    return chosen[0] if chosen else MediaPart()


def _is_made_anew(media: MediaPart) -> bool:
    return any(part.decision in ("transcode", "copy") for part in media.parts)


def _decisions(entry: SessionEntry, media: MediaPart) -> tuple[Decision | None, Decision | None]:
    told = entry.transcoding or media.transcoding or TranscodePart()
    by_stream = {
        one.kind: one.decision
        for part in media.parts
        if part.selected is not False
        for one in part.streams
        if one.decision
    }
    return (
        _decision(told.video_decision or by_stream.get(1, "")),
        _decision(told.audio_decision or by_stream.get(2, "")),
    )


def _decision(text: str) -> Decision | None:
    match text.lower():
        case "direct" | "directplay":
            return "direct"
        case "copy" | "directstream":
            return "copy"
        case "transcode":
            return "transcode"
    return None


def _most(video: Decision | None, audio: Decision | None, *, transcoding: bool) -> Decision:
    if "transcode" in (video, audio):
        return "transcode"
    return "copy" if "copy" in (video, audio) or transcoding else "direct"


def _resolution(text: str) -> str:
    """`1080p`, `4k`, `sd`."""
    text = text.lower()
    return f"{text}p" if text.isdecimal() else text
