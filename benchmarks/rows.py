"""One row of the table: what was measured, what it must reach, what it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` and `target` share the unit; `at_least` says which side is good. None: not measured, see the note."""

    what: str
    measured: float | None
    target: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def good(self) -> bool | None:
        """Whether the target was reached."""
        if self.measured is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    def cells(self) -> tuple[str, str, str, str]:
        """As a line of a Markdown table."""
        sign = "≥" if self.at_least else "≤"
        measured = "not measured" if self.measured is None else f"{self.measured:.3g} {self.unit}".strip()
        verdict = {True: "reached", False: "**missed**", None: "–"}[self.good]
        return (
            self.what,
            f"{sign} {self.target:g} {self.unit}".strip(),
            measured,
            f"{verdict}{f' ({self.note})' if self.note else ''}",
        )


def table(rows: Sequence[Row]) -> str:
    """All rows as Markdown."""
    head = ("what", "must reach", "measured", "verdict")
    lines = [head, ("---",) * 4, *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
