"""The audit log over HTTP, for admins: look, filter, take away whole. Nothing here changes it."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from medianest_hub.audit.entry import LONGEST_NAME, Result
from medianest_hub.audit.formats import CONTENT_TYPES, Format, lines
from medianest_hub.audit.reading import AuditEntry, Filter
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page, StreamAnswer
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit

router = Router()


class EntriesWanted(BaseModel):
    """Which entries; all that is given must fit.

    `actor` is a person's id (also for what was done with their API keys), `target` the id of what it was done to. `action`
    also fits every action that begins with it. Times are RFC 3339 with an offset; `since` is included, `until` is not.
    """

    model_config = ConfigDict(extra="forbid")

    actor: UUID | None = None
    action: str = Field(default="", max_length=LONGEST_NAME)
    target: str = Field(default="", max_length=LONGEST_NAME)
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None = None
    result: Result | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def filter(self) -> Filter:
        """The same, as the log takes it."""
        return Filter(self.actor, self.action, self.target, self.address, self.result, self.since, self.until)


class PageWanted(EntriesWanted):
    """Which entries, and how many at once; `cursor` is the `next_cursor` of the page before."""

    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ExportWanted(EntriesWanted):
    """Which entries, and as what: one JSON object a line, or CSV."""

    format: Format = "ndjson"


class Actions(BaseModel):
    """What can be filtered by: every action there is an entry of."""

    items: list[str]


@router.get("/api/v1/audit", permission=ADMIN)
async def list_entries(parts: HubParts, call: Call[Empty, PageWanted]) -> Page[AuditEntry]:
    """Who did what, newest first."""
    wanted = call.query
    found = await parts.audit.list(wanted.filter(), before=wanted.cursor, limit=wanted.limit + 1)
    items = list(found[: wanted.limit])
    return Page[AuditEntry](items=items, next_cursor=str(items[-1].id) if len(found) > wanted.limit else None)


@router.get("/api/v1/audit/actions", permission=ADMIN)
async def list_actions(parts: HubParts, call: Call) -> Actions:
    """The actions that occur in the log, for a list to choose from."""
    return Actions(items=list(await parts.audit.actions()))


@router.get("/api/v1/audit/export", permission=ADMIN)
async def export_entries(parts: HubParts, call: Call[Empty, ExportWanted]) -> StreamAnswer:
    """All entries that fit, newest first, as a file. Taking them away is itself written down.

    The connection is cut where it cannot be finished, so that nobody takes a part for the whole.
    """
    wanted = call.query
    asked = wanted.model_dump(mode="json", exclude_defaults=True, exclude={"format"})
    note_for_audit(format=wanted.format, filters=[f"{name} {value}" for name, value in asked.items()])
    name = f"medianest-audit.{wanted.format}"
    return StreamAnswer(
        lines(parts.audit.export(wanted.filter()), wanted.format),
        CONTENT_TYPES[wanted.format],
        {"content-disposition": f'attachment; filename="{name}"'},
    )
