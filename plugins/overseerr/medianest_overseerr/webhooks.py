"""What the webhook of Overseerr and Seerr tells: a hint to look at one thing at once. Nothing of what it says is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from medianest_hub.plugin_api import Webhook
from medianest_hub.plugin_api.errors import BadInput, FieldProblem, HubError
from medianest_overseerr.connection import Ctx
from medianest_overseerr.hearing.hint import Hint
from medianest_overseerr.hearing.issues import look as look_at_issue
from medianest_overseerr.hearing.later import poll_soon
from medianest_overseerr.hearing.requests import look as look_at_request
from medianest_overseerr.hearing.requests import look_at_title
from medianest_overseerr.states import RequestState

TEST: Final = "TEST_NOTIFICATION"
_S = RequestState
_UNDECIDED: Final = frozenset({_S.PENDING, _S.DECLINED})

NOT_YET: Final[Mapping[str, frozenset[RequestState]]] = {
    "MEDIA_PENDING": frozenset(),
    "MEDIA_APPROVED": _UNDECIDED,
    "MEDIA_AUTO_APPROVED": _UNDECIDED,
    "MEDIA_AUTO_REQUESTED": frozenset(),
    "MEDIA_AVAILABLE": frozenset({_S.PENDING, _S.APPROVED, _S.PROCESSING, _S.PARTLY_AVAILABLE}),
    "MEDIA_DECLINED": frozenset({_S.PENDING}),
    "MEDIA_FAILED": frozenset({_S.PENDING, _S.APPROVED, _S.PROCESSING}),
}
"""What is told of requests, and in which states that is not to be seen yet."""

ISSUES_TOLD: Final = frozenset({"ISSUE_CREATED", "ISSUE_COMMENT", "ISSUE_RESOLVED", "ISSUE_REOPENED"})
"""What is told of issues."""

_LOOK_SECONDS: Final = 7.0
"""The hub gives a webhook ten."""


async def notified(ctx: Ctx, payload: Hint) -> None:
    """Look at what it tells of; where that cannot be done now, the worker does it soon. Raises `BadInput` without a type."""
    kind = payload.notification_type
    known = kind in NOT_YET or kind in ISSUES_TOLD or kind == TEST
    ctx.metrics.counter("webhooks", "What the webhook told of.", ["type"]).inc(type=kind if known else "other")
    if not kind:
        words = (
            "The body has no notification_type, so it is not made by the template of this hub. Paste that one into the "
            "JSON payload of the webhook in Overseerr's settings."
        )
        raise BadInput(words, fields=[FieldProblem(field="body.notification_type", code="missing", message=words)])
    if kind == TEST:
        ctx.log.info("overseerr_webhook_tested")
        return
    if not known:
        ctx.log.info("overseerr_webhook_passed_over", type=kind, reason="nothing is known of this type")
        return
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            looked = await _look(ctx, kind, payload)
    except TimeoutError:
        reason = "it took too long"
    except HubError as error:
        reason = error.message
    else:
        if looked:
            return
        reason = "it does not say what it is about"
    ctx.log.info("overseerr_webhook_put_off", type=kind, reason=reason)
    await poll_soon(ctx)


async def _look(ctx: Ctx, kind: str, payload: Hint) -> bool:
    """Whether there was something to look at."""
    if kind in ISSUES_TOLD:
        if payload.issue_number is None:
            return False
        await look_at_issue(ctx, payload.issue_number)
        return True
    if payload.request_number is not None:
        await look_at_request(ctx, payload.request_number, NOT_YET[kind])
        return True
    return payload.title is not None and bool(await look_at_title(ctx, *payload.title, NOT_YET[kind]))


NOTIFICATION: Final = Webhook("notification", notified, Hint, body_limit=64 * 1024)
