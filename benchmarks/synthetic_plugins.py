"""Writes plugins that each have a bit of everything, as pip would have installed them; measures and starts nothing.

    python -m benchmarks.synthetic_plugins FOLDER [COUNT]

With FOLDER on PYTHONPATH a hub finds COUNT (100) plugins named `synthetic_000` and so on.
"""

from __future__ import annotations

import compileall
import sys
from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution

_BODY = """
from datetime import timedelta

from pydantic import BaseModel


class Settings(PluginSettings):
    word: str = "hello"
    secret: str = ""


class Thing(BaseModel):
    id: int
    word: str


class ThingPath(BaseModel):
    id: int


router = Router()


@router.get("/things", permission="read")
async def things(ctx: Context[Settings], call: Call) -> Page[Thing]:
    "All things."
    return Page(items=[Thing(id=1, word=ctx.settings.word)])


@router.get("/things/{{id}}", permission="read")
async def thing(ctx: Context[Settings], call: Call[ThingPath]) -> Thing:
    "One thing."
    return Thing(id=call.path.id, word=ctx.settings.word)


@router.post("/things", permission="write", limit="things")
async def make(ctx: Context[Settings], call: Call[Empty, Empty, Thing]) -> Thing:
    "Make a thing."
    return call.body


@task("tidy", every=timedelta(hours=1))
async def tidy(ctx: Context[Settings], job: Job) -> None:
    return None


@health_check("well", ttl=3600)
async def well(ctx: Context[Settings]) -> CheckResult:
    return CheckResult()


@widget("stat", title="Synthetic {number}", scope=EVERYONE, ttl=3600)
async def stat(ctx: Context[Settings], viewer: Viewer) -> Stat:
    return Stat(value={number})


@hookimpl
def hub_plugin():
    return PluginInfo(
        title="Synthetic {number}",
        api_version=1,
        settings=Settings,
        permissions=[Permission("read", default=Role.GUEST), Permission("write", default=Role.MEMBER)],
        limits=[Limit("things", "10/minute")],
    )


@hookimpl
def hub_routes():
    return router


@hookimpl
def hub_tasks():
    return [tidy]


@hookimpl
def hub_health_checks():
    return [well]


@hookimpl
def hub_widgets():
    return [stat]
"""


def write_synthetic_plugins(folder: Path, count: int = 100) -> list[str]:
    """Write them, bytecode too, and return their names."""
    names = [f"synthetic_{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        write_distribution(folder, name, plugin_source(_BODY.format(number=number)))
    compileall.compile_dir(folder, quiet=1)
    return names


if __name__ == "__main__":
    write_synthetic_plugins(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100)
