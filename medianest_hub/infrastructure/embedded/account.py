"""Chooses the user the embedded servers run as when the hub is root, which PostgreSQL refuses; changes no account."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import RunAs

#: Belongs to nobody by the tables of Debian and systemd (60706-61183 are unused); below 65536 for containers' sake.
_OWN_USERS = range(60940, 61184)
_CAP_CHOWN = 0
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAP_SETGID = 6
_CAP_SETUID = 7
_CAP_SETPCAP = 8


def account_for(folder: Path, programs: Iterable[Path], sockets: Path) -> RunAs | None:
    """The user for a server with its data in `folder`, its sockets below `sockets`, started from `programs`.

    None when we are not root: then the server is our own user's.

    An existing folder keeps its owner. Where that user cannot pass through a parent folder (a home of mode 0700) the
    server keeps one capability to do so, rather than anyone's folder being opened.
    """
    if os.geteuid() != 0:
        return None
    user = _owner(folder)
    own = _capabilities()
    if not {_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_SETGID, _CAP_SETUID} <= own:
        raise OperatorError(
            "PostgreSQL may not run as root and this process may not start it as somebody else; "
            "run the hub as another user, or set database.url and redis.url"
        )
    capability = None
    programs = tuple(programs)
    folders = (folder.parent, sockets, *(path.parent for path in programs))
    closed = next((path for path in folders if not _reaches(user, path)), None)
    locked = next((path for path in programs if not _allowed(user, path, stat.S_IXOTH)), None)
    if locked or closed:
        # Reading and passing through is enough, unless the programs themselves may be run by root alone.
        wanted = (_CAP_DAC_OVERRIDE,) if locked else (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE)
        capability = next((number for number in wanted if {number, _CAP_SETPCAP} <= own), None)
        if capability is None:
            raise OperatorError(
                f"PostgreSQL may not run as root, and the user {user} it would run as cannot reach {locked or closed}; "
                "let others pass through its parent folders (chmod o+x), or move the data directory"
            )
    return RunAs(user, user if user in _OWN_USERS else _group(user), capability)


def initdb_account(server: RunAs | None) -> RunAs | None:
    """The same for `initdb`, which insists on a user with a name: any will do, since the files change hands after."""
    if server is None or _named(server.user):
        return server
    try:
        named = pwd.getpwnam("nobody")
    except KeyError:
        others = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
        if not others:
            raise OperatorError("initdb needs a user other than root in /etc/passwd, and there is none") from None
        named = others[-1]
    return RunAs(named.pw_uid, named.pw_gid, server.capability)


def give(path: Path, account: RunAs | None) -> None:
    """Make `path`, and what is in it, the account's."""
    if account is None:
        return
    os.chown(path, account.user, account.group, follow_symlinks=False)
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(parent, name), account.user, account.group, follow_symlinks=False)


def take_over(folder: Path, account: RunAs | None) -> None:
    """Give a folder that is root's, say from a backup, to the account; any other keeps its owner."""
    if account is not None and folder.stat().st_uid == 0:
        give(folder, account)


def _owner(folder: Path) -> int:
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        owner = 0
    return owner or next(number for number in _OWN_USERS if not _named(number))


def _named(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _group(user: int) -> int:
    return pwd.getpwuid(user).pw_gid if _named(user) else user


def _reaches(user: int, folder: Path) -> bool:
    resolved = folder.resolve()
    return all(_allowed(user, part, stat.S_IXOTH) for part in (resolved, *resolved.parents) if part.exists())


def _allowed(user: int, path: Path, bit: int) -> bool:
    """By the mode alone: what an ACL would add is not counted, which errs to the safe side."""
    found = path.stat()
    return bool(found.st_mode & (bit << 6 if found.st_uid == user else bit))


def _capabilities() -> set[int]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return {number for number in range(64) if mask >> number & 1}
    return set()
