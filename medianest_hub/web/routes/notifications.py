"""One's own notifications over HTTP, and how one wants to hear of things. Tells nobody anything."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.notifications.preferences import WantedPreferences
from medianest_hub.notifications.views import NotificationView, Preferences
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.plugin_api.people import ACCOUNT, SIGNED_IN
from medianest_hub.plugin_api.routes import Call, Empty, RequestView, Router

router = Router()


class NotificationPath(BaseModel):
    """The part of a path that names a notification."""

    id: UUID


class NotificationsWanted(BaseModel):
    """Which, and how many at once; `cursor` is the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid")

    unread: bool = False
    cursor: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)


class Unread(BaseModel):
    """How many are unread."""

    unread: int


class ReadUntil(BaseModel):
    """`until`: the id of the newest notification the reader was shown."""

    model_config = ConfigDict(extra="forbid")

    until: UUID


@router.get("/api/v1/notifications", permission=SIGNED_IN)
async def list_notifications(parts: HubParts, call: Call[Empty, NotificationsWanted]) -> Page[NotificationView]:
    """What the caller was told, the newest first, in their language."""
    wanted, room = call.query, parts.notifications
    language = await room.choices.language(call.caller.id, wished_language(call.request))
    found = await room.list.page(
        call.caller, language, before=wanted.cursor, unread=wanted.unread, limit=wanted.limit + 1
    )
    items = found[: wanted.limit]
    return Page[NotificationView](items=items, next_cursor=str(items[-1].id) if len(found) > wanted.limit else None)


@router.get("/api/v1/notifications/unread", permission=SIGNED_IN)
async def count_unread(parts: HubParts, call: Call) -> Unread:
    """How many the caller has not read; those they want gathered are not counted."""
    return Unread(unread=await parts.notifications.list.unread(call.caller))


@router.post("/api/v1/notifications/{id}/read", permission=SIGNED_IN)
async def read_notification(parts: HubParts, call: Call[NotificationPath]) -> Unread:
    """The caller has read it; again does no harm. Their other pages hear `notification:read`."""
    if not await parts.notifications.list.read(call.caller.id, call.path.id):
        raise _no_such_notification()
    return await _told_pages(parts, call)


@router.post("/api/v1/notifications/read-all", permission=SIGNED_IN)
async def read_all_notifications(parts: HubParts, call: Call[Empty, Empty, ReadUntil]) -> Unread:
    """The caller has read that one and all before it; what came since stays unread."""
    await parts.notifications.list.read_all(call.caller.id, call.body.until)
    return await _told_pages(parts, call)


@router.delete("/api/v1/notifications/{id}", permission=SIGNED_IN)
async def remove_notification(parts: HubParts, call: Call[NotificationPath]) -> None:
    """Take it out of the caller's list."""
    if not await parts.notifications.list.remove(call.caller.id, call.path.id):
        raise _no_such_notification()
    await _told_pages(parts, call)


@router.get("/api/v1/notifications/preferences", permission=ACCOUNT)
async def show_preferences(parts: HubParts, call: Call) -> Preferences:
    """What the caller may be told by, by which ways, and how they want it."""
    return await parts.notifications.preferences.show(call.caller, wished_language(call.request))


@router.put("/api/v1/notifications/preferences", permission=ACCOUNT)
async def replace_preferences(parts: HubParts, call: Call[Empty, Empty, WantedPreferences]) -> Preferences:
    """From now on this; what is left out is as by default again."""
    desk = parts.notifications.preferences
    await desk.replace(call.caller, call.body)
    return await desk.show(call.caller, wished_language(call.request))


def wished_language(request: RequestView) -> str:
    """What the browser asks for."""
    return request.headers.get("accept-language", "")


async def _told_pages(parts: HubParts, call: Call[NotificationPath] | Call[Empty, Empty, ReadUntil]) -> Unread:
    """How many are unread now; the person's open pages hear of it as well."""
    unread = await parts.notifications.list.unread(call.caller)
    await parts.realtime.send("notification:read", {"unread": unread}, person=call.caller.id, keep=False)
    return Unread(unread=unread)


def _no_such_notification() -> NotFound:
    return NotFound("There is no such notification in your list.", code="no_such_notification")
