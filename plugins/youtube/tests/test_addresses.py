"""What counts as public, and what an allow-list lets through."""

from __future__ import annotations

import ipaddress

import pytest

from medianest_youtube.addresses import HostRules, is_public, normal_host, normal_rule


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_addresses_that_do_not_leave_the_house_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))
    assert not HostRules.of(["*"]).allows_address(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "142.250.1.1", "2a00:1450:4001::1", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("example.org", True),
        ("cdn.example.org", True),
        ("a.b.example.org", True),
        ("badexample.org", False),
        ("example.org.evil.net", False),
        ("org", False),
        ("127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("rule", ["example.org", ".example.org", "*.Example.org", "example.org."])
def test_a_rule_stands_for_the_host_and_all_below_it_at_a_dot(rule, host, allowed):
    assert HostRules.of([rule]).allows_host(host) is allowed


def test_private_addresses_are_reached_only_where_the_operator_allows_them():
    address = ipaddress.ip_address("192.168.1.5")

    assert HostRules.of(["*"], allow_private=True).allows_address(address)
    assert not HostRules.of(["*"], allow_private=False).allows_address(address)


def test_odd_ports_are_for_private_places_only():
    assert not HostRules.of(["*"]).allows_port(8080)
    assert HostRules.of(["*"], allow_private=True).allows_port(8080)
    assert HostRules.of(["*"]).allows_port(443)


@pytest.mark.parametrize("rule", ["https://example.org", "example.org:443", "a b", "", "*.*", "exa$mple.org"])
def test_a_rule_that_cannot_work_is_refused_with_what_to_write(rule):
    with pytest.raises(ValueError, match=r"write a name such as example\.org"):
        normal_rule(rule)


def test_hosts_are_compared_in_one_spelling():
    assert normal_host("WWW.Example.ORG.") == "www.example.org"
    assert normal_host("bücher.example") == "xn--bcher-kva.example"
    assert normal_host("[2001:DB8::1]") == "2001:db8::1"
