"""A stranger's plugin, as a wheel beside the hub's wheel in a clean environment: all it contributes appears, and goes."""

from __future__ import annotations

import asyncio
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import Hub, HubProcess, Reply, run_hub

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "plugin-authors" / "testing.md"
EXAMPLE = ROOT / "examples" / "medianest-hello"
OURS = ("medianest", "_medianest", "__editable__", "_editable")
SECONDS = 2.0


class CleanEnvironment:
    """A virtual environment with the hub's dependencies in it, and none of this repository's packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        self.python = folder / "bin" / "python"
        found = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
        self._give_dependencies(Path(found))

    def _give_dependencies(self, own: Path) -> None:
        """What is installed around this test, linked one by one, so that no index is asked and nothing of ours comes along."""
        for packages in map(Path, {*site.getsitepackages(), sysconfig.get_path("platlib")}):
            for entry in packages.iterdir() if packages.is_dir() else ():
                if not entry.name.lower().startswith(OURS) and not (own / entry.name).exists():
                    (own / entry.name).symlink_to(entry)

    def install(self, wheel: Path) -> None:
        uv("pip", "install", "--python", str(self.python), "--no-deps", "--offline", str(wheel))

    @property
    def program(self) -> tuple[str, ...]:
        return (str(self.folder / "bin" / "medianest"),)

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.python, *words], cwd=cwd, capture_output=True, text=True, check=False)


def uv(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def built(source: Path, folder: Path) -> Path:
    uv(
        "build",
        "--wheel",
        "--no-build-isolation",
        "--offline",
        "--python",
        sys.executable,
        "-o",
        str(folder),
        str(source),
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    environment = CleanEnvironment(tmp_path_factory.mktemp("clean") / "venv")
    environment.install(built(ROOT, tmp_path_factory.mktemp("hub")))
    return environment


@pytest.fixture(scope="module")
def hello_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(EXAMPLE, tmp_path_factory.mktemp("hello"))


def serve(clean: CleanEnvironment, folder: Path, look: Callable[[Hub], Awaitable[None]]) -> None:
    """Run the installed hub on `folder`, and `look` at it."""

    async def inside(process: HubProcess) -> None:
        async with Hub(process) as hub:
            await look(hub)

    with run_hub(folder, {}, program=clean.program) as process:
        asyncio.run(inside(process))


def test_the_hub_in_it_is_the_wheel(clean: CleanEnvironment, tmp_path: Path) -> None:
    done = clean.run("-c", "import medianest_hub; print(medianest_hub.__file__)", cwd=tmp_path)
    assert done.stdout.startswith(str(clean.folder)), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_everything_the_wheel_contributes_appears_and_goes(
    clean: CleanEnvironment, hello_wheel: Path, tmp_path: Path
) -> None:
    async def without(hub: Hub) -> None:
        assert (await hub.admin.get("/api/v1/plugins")).json()["items"] == []
        assert (await hub.admin.get("/api/v1/hello/greetings")).status == 404

    serve(clean, tmp_path, without)
    clean.install(hello_wheel)
    serve(clean, tmp_path, look_at_everything)


async def look_at_everything(hub: Hub) -> None:
    (card,) = (await hub.admin.get("/api/v1/plugins")).json()["items"]
    assert (card["name"], card["distribution"], card["state"]) == ("hello", "medianest-hello", "running")
    before = {one["pid"] for one in card["processes"]}

    left = await hub.admin.post(
        "/api/v1/hello/greetings", json={"text": "good morning"}
    )  # route, limit, event, listener, task
    await hub.admin.until(f"/api/v1/hello/greetings/{left.json()['id']}", lambda reply: bool(reply.json()["answer"]))
    await hub.stranger.until("/api/v1/hello/about", lambda reply: reply.json()["beats"] > 1)  # stream
    await hub.admin.until("/api/v1/jobs", has_run("tidy"))  # periodic task
    await hub.admin.until("/api/health", lambda reply: "word_service" in reply.body.decode())
    await hub.admin.until("/api/v1/dashboard", lambda reply: tiles(reply) == {"Guest book": "ok", "My greetings": "ok"})
    assert "medianest_hello_greetings_left_total" in (await hub.stranger.get("/metrics")).body.decode()
    assert "/api/v1/hello/greetings" in (await hub.stranger.get("/api/openapi.json")).json()["paths"]
    assert (await hub.command("hello", "say", "Anna")).stdout == "Hello, Anna!\n"
    assert await rows(hub.process) == 1
    hooks = (await hub.admin.get("/api/v1/plugins/hello/webhooks")).json()["items"]  # webhook
    assert [hook["name"] for hook in hooks] == ["postcard"]
    tile = (await hub.admin.get("/api/v1/dashboard/hello.main.latest")).json()["data"]
    picture = tile["items"][0]["image"]
    assert (await hub.stranger.get(picture)).headers["Content-Type"] == "image/webp"  # image source

    began = time.monotonic()
    done = await hub.command("plugins", "disable", "hello")
    commanded = time.monotonic()
    assert "disabled in 2 process(es)" in done.stdout
    gone = await asyncio.gather(
        *(hub.admin.get(path) for path in ("/api/v1/hello/greetings", "/api/v1/hello/about", picture))
    )
    assert [reply.status for reply in gone] == [404, 404, 404]
    await hub.admin.until("/api/health", lambda reply: "word_service" not in reply.body.decode(), within=SECONDS)
    await hub.admin.until("/api/v1/dashboard", lambda reply: tiles(reply) == {}, within=SECONDS)
    # Starting the command takes its own time; what counts is how long the hub takes from then on.
    assert time.monotonic() - commanded < SECONDS, time.monotonic() - began
    beats = await rows(hub.process, "SELECT beats FROM plugin_hello.pulse")
    await asyncio.sleep(1.5)
    assert await rows(hub.process, "SELECT beats FROM plugin_hello.pulse") == beats
    assert await rows(hub.process) == 1

    (card,) = (await hub.admin.get("/api/v1/plugins")).json()["items"]
    assert {one["pid"] for one in card["processes"]} == before
    assert {one["state"] for one in card["processes"]} == {"disabled"}


def has_run(task: str) -> Callable[[Reply], bool]:
    return lambda reply: any(job["task"] == task and job["state"] == "done" for job in reply.json()["items"])


def tiles(reply: Reply) -> dict[str, Any]:
    return {tile["title"]: tile["state"] for tile in reply.json()["items"] if tile["plugin"] == "hello"}


async def rows(process: HubProcess, sql: str = "SELECT count(*) FROM plugin_hello.greeting") -> int:
    connection = await asyncpg.connect(DataDir(process.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
    try:
        return int(await connection.fetchval(sql))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def with_hello(clean: CleanEnvironment, hello_wheel: Path) -> CleanEnvironment:
    clean.install(hello_wheel)
    return clean


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_authors_own_tests_and_the_guides_pass_in_that_environment(
    with_hello: CleanEnvironment, tmp_path: Path
) -> None:
    """As the author runs them: with nothing but the installed hub and the plugin's own folder."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    guide = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(guide) >= 3
    for number, code in enumerate(guide):
        (tmp_path / "tests" / f"test_guide_{number}.py").write_text(code)
    done = with_hello.run("-m", "pytest", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_the_plugin_keeps_every_rule(with_hello: CleanEnvironment, tmp_path: Path) -> None:
    done = with_hello.run("-m", "medianest_hub", "plugins", "check", "hello", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken, 0 not tried" in done.stdout
