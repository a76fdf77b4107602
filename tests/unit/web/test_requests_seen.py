"""What a web process counts and logs of requests, before its parts are there and where no route is met."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.settings import load_settings
from medianest_hub.web.app import create_app
from medianest_hub.web.hub import WebHub


@contextlib.asynccontextmanager
async def starting_hub(folder: Path, level: str) -> AsyncIterator[str]:
    """A web process that never opens its parts; yields its address."""
    environ = {"MEDIANEST_DATA_DIR": str(folder), "MEDIANEST_LOG__LEVEL": level}
    loaded = load_settings(None, environ)
    hub = WebHub(loaded, PluginHost(loaded, "web"))
    app = create_app(hub)
    app.config.TOUCHUP = False  # Sanic rewrites its own methods with it, once per process
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server: Any = await app.create_server(sock=listener, return_asyncio_server=True)
        await server.startup()
        await server.start_serving()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.server.close()
            for connection in list(server.connections):
                connection.abort()
            await asyncio.sleep(0)
            hub.close()


async def lines_of(url: str, *requests: tuple[str, str], request_id: str = "mine-1") -> list[dict[str, Any]]:
    with capture_logs() as logged:
        async with aiohttp.ClientSession(headers={"X-Request-ID": request_id}) as session:
            for method, path in requests:
                async with session.request(method, url + path) as answer:
                    await answer.read()
    return [dict(line) for line in logged if line["event"] == "request"]


ASKED = (("GET", "/api/health/live"), ("GET", "/api/health?token=s3cret"), ("GET", "/nowhere/s3cret"))


async def test_at_debug_every_request_has_a_line_by_its_route_without_its_address(tmp_path: Path) -> None:
    async with starting_hub(tmp_path, "debug") as url:
        lines = await lines_of(url, *ASKED)
    assert [(line["route"], line["status"], line["log_level"]) for line in lines] == [
        ("/api/health/live", 200, "debug"),
        ("/api/health", 503, "info"),
        ("(none)", 404, "debug"),
    ]
    assert lines[1]["code"] == "starting"
    assert all(line["request_id"] == "mine-1" and line["ms"] >= 0 for line in lines)
    assert "s3cret" not in str(lines)


@pytest.mark.parametrize("level", ["info", "warning"])
async def test_above_debug_only_what_failed_on_our_side_has_one(tmp_path: Path, level: str) -> None:
    async with starting_hub(tmp_path, level) as url:
        assert [line["status"] for line in await lines_of(url, *ASKED)] == [503]


async def test_requests_that_meet_no_route_are_counted_in_a_bounded_number_of_series(tmp_path: Path) -> None:
    def counted(method: str, status: int) -> float:
        labels = {"method": method, "route": "(none)", "status": str(status)}
        return metrics.registry.get_sample_value("medianest_http_requests_total", labels) or 0

    async with starting_hub(tmp_path, "info") as url:
        asked = [("GET", f"/nowhere/{n}") for n in range(3)]
        odd = [(f"ODD{n}", "/api/health") for n in range(3)]
        await lines_of(url, *asked, ("POST", "/api/health/live"), ("OPTIONS", "/api/health"), *odd)
        assert counted("GET", 404) == 3
        assert counted("POST", 405) == 1
        assert counted("OPTIONS", 204) == 1
        series = {
            sample.labels["method"]
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.labels.get("route") == "(none)"
        }
        assert series <= {"GET", "POST", "OPTIONS", "other"}
