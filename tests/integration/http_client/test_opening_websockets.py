"""A websocket is opened as any outside call is made: within its deadline, held to trust and breaker, with words for failures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
import structlog

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.http_client import HttpClient, HttpClients
from medianest_hub.plugin_api import TlsTrust
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.testing import Authority, FakeUpstream, Fault, SocketFault, self_signed

HOME = Authority()
SERVICE = "weather.example"


async def first_word(http: HttpClient, url: str, *, tls: TlsTrust | None = None) -> str | bytes:
    async with http.websocket(url, service=SERVICE, tls=tls, deadline=2) as socket:
        return await socket.receive()


async def refused(
    http: HttpClient, url: str, *, tls: TlsTrust | None = None, headers: Mapping[str, str] | None = None
) -> UpstreamError:
    with pytest.raises(UpstreamError) as failed:
        async with http.websocket(url, service=SERVICE, tls=tls, headers=headers, deadline=2):
            pytest.fail("it was opened")
    assert failed.value.service == SERVICE
    assert failed.value.message.endswith(".")
    assert "127.0.0.1" not in failed.value.message
    return failed.value


def counted(outcome: str) -> float:
    labels = {"plugin": "weather", "service": SERVICE, "outcome": outcome}
    return metrics.registry.get_sample_value("medianest_upstream_calls_total", labels) or 0


async def test_nothing_is_sent_that_the_service_need_not_know(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/live", status=503, headers={"Set-Cookie": "crumb=1"})
    fake_upstream.websocket("/live")
    await refused(http, f"{fake_upstream.url}/live")
    async with http.websocket(f"{fake_upstream.url}/live?all=1#top", headers={"X-Api-Key": "k"}):
        pass
    seen = fake_upstream.requests[-1]
    assert (seen.path, seen.query, seen.headers["X-Api-Key"]) == ("/live", {"all": "1"}, "k")
    assert seen.headers["User-Agent"].startswith("MediaNest-Hub/")
    for name in ("Origin", "Cookie", "Sec-WebSocket-Extensions", "X-Request-ID"):
        assert name not in seen.headers


async def test_the_request_id_goes_along_where_there_is_one(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live")
    with structlog.contextvars.bound_contextvars(request_id="request-7"):
        async with http.websocket(f"{fake_upstream.url}/live"):
            pass
    assert fake_upstream.requests[0].headers["X-Request-ID"] == "request-7"


async def test_addresses_of_websockets_are_taken_as_well(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live", "sunny")
    assert await first_word(http, fake_upstream.url.replace("http", "ws") + "/live") == "sunny"
    await fake_upstream.restart(HOME.certificate())
    url = fake_upstream.url.replace("https", "WSS") + "/live"
    assert await first_word(http, url, tls=TlsTrust(ca=HOME.pem)) == "sunny"


@pytest.mark.parametrize("url", ["", "station.lan/live", "ftp://station.lan/secret", "ws://", "http://[secret"])
async def test_what_is_no_address_is_refused_and_not_repeated(http: HttpClient, url: str) -> None:
    words = (await refused(http, url)).message
    assert words.startswith(f"The address of {SERVICE} is not a web address")
    assert "secret" not in words


async def test_a_line_break_in_a_header_is_refused(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    with pytest.raises(ConfigInvalid, match="line break"):
        async with http.websocket(f"{fake_upstream.url}/live", headers={"X-Token": "a\r\nb"}):
            pytest.fail("it was opened")


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_told_as_such(http: HttpClient, fake_upstream: FakeUpstream, status: int) -> None:
    fake_upstream.answer("GET", "/live", status=status)
    with pytest.raises(AuthFailed) as failed:
        async with http.websocket(f"{fake_upstream.url}/live", service=SERVICE):
            pytest.fail("it was opened")
    assert failed.value.message == f"{SERVICE} refused the credentials ({status})."


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "200 (OK)"), (400, "400 (Bad Request)"), (503, "503 (Service Unavailable)"), (599, "599")],
)
async def test_another_answer_is_told_with_what_to_do(
    http: HttpClient, fake_upstream: FakeUpstream, status: int, said: str
) -> None:
    fake_upstream.answer("GET", "/live", status=status, body="x" * 100_000, headers={"Retry-After": "7"})
    error = await refused(http, f"{fake_upstream.url}/live")
    assert error.message == (
        f"{SERVICE} opens no live connection: it answered {said}. Enter the address of {SERVICE} itself, or have what stands "
        "before it pass websockets on."
    )
    assert error.retry_after == 7


async def test_an_answer_that_only_looks_like_a_websocket_is_told(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/live", status=101, headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert "not as the websocket protocol has it" in (await refused(http, f"{fake_upstream.url}/live")).message


@pytest.mark.parametrize("where", ["/other", "http://elsewhere.example/live"])
async def test_redirects_are_not_followed(http: HttpClient, fake_upstream: FakeUpstream, where: str) -> None:
    fake_upstream.answer("GET", "/live", status=302, headers={"Location": where})
    fake_upstream.websocket("/other")
    words = (await refused(http, f"{fake_upstream.url}/live")).message
    assert "redirected elsewhere. Enter the address it is redirected to, if it is yours." in words
    assert len(fake_upstream.requests) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.RESET, "closed the connection without an answer"),
        (Fault.EMPTY, "closed the connection without an answer"),
        (Fault.GARBAGE, "answered something that is not HTTP"),
    ],
)
async def test_a_handshake_that_breaks_is_told(
    http: HttpClient, fake_upstream: FakeUpstream, fault: Fault, words: str
) -> None:
    fake_upstream.answer("GET", "/live", fault=fault)
    assert (await refused(http, f"{fake_upstream.url}/live")).message == f"{SERVICE} {words}."


async def test_a_service_that_is_not_there_is_told(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.stop()
    words = (await refused(http, f"{fake_upstream.url}/live")).message
    assert words == f"{SERVICE} cannot be reached: connection refused."


async def test_a_handshake_that_takes_too_long_is_given_up(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/live", fault=Fault.HANG)
    with pytest.raises(UpstreamTimeout) as failed:
        async with http.websocket(f"{fake_upstream.url}/live", service=SERVICE, deadline=0.2):
            pytest.fail("it was opened")
    assert failed.value.message == f"{SERVICE} opened no live connection within 0.2 seconds."


# Trust


async def test_the_certificate_is_held_to_the_trust_given(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    certificate = HOME.certificate()
    await fake_upstream.restart(certificate)
    fake_upstream.websocket("/live", "sunny")
    url = f"{fake_upstream.url}/live"
    for good in (TlsTrust(ca=HOME.pem), TlsTrust(pinned=certificate.pem)):
        assert await first_word(http, url, tls=good) == "sunny"
    assert len(fake_upstream.requests) == 2
    for tls, advice in (
        (None, ""),
        (TlsTrust(), "set its CA or pin it in the plugin's settings"),
        (TlsTrust(ca=Authority().pem), "its CA is not the one in the plugin's settings"),
        (TlsTrust(pinned=self_signed().pem), "pin that in the plugin's settings"),
        (TlsTrust(pinned=HOME.pem), "it is not the pinned one"),
    ):
        words = (await refused(http, url, tls=tls)).message
        assert words.startswith(f"{SERVICE} has a certificate that is not trusted: ")
        assert advice in words
    assert len(fake_upstream.requests) == 2


async def test_tls_where_there_is_none_is_told(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    words = (await refused(http, f"{fake_upstream.url.replace('http', 'https')}/live")).message
    assert "does not speak TLS as it should; is it http:// rather than https://?" in words


# Metrics and breaker


async def test_each_opening_is_counted_once_and_what_comes_later_is_not(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    before = {outcome: counted(outcome) for outcome in ("ok", "upstream_error", "auth_failed", "cancelled")}
    fake_upstream.answer("GET", "/live", status=503)
    fake_upstream.answer("GET", "/live", status=401)
    fake_upstream.websocket("/live", "sunny", SocketFault.CUT)
    await refused(http, f"{fake_upstream.url}/live")
    with pytest.raises(AuthFailed):
        await first_word(http, f"{fake_upstream.url}/live")
    async with http.websocket(f"{fake_upstream.url}/live", service=SERVICE) as socket:
        assert await socket.receive() == "sunny"
        with pytest.raises(UpstreamError):
            await socket.receive()
    after = {outcome: counted(outcome) - count for outcome, count in before.items()}
    assert after == {"ok": 1, "upstream_error": 1, "auth_failed": 1, "cancelled": 0}


async def test_a_service_that_opens_none_is_held_back_for_requests_too_and_comes_back(
    clients: HttpClients, http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    breaker = clients.service("weather", "main", SERVICE).breaker
    breaker._first_cool_down = breaker._cool_down = 0.05
    fake_upstream.answer("GET", "/live", status=503)
    fake_upstream.answer("GET", "/live", fault=Fault.RESET)
    for _ in range(5):
        await refused(http, f"{fake_upstream.url}/live")
    with pytest.raises(Unavailable) as held_back:
        await first_word(http, f"{fake_upstream.url}/live")
    assert held_back.value.error_code == "service_down"
    assert held_back.value.retry_after is not None
    with pytest.raises(Unavailable):
        await http.request("POST", f"{fake_upstream.url}/word", service=SERVICE)
    assert len(fake_upstream.requests) == 5

    fake_upstream.forget()
    fake_upstream.websocket("/live", "sunny")
    async with asyncio.timeout(3):
        while True:
            try:
                assert await first_word(http, f"{fake_upstream.url}/live") == "sunny"
                break
            except Unavailable as again:
                await asyncio.sleep(again.retry_after or 0)
    assert await first_word(http, f"{fake_upstream.url}/live") == "sunny"


async def test_connections_that_end_and_answers_that_are_only_unwelcome_hold_nothing_back(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.websocket("/live", SocketFault.CUT)
    fake_upstream.answer("GET", "/other", status=404)
    for _ in range(7):
        with pytest.raises(UpstreamError, match="ended the connection"):
            await first_word(http, f"{fake_upstream.url}/live")
    for _ in range(7):
        await refused(http, f"{fake_upstream.url}/other")
    assert len(fake_upstream.requests) == 14


async def test_a_cancelled_trial_leaves_the_next_one_to_others(
    clients: HttpClients, http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    breaker = clients.service("weather", "main", SERVICE).breaker
    breaker._first_cool_down = breaker._cool_down = 0.0
    fake_upstream.answer("GET", "/live", fault=Fault.RESET)
    for _ in range(5):
        await refused(http, f"{fake_upstream.url}/live")
    fake_upstream.forget()
    fake_upstream.answer("GET", "/live", fault=Fault.HANG)
    fake_upstream.websocket("/live", "sunny")
    trial = asyncio.create_task(first_word(http, f"{fake_upstream.url}/live"))
    await fake_upstream.seen()
    trial.cancel()
    await asyncio.wait([trial])
    assert trial.cancelled()
    assert await first_word(http, f"{fake_upstream.url}/live") == "sunny"
