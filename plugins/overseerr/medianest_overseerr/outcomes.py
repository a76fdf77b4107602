"""What a change of a request means to people: which kinds are told of it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import NotificationKind
from medianest_overseerr.kinds import (
    REQUEST_APPROVED,
    REQUEST_AVAILABLE,
    REQUEST_DECLINED,
    REQUEST_FAILED,
    REQUEST_PENDING,
    REQUESTED,
)
from medianest_overseerr.requests.rows import Change
from medianest_overseerr.states import RequestState

LONG_AGO: Final = timedelta(days=1)
"""What was new so long before it was seen is no news: it comes from a service that was not looked at until now."""

_UNDECIDED: Final = (None, RequestState.PENDING, RequestState.DECLINED)
_MORE_THAN_ONCE: Final = ("approved", "declined", "failed")
_ON_ITS_WAY: Final = (RequestState.APPROVED, RequestState.PROCESSING, RequestState.PARTLY_AVAILABLE)


def outcomes(change: Change) -> list[NotificationKind]:
    """What is told of it, in order. `REQUEST_PENDING` is for those who decide, the others for whose request it is.

    Steps between states that people need not tell apart, and requests that were taken back, are told of as events only.
    """
    if change.after is None:
        return []
    is_other = change.before is None or change.before.created_at != change.after.created_at
    state, was = change.after.state, None if is_other or change.before is None else change.before.state
    if was is None and change.after.changed_at - change.after.updated_at > LONG_AGO:
        return []
    told = [REQUESTED] if was is None else []
    if state is RequestState.PENDING:
        told.append(REQUEST_PENDING)
    elif state in _ON_ITS_WAY and was in _UNDECIDED:
        told.append(REQUEST_APPROVED)
    elif state is RequestState.DECLINED:
        told.append(REQUEST_DECLINED)
    elif state is RequestState.FAILED:
        told.append(REQUEST_FAILED)
    elif state.is_fulfilled and (was is None or not was.is_fulfilled):
        told.append(REQUEST_AVAILABLE)
    return told


def key(change: Change, kind: NotificationKind) -> str:
    """What makes it this happening: the same of one request is told once, however often and by whomever it is seen.

    When it was made is part of it, for a service set up anew numbers its requests from 1 again. A request may be decided on
    again, and one that was tried again may fail again: of these, when they changed is part of it.
    """
    row = change.row
    what = kind.name.removeprefix("others_").removeprefix("request_")
    name = f"request:{row.request_id}:{row.created_at:%Y%m%dT%H%M%S}:{what}"
    return f"{name}:{row.updated_at:%Y%m%dT%H%M%S}" if what in _MORE_THAN_ONCE else name
