"""A plugin that starts well and whose every kind of handler then goes wrong in every way."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution


def write_erring(folder: Path) -> None:
    """Install it as `erring`."""
    write_distribution(folder, "erring", plugin_source(_SOURCE))


_SOURCE = """
import asyncio
from uuid import UUID

from pydantic import BaseModel


class Queued(BaseModel):
    id: UUID


class TaskPath(BaseModel):
    task: str


async def unheeding(seconds=3600):
    "Goes on for a while whatever it is told; ends by itself so that the test's hub can."
    ends = asyncio.get_running_loop().time() + seconds
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            pass


router = Router()


@router.get("/raise", public=True)
async def raise_(ctx: Context[PluginSettings], call: Call) -> Stat:
    raise RuntimeError("an inside story nobody outside may read")


@router.get("/exit", public=True)
async def exit_(ctx: Context[PluginSettings], call: Call) -> Stat:
    raise SystemExit(1)


@router.get("/hang", public=True, deadline=0.3)
async def hang(ctx: Context[PluginSettings], call: Call) -> Stat:
    await asyncio.sleep(3600)


@router.get("/unheeding", public=True, deadline=0.3)
async def unheeding_(ctx: Context[PluginSettings], call: Call) -> Stat:
    await unheeding(3)


@router.get("/garbage", public=True)
async def garbage(ctx: Context[PluginSettings], call: Call) -> Stat:
    return {"value": "not a model", "password": "hunter2"}


@router.post("/jobs/{task}", permission="hub.admin")
async def enqueue(ctx: Context[PluginSettings], call: Call[TaskPath]) -> Queued:
    return Queued(id=await ctx.jobs.enqueue(call.path.task))


@task("raises", retries=0)
async def raises(ctx: Context[PluginSettings], job: Job) -> None:
    raise RuntimeError("no luck in the task")


@task("exits", retries=0)
async def exits(ctx: Context[PluginSettings], job: Job) -> None:
    raise SystemExit(1)


@task("hangs", retries=0, timeout=0.5)
async def hangs(ctx: Context[PluginSettings], job: Job) -> None:
    await asyncio.sleep(3600)


@task("works", retries=0)
async def works(ctx: Context[PluginSettings], job: Job) -> None:
    return None


@stream("raises", max_backoff=2)
async def stream_raises(ctx: Context[PluginSettings], lease: Lease) -> None:
    raise RuntimeError("no luck in the stream")


@stream("returns", max_backoff=2)
async def stream_returns(ctx: Context[PluginSettings], lease: Lease) -> None:
    return None


@stream("hangs")
async def stream_hangs(ctx: Context[PluginSettings], lease: Lease) -> None:
    await asyncio.sleep(3600)


@widget("raises", title="Raises", scope=EVERYONE, ttl=1)
async def widget_raises(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
    raise RuntimeError("no luck in the widget")


@widget("hangs", title="Hangs", scope=EVERYONE, ttl=1, deadline=0.5)
async def widget_hangs(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
    await asyncio.sleep(3600)


@widget("garbage", title="Garbage", scope=EVERYONE, ttl=1)
async def widget_garbage(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
    return {"value": 1}


@widget("works", title="Works", scope=EVERYONE, ttl=1)
async def widget_works(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
    return Stat(value=1)


@health_check("raises", ttl=1)
async def check_raises(ctx: Context[PluginSettings]) -> CheckResult:
    raise RuntimeError("no luck in the check")


@health_check("hangs", timeout=0.3, ttl=1)
async def check_hangs(ctx: Context[PluginSettings]) -> CheckResult:
    await asyncio.sleep(3600)


@health_check("unheeding", timeout=0.3, ttl=1)
async def check_unheeding(ctx: Context[PluginSettings]) -> CheckResult:
    await unheeding(3)


@health_check("garbage", ttl=1)
async def check_garbage(ctx: Context[PluginSettings]) -> CheckResult:
    return "fine"


@health_check("works", ttl=1)
async def check_works(ctx: Context[PluginSettings]) -> CheckResult:
    return CheckResult(detail="well")


@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_tasks():
    return [raises, exits, hangs, works]

@hookimpl
def hub_streams():
    return [stream_raises, stream_returns, stream_hangs]

@hookimpl
def hub_widgets():
    return [widget_raises, widget_hangs, widget_garbage, widget_works]

@hookimpl
def hub_health_checks():
    return [check_raises, check_hangs, check_unheeding, check_garbage, check_works]
"""
