"""Where a page of a list ended, as opaque text; what others made of it is refused. Reads no list."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from medianest_hub.plugin_api import errors

Cursor = Annotated[str, StringConstraints(max_length=1000)]
PlaceT = TypeVar("PlaceT", bound="Place")


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
