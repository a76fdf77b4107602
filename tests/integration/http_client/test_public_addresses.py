"""Addresses that others chose: nothing in this house is ever connected to, whatever it is called and wherever it redirects."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from medianest_hub.infrastructure.http_client.public import IPAddress, PublicFetcher, is_public
from medianest_hub.plugin_api.errors import UpstreamError, UpstreamTimeout
from medianest_hub.testing import FakeUpstream, Fault


def localhost_alone(address: IPAddress) -> bool:
    return str(address) == "127.0.0.1"


@asynccontextmanager
async def fetching(fetcher: PublicFetcher) -> AsyncIterator[PublicFetcher]:
    try:
        yield fetcher
    finally:
        await fetcher.close()


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::7f00:1",
     "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1"],
)  # fmt: skip
def test_nothing_at_home_is_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_the_internet_is(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "address",
    ["http://1.1.1.1/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://2130706433/",
     "https://127.1/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/", "file:///etc/passwd", "https://", "", "//x",
     "https://user@127.0.0.1/", "https://0.0.0.0/"],
)  # fmt: skip
async def test_what_is_not_public_https_is_refused_unasked(address: str, fake_upstream: FakeUpstream) -> None:
    port = fake_upstream.url.rpartition(":")[2]
    async with fetching(PublicFetcher()) as fetcher:
        for url in (address, address.removesuffix("/") + f":{port}/" if address.endswith("/") else address):
            with pytest.raises(UpstreamError) as refused:
                await fetcher.get(url, service="the host", cap=1000, deadline=5)
            assert "127.0.0.1" not in refused.value.message
    assert fake_upstream.requests == []


async def test_a_redirection_home_is_refused(fake_upstream: FakeUpstream) -> None:
    port = fake_upstream.url.rpartition(":")[2]
    fake_upstream.answer("GET", "/a", status=302, headers={"Location": f"http://127.0.0.2:{port}/b"})
    fake_upstream.answer("GET", "/n", status=302, headers={"Location": f"http://ip6-localhost:{port}/b"})
    fake_upstream.answer("GET", "/f", status=302, headers={"Location": "file:///etc/passwd"})
    fake_upstream.answer("GET", "/c", status=302, headers={"Location": "/c"})
    async with fetching(PublicFetcher(allowed=localhost_alone, schemes=("http",))) as fetcher:
        for path in ("/a", "/n", "/f", "/c"):
            with pytest.raises(UpstreamError):
                await fetcher.get(fake_upstream.url + path, service="the host", cap=1000)
    assert {request.path for request in fake_upstream.requests} == {"/a", "/n", "/f", "/c"}


async def test_a_redirection_within_the_rule_is_followed(fake_upstream: FakeUpstream) -> None:
    port = fake_upstream.url.rpartition(":")[2]
    fake_upstream.answer("GET", "/a", status=301, headers={"Location": "b"})
    fake_upstream.answer("GET", "/b", body=b"picture")
    async with fetching(PublicFetcher(allowed=localhost_alone, schemes=("http",))) as fetcher:
        assert await fetcher.get(f"http://localhost:{port}/a", service="the host", cap=1000) == b"picture"
    assert all("Authorization" not in one.headers and "Cookie" not in one.headers for one in fake_upstream.requests)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.EMPTY, Fault.GARBAGE, Fault.CUT, Fault.ENDLESS, Fault.HANG])
async def test_a_host_that_misbehaves_is_an_upstream_error(fake_upstream: FakeUpstream, fault: Fault) -> None:
    fake_upstream.answer("GET", "/a", body=b"x" * 500, fault=fault)
    async with fetching(PublicFetcher(allowed=localhost_alone, schemes=("http",))) as fetcher:
        with pytest.raises(UpstreamTimeout if fault is Fault.HANG else UpstreamError):
            await fetcher.get(f"{fake_upstream.url}/a", service="the host", cap=1000, deadline=1.0)


@pytest.mark.parametrize(("status", "size"), [(404, 10), (500, 10), (204, 0), (200, 2000)])
async def test_no_picture_is_an_upstream_error(fake_upstream: FakeUpstream, status: int, size: int) -> None:
    fake_upstream.answer("GET", "/a", status=status, body=b"x" * size)
    async with fetching(PublicFetcher(allowed=localhost_alone, schemes=("http",))) as fetcher:
        with pytest.raises(UpstreamError):
            await fetcher.get(f"{fake_upstream.url}/a", service="the host", cap=1000)
