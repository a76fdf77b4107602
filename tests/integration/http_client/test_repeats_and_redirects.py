"""What is tried again, how often and after how long, and which redirects are followed."""

import pytest

from medianest_hub.infrastructure.http_client import HttpClient
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_hub.testing import FakeUpstream, Fault


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.EMPTY, Fault.CUT, Fault.GARBAGE])
async def test_a_broken_connection_is_tried_again_where_harmless(
    http: HttpClient, fake_upstream: FakeUpstream, fault: Fault
) -> None:
    fake_upstream.answer("GET", "/word", body=b"x" * 100, fault=fault)
    fake_upstream.answer("GET", "/word", json={"word": "sunny"})
    answer = await http.request("GET", f"{fake_upstream.url}/word")
    assert answer.json() == {"word": "sunny"}


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.EMPTY, Fault.CUT, Fault.GARBAGE])
async def test_a_broken_connection_is_an_upstream_error_where_a_repeat_is_not_harmless(
    http: HttpClient, fake_upstream: FakeUpstream, fault: Fault
) -> None:
    fake_upstream.answer("POST", "/word", body=b"x" * 100, fault=fault)
    with pytest.raises(UpstreamError):
        await http.request("POST", f"{fake_upstream.url}/word", json={})
    assert len(fake_upstream.requests) == 1


async def test_a_harmless_call_is_tried_three_times_and_no_more(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", status=503)
    with pytest.raises(UpstreamError):
        await http.request("GET", f"{fake_upstream.url}/word")
    assert len(fake_upstream.requests) == 3


async def test_the_plugin_may_say_how_often(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("PUT", "/word", status=503)
    fake_upstream.answer("PUT", "/word")
    assert (await http.request("PUT", f"{fake_upstream.url}/word", retries=1)).status == 200
    fake_upstream.answer("GET", "/never", status=503)
    with pytest.raises(UpstreamError):
        await http.request("GET", f"{fake_upstream.url}/never", retries=0)
    assert len(fake_upstream.requests) == 3


async def test_a_service_that_asks_for_time_gets_it_or_an_error_that_says_so(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/soon", status=429, headers={"Retry-After": "0"})
    fake_upstream.answer("GET", "/soon")
    assert (await http.request("GET", f"{fake_upstream.url}/soon")).status == 200
    fake_upstream.answer("GET", "/late", status=429, headers={"Retry-After": "120"})
    with pytest.raises(UpstreamError) as failed:
        await http.request("GET", f"{fake_upstream.url}/late", deadline=5)
    assert failed.value.retry_after == 120
    assert len(fake_upstream.requests) == 3


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e400", "Wed, 99 Xyz 2026 00:00:00 GMT", "9" * 400], ids=ascii)
async def test_an_unreadable_wish_for_time_is_ignored(
    http: HttpClient, fake_upstream: FakeUpstream, value: str
) -> None:
    fake_upstream.answer("POST", "/word", status=429, headers={"Retry-After": value})
    with pytest.raises(UpstreamError) as failed:
        await http.request("POST", f"{fake_upstream.url}/word")
    assert failed.value.retry_after is None or failed.value.retry_after <= 3600


async def test_redirects_on_the_same_host_are_followed(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/old", status=301, headers={"Location": "/new?x=1"})
    fake_upstream.answer("GET", "/new", json={"word": "sunny"})
    fake_upstream.answer("POST", "/old", status=307, headers={"Location": f"{fake_upstream.url}/new"})
    fake_upstream.answer("POST", "/new", status=200)
    assert (await http.request("GET", f"{fake_upstream.url}/old")).json() == {"word": "sunny"}
    await http.request("POST", f"{fake_upstream.url}/old", json={"a": 1})
    assert fake_upstream.requests[-1].json() == {"a": 1}


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/new",
        "//localhost:{port}/new",
        "http://127.0.0.1:1/new",
        "https://127.0.0.1:{port}/new",
        "file:///etc/passwd",
        "http://[broken",
    ],
)
async def test_a_redirect_elsewhere_is_not_followed(
    http: HttpClient, fake_upstream: FakeUpstream, location: str
) -> None:
    port = fake_upstream.url.rpartition(":")[2]
    fake_upstream.answer("GET", "/old", status=302, headers={"Location": location.format(port=port)})
    fake_upstream.answer("GET", "/new", json={})
    with pytest.raises(UpstreamError, match="redirects"):
        await http.request("GET", f"{fake_upstream.url}/old", headers={"X-Token": "secret"})
    assert [seen.path for seen in fake_upstream.requests] == ["/old"]


async def test_a_redirected_post_is_not_turned_into_a_get(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("POST", "/old", status=302, headers={"Location": "/login"})
    with pytest.raises(UpstreamError, match="redirects instead"):
        await http.request("POST", f"{fake_upstream.url}/old")


async def test_a_circle_of_redirects_ends(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/a", status=302, headers={"Location": "/a"})
    with pytest.raises(UpstreamError, match="circle"):
        await http.request("GET", f"{fake_upstream.url}/a")
