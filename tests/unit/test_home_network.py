"""Which addresses are this machine's or a private network's, and which requests a proxy passed on."""

import pytest

from medianest_hub.infrastructure.home_network import FORWARDING, is_home, was_passed_on


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("", True),  # a Unix socket
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.31.0.9", True),
        ("192.168.1.20", True),
        ("::1", True),
        ("fd12::9", True),
        ("fe80::1%eth0", True),
        ("::ffff:192.168.1.20", True),
        ("172.32.0.1", False),
        ("100.64.0.1", False),  # a provider's own network
        ("203.0.113.9", False),
        ("::ffff:203.0.113.9", False),
        ("2001:db8::1", False),
        ("0.0.0.0", False),
        ("nonsense", False),
    ],
)
def test_home_is_this_machine_and_private_networks(address: str, home: bool) -> None:
    assert is_home(address) is home


def test_a_proxys_header_says_that_somebody_else_asks() -> None:
    assert not was_passed_on({"host": "hub"})
    assert all(was_passed_on({name: "x"}) for name in FORWARDING)
