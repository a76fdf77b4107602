"""Parts of Uptime Kuma's answers that several of them share: times, statuses, names, tags."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from medianest_uptime_kuma.client.words import clean, clean_lines
from medianest_uptime_kuma.models import Status


def _time(value: Any) -> datetime:
    """Times are UTC without saying so: `2026-11-22 06:05:47.078`."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("not a time")
    moment = datetime.fromisoformat(value.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _perhaps_time(value: Any) -> datetime | None:
    try:
        return _time(value)
    except ValueError:
        return None


def _status(value: Any) -> Status:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 3:
        raise ValueError("not a status: 0 to 3 are known")
    return Status.of(value)


def _ping(value: Any) -> float | None:
    """Milliseconds; whatever is no such number is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < 1e9 else None


def _ratio(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


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
