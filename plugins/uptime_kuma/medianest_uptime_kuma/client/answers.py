"""Parts of Uptime Kuma's answers that several of them share: times, statuses, names, tags."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from medianest_uptime_kuma.client.words import clean, clean_lines
from medianest_uptime_kuma.models import Status

ModelT = TypeVar("ModelT", bound=BaseModel)

MOST_MONITORS: Final = 5000
MOST_BEATS: Final = 1000
"""Uptime Kuma sends a hundred of a monitor."""

_FIRST_YEAR, _LAST_YEAR = 1971, 2999
_MOST_DAYS: Final = 100_000
_MOST_TAGS: Final = 100


def _time(value: Any) -> datetime:
    """Times are UTC without saying so: `2026-11-22 06:05:47.078`. Those nobody's clock shows are none."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("not a time")
    moment = datetime.fromisoformat(value.strip())
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"not a time between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _perhaps_time(value: Any) -> datetime | None:
    try:
        return _time(value)
    except (ValueError, OverflowError):
        return None


def _status(value: Any) -> Status:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 3:
        raise ValueError("not a status: 0 to 3 are known")
    return Status.of(value)


def _ping(value: Any) -> float | None:
    """Milliseconds; whatever is no such number is none."""
    return float(value) if _is_number(value) and 0 <= value < 1e9 else None


def _ratio(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 <= value <= 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole_days(value: object) -> int | None:
    """Days as a whole number; None for what is none, or more than anybody's certificate is good for."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST_DAYS < value < _MOST_DAYS:
        return None
    return int(value)


def readable(model: type[ModelT], value: Any, *, most: int) -> list[ModelT]:
    """Those of a list that can be read, the first `most` of them. Raises ValueError for what is no list, or if none can."""
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - pydantic takes no TypeError
    found = []
    for one in value[:most]:
        with contextlib.suppress(ValueError, OverflowError, RecursionError):
            found.append(model.model_validate(one))
    if value and not found:
        raise ValueError("nothing in this list can be read")
    return found


def perhaps_list(model: type[ModelT], value: Any, *, most: int) -> list[ModelT]:
    """The same where nothing depends on it: what is no such list is an empty one."""
    try:
        return readable(model, value, most=most)
    except ValueError:
        return []


KumaTime = Annotated[datetime, BeforeValidator(_time)]
PerhapsTime = Annotated[datetime | None, BeforeValidator(_perhaps_time)]
StatusNumber = Annotated[Status, PlainValidator(_status)]
Ping = Annotated[float | None, BeforeValidator(_ping)]
Ratio = Annotated[float | None, BeforeValidator(_ratio)]
Line = Annotated[str, BeforeValidator(clean)]
Lines = Annotated[str, BeforeValidator(clean_lines)]


class Answer(BaseModel):
    """Base of all answers. Unknown fields are Uptime Kuma's business."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Tag(Answer):
    """A word people gave a monitor."""

    name: Line
    value: Line = ""

    @property
    def text(self) -> str:
        """`name`, or `name:value`."""
        return f"{self.name}:{self.value}" if self.value else self.name


Tags = Annotated[list[Tag], BeforeValidator(lambda value: perhaps_list(Tag, value, most=_MOST_TAGS))]
"""Those that can be read."""
