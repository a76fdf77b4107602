"""Finds a folder whose name is short and plain enough for sockets; starts nothing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medianest_hub.infrastructure.exits import OperatorError

#: `sun_path` holds 108 bytes with its closing zero; PostgreSQL's socket has the longest name.
_LONGEST = 107 - len("/pg/.s.PGSQL.5432")
#: A space or comma would be read as two folders, `@` as an abstract name, `%` and `?` as parts of an address.
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


def socket_folder(run: Path) -> Path:
    """A folder for each server's own one with its socket: inside `run`, or a short one elsewhere, noted in `run`.

    Call it only while holding the data directory's lock: it removes the folder an earlier run had elsewhere.
    """
    note = run / "sockets-at"
    _forget(note)
    inside = run / "sockets"
    if _suits(inside):
        inside.mkdir(mode=_mode(), exist_ok=True)
        return inside
    for parent in _elsewhere():
        try:
            folder = Path(tempfile.mkdtemp(prefix="medianest-", dir=parent))
        except OSError:
            continue
        note.write_text(str(folder))
        folder.chmod(_mode())
        return folder
    raise OperatorError(
        f"the path {run} is too long or too unusual for sockets, and no short folder could be made for them"
    )


def remove_socket_folder(run: Path) -> None:
    """Remove a folder made elsewhere; the servers are stopped."""
    _forget(run / "sockets-at")


def _mode() -> int:
    # As root the servers are somebody else and pass through it; the folders with the sockets are theirs alone.
    return 0o711 if os.geteuid() == 0 else 0o700


def _suits(folder: Path) -> bool:
    return len(os.fsencode(folder)) <= _LONGEST and _PLAIN.fullmatch(str(folder)) is not None


def _elsewhere() -> Iterator[Path]:
    candidates = [
        os.environ.get("XDG_RUNTIME_DIR"),
        "/run" if os.geteuid() == 0 else None,
        tempfile.gettempdir(),
        "/tmp",  # nosec B108 # noqa: S108 - the folder in it is made by mkdtemp
    ]
    for candidate in candidates:
        if candidate and _suits(Path(candidate, "medianest-12345678")) and Path(candidate).is_dir():
            yield Path(candidate)


def _forget(note: Path) -> None:
    try:
        folder = Path(note.read_text())
    except FileNotFoundError:
        return
    # Whatever the note says, nothing but a folder of our own making and ours is removed.
    if re.fullmatch(r"medianest-\w+", folder.name) and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    note.unlink()
