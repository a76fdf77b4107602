"""One address may hold so many connections and no more; those before it, and everybody else, are served on."""

import asyncio
import resource

from medianest_hub.web.client_address import ClientAddresses
from medianest_hub.web.crowd import MOST_FILES, Crowd, raise_file_limit

from .conftest import StartSite, raw

LIVE = b"GET /api/health/live HTTP/1.1\r\nHost: hub\r\n"


async def test_one_connection_too_many_is_hung_up_on_and_a_freed_seat_is_given_again(start_site: StartSite) -> None:
    site = await start_site(open=False)
    site.hub.crowd = Crowd(lambda _: False, most=3)
    held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(3)]
    for reader, writer in held:
        writer.write(LIVE + b"\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    assert await raw(site.port, LIVE + b"Connection: close\r\n\r\n") == b""
    for _, writer in held:
        writer.write(LIVE + b"Connection: close\r\n\r\n")
    for reader, writer in held:
        assert b"HTTP/1.1 200" in await reader.read()
        writer.close()
    assert b"200 OK" in await raw(site.port, LIVE + b"Connection: close\r\n\r\n")


def test_this_machine_and_our_proxies_are_not_counted_and_an_ipv6_household_is_one() -> None:
    crowd = Crowd(ClientAddresses(["10.0.0.0/24"]).is_near, most=1)
    for near in ("127.0.0.1", "::1", "10.0.0.9", ""):
        assert [crowd.enter(near) for _ in range(3)] == ["", "", ""]
    first = crowd.enter("2001:db8::1")
    assert first
    assert crowd.enter("2001:db8::2") is None
    assert crowd.enter("2001:db8:0:1::1")
    crowd.leave(first)
    assert crowd.enter("2001:db8::2")


def test_strangers_from_everywhere_together_leave_room_for_our_proxies() -> None:
    crowd = Crowd(ClientAddresses([]).is_near, most_in_all=5)
    seats = [crowd.enter(f"192.0.2.{number}") for number in range(5)]
    assert all(seats)
    assert crowd.enter("198.51.100.1") is None
    assert crowd.enter("127.0.0.1") == ""
    crowd.leave(str(seats[0]))
    assert crowd.enter("198.51.100.1")
    assert crowd.enter("198.51.100.2") is None


def test_as_many_descriptors_are_taken_as_the_system_gives() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
        raise_file_limit()
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert soft == (MOST_FILES if before[1] == resource.RLIM_INFINITY else min(MOST_FILES, before[1]))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
