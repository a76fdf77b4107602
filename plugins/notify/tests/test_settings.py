"""What an operator may set, and how a mistake is told."""

from __future__ import annotations

import ipaddress

import pytest
from pydantic import ValidationError

from medianest_hub.testing import Authority, self_signed
from medianest_notify.network import NetworkRules, Opening, is_public
from medianest_notify.settings import NotifySettings


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"services": ["syslog"]}, "there is no service 'syslog'"),
        ({"private_addresses": ["ntfy.home"]}, "names cannot be used"),
        ({"mail": {"host": "https://smtp.example"}}, "a host alone"),
        ({"mail": {"sender": "Hub <hub@mail.example>"}}, "one e-mail address"),
        ({"mail": {"security": "off"}}, "starttls"),
        ({"push_contact": "ada@hub.example"}, "mailto:"),
        ({"push_services": ["https://push.example"]}, "a host alone"),
        ({"push_hours": 0}, "greater than or equal to 1"),
        ({"addresses_per_person": 100}, "less than or equal to 20"),
        ({"tls": {"pinned": self_signed().pem}}, "set the CA"),
        ({"anything": 1}, "Extra inputs"),
    ],
)
def test_a_mistake_is_told_in_words(fields, words):
    with pytest.raises(ValidationError, match=words):
        NotifySettings.model_validate(fields)


def test_what_is_offered_is_told_once_and_email_only_where_it_can_be_sent():
    assert NotifySettings(services=["ntfy", " NTFY ", "json"]).offered == ("ntfy", "json")
    assert "mail" in NotifySettings(mail={"host": "a.example", "sender": "hub@a.example"}).offered
    assert "json" not in NotifySettings().offered
    assert NotifySettings(tls={"ca": Authority().pem}).tls.ca


@pytest.mark.parametrize(
    ("text", "address", "port", "covered"),
    [
        ("192.168.1.20", "192.168.1.20", 8080, True),
        ("192.168.1.20", "192.168.1.21", 8080, False),
        ("192.168.1.20:8080", "192.168.1.20", 8080, True),
        ("192.168.1.20:8080", "192.168.1.20", 22, False),
        ("192.168.1.0/24", "192.168.1.77", 1, True),
        ("192.168.1.0/24:80", "192.168.1.77", 81, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("[fd00::5]:8080", "fd00::5", 8080, True),
        ("[fd00::5]:8080", "fd00::5", 8081, False),
        ("[fd00::5]", "fd00::5", 8081, True),
    ],
)
def test_what_the_operator_allows_at_home(text, address, port, covered):
    assert Opening.read(text).covers(ipaddress.ip_address(address), port) is covered
    assert NetworkRules.read([text]).allow(ipaddress.ip_address(address), port) is covered


@pytest.mark.parametrize(
    ("address", "port", "allowed"),
    [
        ("8.8.8.8", 443, True),
        ("8.8.8.8", 80, True),
        ("8.8.8.8", 8443, True),
        ("8.8.8.8", 25, False),
        ("8.8.8.8", 22, False),
        ("8.8.8.8", 0, False),
        ("8.8.8.8", 70000, False),
        ("2606:4700:4700::1111", 443, True),
    ],
)
def test_on_the_internet_only_ports_of_webhooks_are_reached(address, port, allowed):
    assert NetworkRules().allow(ipaddress.ip_address(address), port) is allowed


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *(
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fd00::1",
        ),
        *(
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "2001:db8::1",
        ),
    ],
)
def test_what_is_not_the_internet_is_not_taken_for_it(address):
    assert not is_public(ipaddress.ip_address(address))
