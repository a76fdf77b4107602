"""Outside calls against a real server: what is sent, what comes back, and words for each way it fails."""

import asyncio
import contextlib
import gzip
import json
import socket
import time
from typing import Any

import pytest
import structlog
from pydantic import BaseModel

from medianest_hub import __version__
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.http_client import HttpClient, HttpClients
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.testing import FakeUpstream, Fault


class Word(BaseModel):
    word: str
    count: int = 0


class Nested(BaseModel):
    items: list[Word]


def sample(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_an_answer_is_read_whole(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", json={"word": "sunny"}, headers={"X-Kind": "a"})
    answer = await http.request("get", f"{fake_upstream.url}/word?a=1", params={"b": 2, "c": "x y&z"})
    assert (answer.status, answer.headers["x-kind"], answer.json()) == (200, "a", {"word": "sunny"})
    assert answer.parse(Word) == Word(word="sunny")
    assert fake_upstream.requests[0].query == {"a": "1", "b": "2", "c": "x y&z"}


async def test_every_call_says_who_calls_and_for_which_request(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word")
    with structlog.contextvars.bound_contextvars(request_id="request-7"):
        await http.request("GET", f"{fake_upstream.url}/word", headers={"X-Token": "t"})
    (seen,) = fake_upstream.requests
    assert seen.headers["User-Agent"] == f"MediaNest-Hub/{__version__}"
    assert seen.headers["X-Request-ID"] == "request-7"
    assert seen.headers["X-Token"] == "t"


async def test_json_and_models_are_sent_as_json(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("POST", "/word", status=201)
    for content in ({"word": "ü"}, Word(word="ü"), [1, None]):
        await http.request("POST", f"{fake_upstream.url}/word", json=content)
    await http.request("POST", f"{fake_upstream.url}/word", data=b"raw", headers={"content-type": "text/plain"})
    bodies = [seen.body for seen in fake_upstream.requests]
    assert json.loads(bodies[0]) == {"word": "ü"}
    assert json.loads(bodies[1]) == {"word": "ü", "count": 0}
    assert json.loads(bodies[2]) == [1, None]
    assert bodies[3] == b"raw"
    kinds = [seen.headers["Content-Type"] for seen in fake_upstream.requests]
    assert kinds == ["application/json"] * 3 + ["text/plain"]


async def test_cookies_are_not_kept(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", headers={"Set-Cookie": "a=1; Path=/"})
    for _ in range(2):
        await http.request("GET", f"{fake_upstream.url}/word")
    assert all("Cookie" not in seen.headers for seen in fake_upstream.requests)


async def test_a_proxy_of_the_environment_is_not_used(
    http: HttpClient, fake_upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fake_upstream.answer("GET", "/word")
    assert (await http.request("GET", f"{fake_upstream.url}/word")).status == 200


@pytest.mark.parametrize("status", [400, 404, 409, 418, 429, 500, 503, 599])
async def test_a_status_nobody_asked_for_is_an_upstream_error(
    http: HttpClient, fake_upstream: FakeUpstream, status: int
) -> None:
    fake_upstream.answer("GET", "/word", status=status, body="secret page")
    with pytest.raises(UpstreamError) as failed:
        await http.request("GET", f"{fake_upstream.url}/word", service="weather.example")
    assert str(status) in failed.value.message
    assert failed.value.service == "weather.example"
    assert failed.value.not_taken is (status in (429, 503))
    assert "secret" not in failed.value.message
    assert (await http.request("GET", f"{fake_upstream.url}/word", ok=[200, status])).status == status


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_auth_failed(http: HttpClient, fake_upstream: FakeUpstream, status: int) -> None:
    fake_upstream.answer("GET", "/word", status=status)
    with pytest.raises(AuthFailed):
        await http.request("GET", f"{fake_upstream.url}/word")
    assert len(fake_upstream.requests) == 1
    assert (await http.request("GET", f"{fake_upstream.url}/word", ok=[status])).status == status


async def test_no_content_is_an_empty_answer(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("DELETE", "/word", status=204)
    answer = await http.request("DELETE", f"{fake_upstream.url}/word")
    assert answer.body == b""
    with pytest.raises(UpstreamError, match="nothing"):
        answer.json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html>", "web page"),
        (b"  <html>", "web page"),
        (b"", "nothing"),
        (b"{", "something else"),
        (b"\xff\xfe", "something else"),
        (b"[" * 100_000, "something else"),
    ],
    ids=["page", "indented page", "empty", "cut", "no text", "deep"],
)
async def test_what_is_not_json_is_said_to_be_so(
    http: HttpClient, fake_upstream: FakeUpstream, body: bytes, words: str
) -> None:
    fake_upstream.answer("GET", "/word", body=body)
    answer = await http.request("GET", f"{fake_upstream.url}/word", service="weather.example")
    for read in (answer.json, lambda: answer.parse(Word)):
        with pytest.raises(UpstreamError, match=words) as failed:
            read()
        assert failed.value.service == "weather.example"


async def test_a_byte_order_mark_is_ignored(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", body=b'\xef\xbb\xbf{"word": "x"}')
    answer = await http.request("GET", f"{fake_upstream.url}/word")
    assert answer.json() == {"word": "x"}
    assert answer.parse(Word) == Word(word="x")


async def test_a_shape_that_does_not_fit_names_the_field_and_not_its_value(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/words", json={"items": [{"word": "ok"}, {"word": {"token": "s3cret"}}]})
    answer = await http.request("GET", f"{fake_upstream.url}/words", service="weather.example")
    with pytest.raises(UpstreamError) as failed:
        answer.parse(Nested)
    assert failed.value.field == "items.1.word"
    assert "items.1.word" in failed.value.message
    assert "s3cret" not in str(failed.value)


async def test_a_hanging_service_ends_at_the_deadline(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", fault=Fault.HANG)
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout, match=r"0\.3 seconds") as caught:
        await http.request("GET", f"{fake_upstream.url}/word", deadline=0.3)
    assert not caught.value.not_taken
    assert time.monotonic() - began < 1.0


async def test_a_dripping_body_ends_at_the_deadline(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", body=b"x" * 1000, fault=Fault.DRIP, delay=0.02)
    with pytest.raises(UpstreamTimeout):
        await http.request("GET", f"{fake_upstream.url}/word", deadline=0.3)


async def test_a_body_over_the_cap_is_not_taken(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/announced", body=b"x" * 2000)
    fake_upstream.answer("GET", "/endless", body=b"x" * 500, fault=Fault.ENDLESS)
    fake_upstream.answer("GET", "/packed", body=gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"})
    for path in ("announced", "endless", "packed"):
        with pytest.raises(UpstreamError, match="more than 1000 bytes"):
            await http.request("GET", f"{fake_upstream.url}/{path}", cap=1000, deadline=5)
    assert len(fake_upstream.requests) == 3  # a repeat would not make it smaller


async def test_a_body_of_exactly_the_cap_is_taken(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", body=b"x" * 1000)
    assert len((await http.request("GET", f"{fake_upstream.url}/word", cap=1000)).body) == 1000


async def test_a_service_that_is_not_there(http: HttpClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UpstreamError, match="cannot be reached: connection refused") as caught:
            await http.request("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/", retries=0)
    assert caught.value.not_taken


async def test_a_name_that_does_not_resolve(http: HttpClient) -> None:
    with pytest.raises(UpstreamError, match="does not resolve") as caught:
        await http.request("GET", "http://no-such-host.invalid/", retries=0)
    assert caught.value.not_taken


@pytest.mark.parametrize(
    "url", ["", "weather", "ftp://host/x", "http://", "http://[::1", "http://host:99999/", "javascript:1"]
)
async def test_an_address_that_is_none_is_refused_without_repeating_it(http: HttpClient, url: str) -> None:
    with pytest.raises(UpstreamError) as failed:
        await http.request("GET", f"{url}?token=s3cret")
    assert "s3cret" not in str(failed.value)


async def test_a_header_with_a_line_break_is_refused_without_repeating_it(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    with pytest.raises(ConfigInvalid) as failed:
        await http.request("GET", fake_upstream.url, headers={"X-Token": "s3cret\r\nX-Evil: 1"})
    assert "X-Token" in failed.value.message
    assert "s3cret" not in failed.value.message
    assert fake_upstream.requests == []


async def test_secrets_in_an_address_stay_out_of_errors_and_logs(
    http: HttpClient, fake_upstream: FakeUpstream, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_upstream.answer("GET", "/s3cret-path", status=500)
    host = fake_upstream.url.removeprefix("http://")
    for url in (
        f"http://user:s3cret@{host}/s3cret-path?token=s3cret",
        "http://user:s3cret@127.0.0.1:1/s3cret?token=s3cret",
        "http://user:s3cret@no-such-host.invalid/?token=s3cret",
    ):
        with pytest.raises(UpstreamError) as failed:
            await http.request("GET", url, retries=0)
        assert "s3cret" not in str(failed.value)
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__
    printed = capsys.readouterr()
    assert "s3cret" not in printed.out + printed.err


async def test_plain_http_where_tls_was_expected_is_named(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    with pytest.raises(UpstreamError, match="http:// rather than https://"):
        await http.request("GET", fake_upstream.url.replace("http://", "https://"), retries=0)


async def test_calls_and_their_outcomes_are_counted(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/good")
    fake_upstream.answer("GET", "/bad", status=401)
    counted = {"plugin": "weather", "service": "counted.example"}
    for path in ("good", "good", "bad"):
        with contextlib.suppress(AuthFailed):
            await http.request("GET", f"{fake_upstream.url}/{path}", service="counted.example")
    assert sample("medianest_upstream_calls_total", **counted, outcome="ok") == 2
    assert sample("medianest_upstream_calls_total", **counted, outcome="auth_failed") == 1
    assert sample("medianest_upstream_seconds_count", **counted) == 3


async def test_a_plugin_that_names_services_without_end_fills_neither_memory_nor_metrics(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/word")
    http = clients.client("chatty")
    for number in range(600):
        clients.service("chatty", "main", f"service-{number}")
    await http.request("GET", f"{fake_upstream.url}/word", service="one-more")
    assert sample("medianest_upstream_calls_total", plugin="chatty", service="other", outcome="ok") == 1
    assert len(clients._services) <= 512


async def test_a_closed_client_refuses_and_a_closed_process_too(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/word")
    old, new = clients.client("weather"), clients.client("weather")
    await old.close()
    with pytest.raises(Unavailable):
        await old.request("GET", f"{fake_upstream.url}/word")
    assert (await new.request("GET", f"{fake_upstream.url}/word")).status == 200
    await clients.close()
    with pytest.raises(Unavailable):
        await new.request("GET", f"{fake_upstream.url}/word")


async def test_a_call_that_is_cancelled_leaves_nothing_behind(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", fault=Fault.HANG)
    calling: asyncio.Task[Any] = asyncio.create_task(http.request("GET", f"{fake_upstream.url}/word", service="c"))
    await fake_upstream.seen(1)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert sample("medianest_upstream_calls_total", plugin="weather", service="c", outcome="cancelled") == 1
