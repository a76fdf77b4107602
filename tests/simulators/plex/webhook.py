"""Posts what a Plex server posts to its webhooks (Plex Pass): a multipart form; decides neither when nor to whom."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from .item_json import item_json
from .items import Item
from .pictures import picture
from .playing import Playing, local_number, player_json
from .pms import Pms
from .world import Account

EVENTS = frozenset(f"media.{one}" for one in ("play", "pause", "resume", "stop", "scrobble", "rate")) | {
    "library.new",
    "library.on.deck",
    "playback.started",
    "device.new",
    "admin.database.backup",
}
"""https://support.plex.tv/articles/115002267687-webhooks/"""


def message(pms: Pms, event: str, what: Playing | Item | None, account: Account | None) -> dict[str, Any]:
    """The payload. Without an account it is the player's, or the owner's.

    `user` and `owner` say whose webhook it is, not who plays: the hub's is always the owner's.
    """
    assert event in EVENTS, event
    owner = pms.world.home.owner
    who = what.account if isinstance(what, Playing) else account or owner
    assert who is not None
    person = local_number(who, owner)
    said: dict[str, Any] = {
        "event": event,
        "user": False,
        "owner": True,
        "Account": {
            "id": person,
            "thumb": f"https://plex.tv/users/{who.uuid}/avatar?c={who.joined_at}",
            "title": who.username or who.title,
        },
        "Server": {"title": pms.world.home.name, "uuid": pms.world.home.machine_identifier},
    }
    if isinstance(what, Playing):
        player = player_json(what)
        said["Player"] = {
            "local": what.local,
            "publicAddress": player["remotePublicAddress"],
            "title": what.player,
            "uuid": what.client,
        }
    item = what.item if isinstance(what, Playing) else what
    if item is not None:
        said["Metadata"] = _metadata(pms, item, person)
        if isinstance(what, Playing):
            said["Metadata"]["viewOffset"] = what.offset
    return said


def _metadata(pms: Pms, item: Item, person: int) -> dict[str, Any]:
    said = item_json(pms.library, item, person, place=True)
    said.pop("Media", None)
    section = pms.library.sections.get(item.section)
    return {"librarySectionType": section.type, **said} if section is not None else said


def thumb(item: Item) -> bytes:
    """The picture that goes with it."""
    return picture(item.rating_key, "thumb", "JPEG", (40, 60))


async def post(
    url: str, payload: dict[str, Any] | str, image: bytes | None, headers: dict[str, str], version: str, kind: str
) -> int:
    """Send the form, its JSON as a part of that `kind`. Returns the status; 0 when nobody could be reached."""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("payload", text, content_type=kind)
    if image is not None:
        data.add_field("thumb", image, filename="thumb.jpg", content_type="image/jpeg")
    own = {"User-Agent": f"PlexMediaServer/{version}", **headers}
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, data=data, headers=own) as answer,
        ):
            return answer.status
    except aiohttp.ClientConnectionError:
        return 0
