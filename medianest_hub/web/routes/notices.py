"""What people should hear about sessions of theirs that the hub ended, until they have seen it; ends none itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from medianest_hub.accounts.devices import device_words
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import ACCOUNT
from medianest_hub.plugin_api.routes import Call, Empty, Router

router = Router()


class NoticeView(BaseModel):
    """`refresh_reused`: a sign-in was used from two places; `identity_withdrawn`: its provider stands for them no more.

    `sessions` of one provider were ended at that moment, `device` is what the browser or app (of one of them) said of
    itself, in words; `title` is the provider's.
    """

    code: Literal["refresh_reused", "identity_withdrawn"]
    at: datetime
    provider: str
    title: str
    device: str
    sessions: int


class Notices(BaseModel):
    """Those not seen yet, latest first."""

    items: list[NoticeView]
    next_cursor: str | None = None


class Seen(BaseModel):
    """`until`: the `at` of the latest notice they were shown."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime


@router.get("/api/v1/auth/notices", permission=ACCOUNT)
async def own_notices(parts: HubParts, call: Call) -> Notices:
    """Why the hub ended sessions of the caller, as far as they have not seen it yet."""
    known = parts.providers.all()
    return Notices(
        items=[
            NoticeView.model_validate(
                {
                    "code": one.code,
                    "at": one.at,
                    "provider": one.provider,
                    "title": known[one.provider].declared.title if one.provider in known else one.provider,
                    "device": device_words(one.user_agent),
                    "sessions": one.sessions,
                }
            )
            for one in await parts.notices.of_person(call.caller.id)
        ]
    )


@router.delete("/api/v1/auth/notices", permission=ACCOUNT)
async def dismiss_notices(parts: HubParts, call: Call[Empty, Seen]) -> None:
    """The caller has seen those up to that moment; one that came since stays."""
    await parts.notices.seen(call.caller.id, call.query.until)
