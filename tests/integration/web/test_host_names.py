"""The `Host` a request names: one that is not the hub's is answered nothing but that, on every path."""

import json
from typing import Any

import pytest
import pytest_asyncio

from .conftest import Site, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = ("/", "/nowhere", "/api/health/live", "/api/v1/jobs", "/api/openapi.json", "/api/docs", "/metrics", "/setup")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(start_once: StartSite) -> Site:
    return await start_once(
        server__public_url="https://hub.example",
        server__allowed_hosts=".inside.example",
        server__cors_origins="https://front.example",
    )


async def ask(site: Site, host: str, path: str = "/api/health/live", *lines: str, method: str = "GET") -> bytes:
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
    return await raw(site.port, "\r\n".join(head).encode("utf-8", "surrogateescape"))


def problem(answer: bytes) -> dict[str, Any]:
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in top
    return {"status": int(top.split()[1]), **json.loads(body)}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "BREW"])
async def test_a_foreign_name_is_refused_on_every_path(site: Site, path: str, method: str) -> None:
    told = problem(await ask(site, "evil.example:4000", path, method=method))
    assert (told["status"], told["code"]) == (421, "host_refused")
    assert told["params"] == {"host": "evil.example:4000", "setting": "server.allowed_hosts"}
    assert "server.allowed_hosts" in told["detail"]


async def test_a_rebound_name_gets_nothing_even_with_a_good_token(site: Site) -> None:
    """DNS rebinding: the browser believes that `evil.example`, which now means this machine, is of one origin with it."""
    mia = await site.person()
    signed_in = f"Authorization: Bearer {mia.token}"
    assert b" 200 " in await ask(site, "hub.example", "/api/v1/jobs", signed_in)
    told = problem(await ask(site, "evil.example", "/api/v1/jobs", signed_in, "Origin: http://evil.example"))
    assert told["status"] == 421


async def test_live_events_do_not_open_under_a_foreign_name(site: Site) -> None:
    lines = ["Upgrade: websocket", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13"]
    head = ["GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", "Host: evil.example", "Connection: Upgrade", *lines]
    answer = await raw(site.port, "\r\n".join([*head, "", ""]).encode())
    assert problem(answer)["status"] == 421


@pytest.mark.parametrize("host", ["hub.example", "a.inside.example", "127.0.0.1", "[::1]:80", "nas", "nas.local:4000"])
async def test_the_hubs_own_names_are_answered(site: Site, host: str) -> None:
    assert (await ask(site, host)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("host", ["", "a b", "hub.example, evil.example", "hub.example@evil.example", "h\udcff", "<b>"])
async def test_what_is_no_name_is_refused_and_not_repeated_as_it_came(site: Site, host: str) -> None:
    answer = await ask(site, host)
    assert problem(answer)["status"] == 421
    assert b"<b>" not in answer


async def test_a_refusal_may_be_read_by_the_front_end_and_names_its_request(site: Site) -> None:
    """For whoever set up a front end and forgot the name of the hub."""
    answer = await ask(site, "new.example", "/", "Origin: https://front.example", "X-Request-ID: abc-1")
    assert b"\r\naccess-control-allow-origin: https://front.example\r\n" in answer
    assert problem(answer)["request_id"] == "abc-1"
    assert b"\r\nx-request-id: abc-1\r\n" in answer


async def test_a_request_of_http_1_0_without_a_name_is_answered(site: Site) -> None:
    """Old health probes; no browser sends such."""
    answer = await raw(site.port, b"GET /api/health/live HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_name_is_not_believed_again_for_being_refused_often(site: Site) -> None:
    codes = {problem(await ask(site, f"a{number % 3}.example"))["status"] for number in range(9)}
    assert codes == {421}


async def test_a_forwarded_name_counts_from_a_trusted_proxy_alone(site: Site, start_once: StartSite) -> None:
    assert b" 200 " in await ask(site, "hub.example", "/api/health/live", "X-Forwarded-Host: evil.example")
    behind = await start_once(server__trusted_proxies="127.0.0.0/8", server__public_url="https://hub.example")
    for forwarded, status in (
        ("hub.example", 200),
        ("evil.example", 421),
        ("evil.example, hub.example", 200),  # the nearest proxy has the last word
        ("hub.example, evil.example", 421),
    ):
        answer = await ask(behind, "127.0.0.1", "/api/health/live", f"X-Forwarded-Host: {forwarded}")
        assert int(answer.split()[1]) == status, forwarded


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://hub.example/api/health/live", "hub.example", 200),
        ("HTTP://hub.example/api/health/live", "hub.example", 200),
        ("http://evil.example/api/health/live", "evil.example", 421),
        ("http://evil.example/api/health/live", "hub.example", 400),
        ("http://hub.example/api/health/live", "evil.example", 400),
        ("http://hub.example@evil.example/api/health/live", "hub.example", 400),
        ("hub.example/api/health/live", "hub.example", 400),
        ("//evil.example/api/health/live", "hub.example", 404),
    ],
)
async def test_an_address_in_absolute_form_must_name_the_same_host(
    site: Site, target: str, host: str, status: int
) -> None:
    assert int((await ask(site, host, target)).split()[1]) == status
