"""Entries as lines for other programs: NDJSON and CSV that no spreadsheet takes for formulas. Reads and writes nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal, TypeAlias

from medianest_hub.audit.reading import AuditEntry

Format: TypeAlias = Literal["ndjson", "csv"]

CONTENT_TYPES: Final[dict[Format, str]] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
}

_COLUMNS: Final = tuple(AuditEntry.model_fields)
# OWASP, "CSV Injection": what a spreadsheet takes for the beginning of a formula, in full width too.
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")


async def lines(pieces: AsyncIterator[Sequence[AuditEntry]], form: Format) -> AsyncIterator[bytes]:
    """The entries as bytes, piece by piece; CSV begins with the names of its columns, also when there is no entry."""
    if form == "csv":
        yield _csv([_COLUMNS])
    async for entries in pieces:
        if form == "csv":
            yield _csv([_cells(entry) for entry in entries])
        else:
            yield b"".join(entry.__pydantic_serializer__.to_json(entry) + b"\n" for entry in entries)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def _cells(entry: AuditEntry) -> list[str]:
    fields = entry.model_dump(mode="json")
    fields["details"] = json.dumps(fields["details"], ensure_ascii=False) if fields["details"] else ""
    return [_harmless("" if fields[name] is None else str(fields[name])) for name in _COLUMNS]


def _harmless(cell: str) -> str:
    # Some drop blanks before it.
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
