"""Finds the JSON in what a service sent: the body itself, or one field of a form. Validates no model."""

from __future__ import annotations

from typing import Final

from sanic.headers import parse_content_header
from sanic.request.form import parse_multipart_form

from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_hub.web.binding import refuse
from medianest_hub.web.problems import UnsupportedMedia

_LONGEST_BOUNDARY: Final = 70  # RFC 2046, 5.1.1


def json_of(content_type: str | None, encoding: str | None, content: bytes, field: str | None) -> bytes:
    """The JSON, unread. `field`: the form field that may hold it; files beside it are passed over.

    Services are careless with content types, so all but forms are taken for JSON. Raises `UnsupportedMedia`, `BadInput`.
    """
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("Send the body as it is, not compressed.")
    kind, options = parse_content_header(content_type or "")
    if not kind.strip().lower().startswith(("multipart/", "application/x-www-form-urlencoded")):
        return content
    boundary = str(options.get("boundary", ""))
    if kind.strip().lower() != "multipart/form-data" or field is None:
        raise UnsupportedMedia("Send the body as application/json." if field is None else "Send a multipart form.")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise BadInput("The form names no boundary that could be one.", code="malformed_form")
    try:
        fields, _files = parse_multipart_form(content, boundary.encode())  # type: ignore[no-untyped-call]
    except (ValueError, LookupError):
        raise BadInput("The body is no form this server can read.", code="malformed_form") from None
    values = fields.getlist(field) or []
    if len(values) != 1:
        words = f"Send the form field {field!r} once, with JSON in it."
        raise refuse([FieldProblem(field=f"body.{field}", code="missing", message=words)])
    return str(values[0]).encode("utf-8", "surrogatepass")
