"""The data directory: its layout, its lock, the key and the addresses kept in it; opens no connection."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import LockFile


class DataDir:
    """Where everything lives.

    `postgres/`, `valkey/`, `plugins/`, `logs/`, `run/` (locks, sockets), `secret.key`, `quarantine.json`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.secret_key = self.path / "secret.key"
        self.quarantine = self.path / "quarantine.json"
        self._addresses = self.run / "services.json"

    def prepare(self) -> None:
        """Make what is missing and prove by writing that it can be written to; `OperatorError` says why not."""
        # As root the embedded servers run as somebody else, who must be able to pass through to their own folders.
        passed = 0o711 if os.geteuid() == 0 else 0o700
        folders = {self.path: passed, self.run: passed, self.logs: 0o700, self.path / "plugins": 0o700}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for folder, mode in folders.items():
                folder.mkdir(mode=mode, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder) as probe:
                    probe.write(b"x" * 4096)
        except OSError as error:
            raise OperatorError(
                f"the data directory {self.path} cannot be written to: {error.strerror}; "
                "put that right, or choose another with data_dir (MEDIANEST_DATA_DIR)"
            ) from error

    def lock(self) -> LockFile:
        """Take the directory for this process; `OperatorError` when another one has it."""
        lock = LockFile(self.run / "lock")
        if not lock.acquire():
            holder = lock.path.read_text(errors="replace").strip() or "unknown"
            raise OperatorError(f"another medianest (process {holder}) already uses the data directory {self.path}")
        lock.note(f"{os.getpid()}\n")
        self.forget_addresses()  # a killed predecessor's
        return lock

    def ensure_secret_key(self) -> None:
        """Make the key beside the database once; `OperatorError` if there is a database whose key is gone."""
        try:
            if len(self.secret_key.read_text().strip()) >= 32:
                return
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OperatorError(f"the secret key {self.secret_key} cannot be read: {error.strerror}") from error
        if self.postgres.exists():
            raise OperatorError(
                f"{self.secret_key} is missing or broken, yet {self.postgres} holds data sealed with it; "
                "put the key back from a backup, or set secret_key (stored passwords of services are lost with a new one)"
            )
        self.write(self.secret_key, secrets.token_urlsafe(48) + "\n")

    def secret_keys(self) -> list[str]:
        """The keys in the key file, the one in use first. Raises `OperatorError` when it cannot be read."""
        try:
            return self.secret_key.read_text().split()
        except OSError as error:
            raise OperatorError(f"the secret key {self.secret_key} cannot be read: {error.strerror}") from error

    def add_secret_key(self) -> None:
        """Make a new key and put it first; those before it still open what they sealed. For a hub that is stopped."""
        self._write_keys([secrets.token_urlsafe(48), *self.secret_keys()])

    def forget_older_keys(self) -> None:
        """Keep the key in use alone; what others have sealed cannot be opened any more."""
        self._write_keys(self.secret_keys()[:1])

    def _write_keys(self, keys: list[str]) -> None:
        self.write(self.secret_key, "\n".join(keys) + "\n")

    def note_addresses(self, addresses: Mapping[str, str]) -> None:
        """Leave the addresses of the embedded servers for commands that come while the hub runs."""
        self.write(self._addresses, json.dumps(dict(addresses)))

    def addresses(self) -> dict[str, str]:
        """The addresses noted; empty when there are none."""
        try:
            found: dict[str, str] = json.loads(self._addresses.read_bytes())
        except (OSError, ValueError):
            return {}
        return found

    def forget_addresses(self) -> None:
        """The embedded servers are stopped."""
        self._addresses.unlink(missing_ok=True)

    @staticmethod
    def write(path: Path, text: str) -> None:
        """Replace a small private file (0600) so that a crash leaves the old or the new one, never half."""
        fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(fd, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
