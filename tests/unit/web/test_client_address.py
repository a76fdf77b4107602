"""Whose address counts: the last in the chain that no proxy of ours wrote, and one household's IPv6 as one."""

import pytest

from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.web.client_address import ClientAddresses, base_url

OURS = ClientAddresses(["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "10.1.2.3, 10.1.2.4", "10.1.2.3"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, nonsense, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.1", ""),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "," * 5000 + "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_callers_address_comes_through_trusted_proxies_only(peer: str, forwarded: str | None, found: str) -> None:
    assert OURS.find(peer, forwarded) == found


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert ClientAddresses([]).find("127.0.0.1", "198.51.100.1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("::1", "::/64"),
        ("/run/socket", "unknown"),
    ],
)
def test_addresses_are_counted_by_household(address: str, key: str) -> None:
    assert network_of(address) == key


@pytest.mark.parametrize(
    ("public", "scheme", "host", "url"),
    [
        ("https://hub.test", "http", "evil.test", "https://hub.test"),
        (None, "http", "hub.lan:4000", "http://hub.lan:4000"),
        (None, "https", "hub.lan", "https://hub.lan"),
        (None, "http", "[::1]:4000", "http://[::1]:4000"),
        (None, "javascript", "hub.lan", "http://hub.lan"),
        (None, "http", None, ""),
        (None, "http", "a/b", ""),
        (None, "http", "user@evil.test", ""),
        (None, "http", "hub:port", ""),
        (None, "http", "hub?x", ""),
    ],
)
def test_the_hubs_own_address_is_the_set_one_or_a_credible_host(
    public: str | None, scheme: str, host: str | None, url: str
) -> None:
    assert base_url(public, scheme, host) == url
