"""Where a page of a list ended, as opaque text; what others made of it is refused. Reads no list."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from medianest_hub.plugin_api import errors

LONGEST: Final = 4000
Cursor = Annotated[str, StringConstraints(max_length=LONGEST)]
PlaceT = TypeVar("PlaceT", bound="Last")


class Last(BaseModel):
    """The last row of a page. Each list has fields of its own, and `list` says which list it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    list: str


def write(last: Last) -> str:
    """As text for an address."""
    return base64.urlsafe_b64encode(last.model_dump_json().encode()).decode().rstrip("=")


def read(model: type[PlaceT], name: str, cursor: str) -> PlaceT:
    """What `write` made for the list of that name. Raises `BadInput` (`bad_cursor`) for anything else."""
    try:
        content = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        last = model.model_validate_json(content)
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
    if last.list != name:
        raise bad_cursor()
    return last


def bad_cursor() -> errors.BadInput:
    """What to say of a cursor that was not made for this list."""
    message = "This cursor is not from this list. Begin again without one."
    return errors.BadInput(
        message, fields=[errors.FieldProblem(field="query.cursor", code="bad_cursor", message=message)]
    )
