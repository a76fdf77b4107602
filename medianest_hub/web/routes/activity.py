"""What happened in the house over HTTP, for each reader what they may see. Changes nothing."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.notifications.views import ActivityEntry
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.people import SIGNED_IN
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.routes.notifications import wished_language

router = Router()


class ActivityWanted(BaseModel):
    """Which entries, and how many at once; `cursor` is the `next_cursor` of the page before, `plugin` whose they are."""

    model_config = ConfigDict(extra="forbid")

    plugin: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    cursor: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/api/v1/activity", permission=SIGNED_IN)
async def list_activity(parts: HubParts, call: Call[Empty, ActivityWanted]) -> Page[ActivityEntry]:
    """What happened, the newest first, in the caller's language.

    They see what concerns themselves, what everybody with a permission of theirs may know, and what concerns others where
    they have the oversight of it.
    """
    wanted, room = call.query, parts.notifications
    language = await room.choices.language(call.caller.id, wished_language(call.request))
    found = await room.activity.page(
        call.caller, language, before=wanted.cursor, plugin=wanted.plugin, limit=wanted.limit + 1
    )
    items = found[: wanted.limit]
    return Page[ActivityEntry](items=items, next_cursor=str(items[-1].id) if len(found) > wanted.limit else None)
