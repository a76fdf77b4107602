"""The embedded servers a configuration asks for, together; and the way in for commands beside a running hub."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pydantic import SecretStr

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.embedded.server import EmbeddedServer
from medianest_hub.infrastructure.embedded.sockets import remove_socket_folder, socket_folder
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.settings import HubSettings, LoadedSettings


class EmbeddedServices:
    """PostgreSQL and Valkey, each only where `settings` name no outside one. The data directory's lock must be held."""

    def __init__(self, settings: HubSettings, data: DataDir) -> None:
        self._data = data
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        sockets = socket_folder(data.run)
        if settings.database.url is None:
            self.postgres = EmbeddedPostgres(data.postgres, sockets=sockets / "pg", run=data.run, logs=data.logs)
        if settings.redis.url is None:
            self.valkey = EmbeddedValkey(data.valkey, sockets=sockets / "vk", run=data.run, logs=data.logs)
        self._needs_key = settings.secret_key is None and self.postgres is not None

    @property
    def servers(self) -> list[EmbeddedServer]:
        """Those there are, in the order of starting."""
        return [server for server in (self.postgres, self.valkey) if server is not None]

    def prepare(self) -> bool:
        """Make the key and the data folders where missing; whether the database is new."""
        if self._needs_key:
            self._data.ensure_secret_key()  # before the database, so that there is none without its key
        made = {server.name: server.prepare() for server in self.servers}
        self._data.note_addresses(self.environment())
        return made.get(EmbeddedPostgres.name, False)

    def environment(self) -> dict[str, str]:
        """The variables by which a child finds the servers and the key."""
        found = {}
        if self.postgres:
            found["MEDIANEST_DATABASE__URL"] = self.postgres.url
        if self.valkey:
            found["MEDIANEST_REDIS__URL"] = self.valkey.url
        if self._needs_key:
            found["MEDIANEST_SECRET_KEY_FILE"] = str(self._data.secret_key)
        return found

    def start(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Start all without waiting for readiness. `OperatorError` when an earlier one does not go away."""
        for server in self.servers:
            if not server.start(cancelled=cancelled) and not cancelled():
                raise OperatorError(
                    f"an earlier {server.name} still holds {server.folder}; stop its process, or wait and try again"
                )

    def wait_ready(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Wait until all answer or `cancelled`; what can be repaired is, once. `OperatorError` otherwise."""
        for server in self.servers:
            try:
                server.wait_ready(cancelled=cancelled)
            except OperatorError:
                if server.repair() is None:
                    raise
                server.start(cancelled=cancelled)
                server.wait_ready(cancelled=cancelled)

    def stop(self) -> None:
        """Stop all, the database last, and leave no socket behind."""
        self._data.forget_addresses()
        for server in reversed(self.servers):
            server.stop()
        remove_socket_folder(self._data.run)


@contextmanager
def services_for(loaded: LoadedSettings) -> Iterator[LoadedSettings]:
    """Settings with the address of every service filled in, for a command such as `migrate` or `users create`.

    Joins the embedded servers of a running hub, or runs them for as long as the command takes.
    """
    settings = loaded.settings
    if settings.database.url is not None and settings.redis.url is not None:
        yield loaded
        return
    data = DataDir(settings.data_dir)
    data.prepare()
    try:
        lock = data.lock()
    except OperatorError:
        yield _with_addresses(loaded, _addresses_of_running(data))
        return
    services = EmbeddedServices(settings, data)
    try:
        services.prepare()
        services.start()
        services.wait_ready()
        yield _with_addresses(loaded, services.environment())
    finally:
        services.stop()
        lock.release()


def _addresses_of_running(data: DataDir, wait: float = 30.0) -> dict[str, str]:
    # A hub that has just begun notes its addresses as soon as its first database is made.
    limit = time.monotonic() + wait
    while not (found := data.addresses()):
        if time.monotonic() > limit:
            raise OperatorError(f"another medianest is starting or stopping on {data.path}; try again in a moment")
        time.sleep(0.05)
    return found


def _with_addresses(loaded: LoadedSettings, addresses: dict[str, str]) -> LoadedSettings:
    """Fill in what the settings leave open; an address the operator gave always stands."""
    settings, origins = loaded.settings, dict(loaded.origins)
    changes: dict[str, object] = {}
    for section, variable in (("database", "MEDIANEST_DATABASE__URL"), ("redis", "MEDIANEST_REDIS__URL")):
        if variable in addresses and getattr(settings, section).url is None:
            url = SecretStr(addresses[variable])
            changes[section] = getattr(settings, section).model_copy(update={"url": url})
            origins[f"{section}.url"] = "embedded"
    # The key noted belongs to the embedded database: another one's secrets were sealed with another key.
    if "MEDIANEST_SECRET_KEY_FILE" in addresses and settings.secret_key is None and "database" in changes:
        path = addresses["MEDIANEST_SECRET_KEY_FILE"]
        with open(path) as file:
            changes["secret_key"] = SecretStr(file.read().strip())
        origins["secret_key"] = f"file {path}"
    return replace(loaded, settings=settings.model_copy(update=changes), origins=origins)
