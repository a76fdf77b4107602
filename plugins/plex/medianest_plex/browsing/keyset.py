"""Pages of a list in the order of one column and the id, without gaps or doubles while rows come and go; knows no list.

Rows without a value come last in either direction. They are a part of their own: an index can lead to both parts, and to
where a page goes on in them, while no comparison of rows can cross from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from medianest_hub.plugin_api import Queries, Record
from medianest_plex.browsing import cursors
from medianest_plex.browsing.cursors import Last

_INTEGERS: Final = range(-(2**31), 2**31)
_LONGEST_TEXT: Final = 2000
_BEYOND_REAL: Final = 1e30


@dataclass(slots=True)
class Where:
    """Conditions joined by AND, and the values of their `$1`, `$2` and so on."""

    args: list[Any] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def arg(self, value: Any) -> str:
        """The parameter that stands for the value."""
        self.args.append(value)
        return f"${len(self.args)}"

    def add(self, condition: str) -> None:
        """One more condition."""
        self.parts.append(condition)

    def also(self, *conditions: str) -> str:
        """All of them and these."""
        return " AND ".join((*self.parts, *conditions))


@dataclass(frozen=True, slots=True)
class Order:
    """By that column of the row `i`. `backwards`: against its index, whose rows without a value come last."""

    column: str
    of: Literal["time", "text", "integer", "real"]
    descending: bool = False
    nullable: bool = False
    backwards: bool = False

    @property
    def by(self) -> str:
        """For `ORDER BY`, just as the index has it or just the other way round, so that nothing is sorted."""
        nulls = (" NULLS FIRST" if self.backwards else " NULLS LAST") if self.nullable else ""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.column} {direction}{nulls}, i.id {direction}"

    @property
    def type(self) -> str:
        """As Postgres calls it."""
        return {"time": "timestamptz", "text": "text", "integer": "integer", "real": "real"}[self.of]


class _LastRow(Last):
    value: int | float | str | None
    id: UUID


async def page(
    q: Queries, select: str, where: Where, order: Order, name: str, cursor: str | None, limit: int
) -> tuple[Sequence[Record], str | None]:
    """So many rows and the cursor of the next page. `select` ends before its WHERE and has `i.id` and the column, by name.

    `name` says which list it is, in which order: a cursor of another one is refused with `BadInput`.
    """
    last = cursors.read(_LastRow, name, cursor) if cursor else None
    value = None if last is None or last.value is None else _value(order, last.value)
    rows: list[Record] = []
    if last is None or value is not None:
        from_here = (value, last.id) if last is not None else None
        rows += await _part(q, select, where, order, from_here, limit + 1, valued=True)
    if order.nullable and len(rows) <= limit:
        after = (None, last.id) if last is not None and value is None else None
        rows += await _part(q, select, where, order, after, limit + 1 - len(rows), valued=False)
    elif last is not None and value is None:
        raise cursors.bad_cursor()
    if len(rows) <= limit:
        return rows, None
    end = rows[limit - 1]
    return rows[:limit], cursors.write(
        _LastRow(list=name, value=_kept(end[order.column.removeprefix("i.")]), id=end["id"])
    )


async def _part(
    q: Queries, select: str, where: Where, order: Order, after: tuple[Any, UUID] | None, limit: int, *, valued: bool
) -> Sequence[Record]:
    part = Where(list(where.args), list(where.parts))
    if order.nullable:
        part.add(f"{order.column} IS NOT NULL" if valued else f"{order.column} IS NULL")
    if after is not None:
        sign = "<" if order.descending else ">"
        value, row = after
        if valued:
            part.add(f"({order.column}, i.id) {sign} ({part.arg(value)}::{order.type}, {part.arg(row)}::uuid)")
        else:
            part.add(f"i.id {sign} {part.arg(row)}::uuid")
    most = part.arg(limit)
    return await q.fetch(f"{select} WHERE {part.also()} ORDER BY {order.by} LIMIT {most}", *part.args)


def _kept(value: Any) -> int | float | str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def _value(order: Order, given: float | str) -> Any:
    """A cursor's value as the column has it. Raises `BadInput` for what no row of ours could hold."""
    if order.of == "text" and isinstance(given, str) and "\0" not in given and len(given) <= _LONGEST_TEXT:
        return given
    if order.of == "integer" and isinstance(given, int) and given in _INTEGERS:
        return given
    if order.of == "real" and not isinstance(given, str) and abs(given) < _BEYOND_REAL:
        return float(given)
    if order.of == "time" and isinstance(given, str):
        try:
            # In UTC: the ends of the calendar do not fit into every zone.
            return datetime.fromisoformat(given).astimezone(UTC)
        except (ValueError, OverflowError):
            raise cursors.bad_cursor() from None
    raise cursors.bad_cursor()
