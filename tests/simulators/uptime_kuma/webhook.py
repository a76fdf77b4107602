"""Posts what Uptime Kuma's notification of the kind "Webhook" posts; decides neither when nor to whom."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from .monitor_json import monitor_json
from .pushes import live_json
from .records import Monitor, Status, written
from .world import World

_TEXTS = {Status.UP: "✅ Up"}
USER_AGENT = "axios/0.30.2"


def message(world: World, monitor: Monitor | None) -> dict[str, Any]:
    """The body: of the monitor's last beat or, without a monitor, of the button "Test"."""
    if monitor is None:
        return {"heartbeat": None, "monitor": None, "msg": "Hub Testing"}
    beat = monitor.last
    assert beat is not None, f"{monitor.name} has no beat to tell of"
    heartbeat = live_json(world, monitor, beat)
    heartbeat["duration"] = beat.duration
    heartbeat["msg"] = beat.msg or "N/A"
    local = written(beat.time, milliseconds=False)
    heartbeat |= {"timezone": "UTC", "timezoneOffset": "+00:00", "localDateTime": local}
    if world.v2 and beat.status is Status.UP:
        downs = [one for one in monitor.beats if one.status is Status.DOWN and one.important]
        heartbeat |= {"lastDownTime": downs[-1].when} if downs else {}
    return {
        "heartbeat": heartbeat,
        "monitor": monitor_json(world, monitor, secrets=False),
        "msg": f"[{monitor.name}] [{_TEXTS.get(beat.status, '🔴 Down')}] {beat.msg}",
    }


async def post(url: str, body: dict[str, Any], headers: dict[str, str], *, form: bool) -> int:
    """Send it as JSON, or as the field `data` of a multipart form. Returns the status; 0 when nobody could be reached."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    own = {"User-Agent": USER_AGENT, "Accept": "application/json, text/plain, */*", **headers}
    data: Any = text.encode()
    if form:
        data = aiohttp.FormData(default_to_multipart=True)
        data.add_field("data", text)
    else:
        own = {"Content-Type": "application/json", **own}
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, data=data, headers=own) as answer,
        ):
            return answer.status
    except aiohttp.ClientConnectionError:
        return 0
