"""Says what an unknown setting may have been meant to be: compares names part by part, reads nothing.

Known keys are dotted; a part such as `<name>` stands for any word.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable

_NEAR = 0.6
"""Two names less alike than this (`difflib` ratio) are not a slip of the pen."""

_NEAR_WHOLE = 0.8
"""The same for whole keys, written with the wrong dots or underscores."""


def unknown_key_message(key: str, known: Collection[str], shown: Callable[[str], str] = str) -> str:
    """Say that `key` is unknown and name the nearest of `known`, or else what there is in its section.

    `shown` writes a key as the reader would have to (a variable, for example).
    """
    message = f'unknown setting "{shown(key)}"'
    nearest, siblings = _nearest(key, known)
    if nearest is not None:
        return f'{message}; the nearest known one is "{shown(nearest)}"'
    return f"{message}; known here: {', '.join(shown(one) for one in siblings)}" if siblings else message


def _nearest(key: str, known: Collection[str]) -> tuple[str | None, list[str]]:
    """The nearest known key, or None and the keys of the last section that could be made out."""
    flat = {_flat(one): one for one in known}
    if (same := flat.get(_flat(key))) is not None:
        return same, []
    found: list[str] = []
    parts = key.split(".")
    within = [one.split(".") for one in known]
    for part in parts:
        choice = _choose(part, (one[len(found)] for one in within if len(one) > len(found)))
        if choice is None:
            break
        within = [one for one in within if len(one) > len(found) and one[len(found)] == choice]
        found.append(choice)
    # A word that stands for any is the word that was given.
    corrected = [part if _open(choice) else choice for part, choice in zip(parts, found, strict=False)]
    if len(found) == len(parts) and any(len(one) == len(found) for one in within):
        return ".".join(corrected), []
    if close := difflib.get_close_matches(_flat(key), flat, n=1, cutoff=_NEAR_WHOLE):
        return flat[close[0]], []
    section = ".".join(corrected)
    heads = sorted({(one[len(found)], len(one) > len(found) + 1) for one in within if len(one) > len(found)})
    return None, [".".join(filter(None, (section, head, "…" if more else ""))) for head, more in heads]


def _choose(part: str, choices: Iterable[str]) -> str | None:
    """The choice that `part` is or was meant to be; an open one takes anything that resembles no other."""
    names = set(choices)
    if part in names:
        return part
    if close := difflib.get_close_matches(part, sorted(name for name in names if not _open(name)), n=1, cutoff=_NEAR):
        return close[0]
    return next((name for name in sorted(names) if _open(name)), None)


def _open(part: str) -> bool:
    return part.startswith("<")


def _flat(key: str) -> str:
    return key.replace(".", "_").lower()
