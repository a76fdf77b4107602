"""Where a page of a list ended, as opaque text; what others made of it is refused. Reads no list."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from medianest_hub.plugin_api import errors

Cursor = Annotated[str, StringConstraints(max_length=1000)]
PlaceT = TypeVar("PlaceT", bound="Place")

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _plausible(at: datetime) -> datetime:
    """In UTC. Raises `ValueError` for a time nothing was ever made at, such as one that the database cannot hold."""
    if not _FIRST <= at < _LAST:
        raise ValueError("there is nothing from then")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""When something was made, as a place names it."""

Number = Annotated[int, Field(ge=1, lt=2**31)]
"""The number of something there, likewise."""


class Place(BaseModel):
    """The last row of a page; `list` says of which list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list: str


def write(place: Place) -> str:
    """As text for an address."""
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode().rstrip("=")


def read(model: type[PlaceT], name: str, cursor: str) -> PlaceT:
    """What `write` made for the list of that name. Raises `BadInput` (`bad_cursor`) for anything else."""
    try:
        text = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = model.model_validate_json(text)
    except (binascii.Error, ValueError):
        place = None
    if place is None or place.list != name:
        message = "This cursor is not from this list. Begin again without one."
        raise errors.BadInput(
            message, fields=[errors.FieldProblem(field="query.cursor", code="bad_cursor", message=message)]
        )
    return place
