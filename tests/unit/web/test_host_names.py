"""Names the hub answers to: those the operator set, and those no stranger can have."""

import socket

import pytest

from medianest_hub.settings import ServerSettings
from medianest_hub.web.host_names import HostNames

NAMES = HostNames(
    ServerSettings(public_url="https://Media.Example.org:8443", allowed_hosts=["hub.lan", ".tailnet.example"])
)


@pytest.mark.parametrize(
    "host",
    [
        "media.example.org",
        "MEDIA.example.ORG:8443",
        "media.example.org.:1",
        "hub.lan",
        "hub.lan:4000",
        "nas.tailnet.example",
        "a.b.tailnet.example:80",
        "192.0.2.7",
        "192.0.2.7:4000",
        "[2001:db8::7]",
        "[::1]:4000",
        "[::ffff:192.0.2.7]:4000",
        "localhost",
        "hub.localhost:4000",
        "nas",
        "media_hub:4000",
        "nas.local",
        "nas.home.arpa",
        "nas.corp.internal:4000",
        socket.gethostname(),
    ],
)
def test_names_that_are_the_hubs_or_nobodys_are_answered(host: str) -> None:
    assert NAMES.answers(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4000",
        "example.org",
        "x.media.example.org",
        "media.example.org.evil.example",
        "xmedia.example.org",
        "tailnet.example",
        "xtailnet.example",
        "nas.lan",
        "nas.home",
        "fritz.box",
        "nas.local.evil.example",
        "local.evil.example",
        "nas.internal.example",
        "127.0.0.1.nip.io",
        "1.2.3",
        "",
        ":4000",
        ".",
        ".local",
        "a..local",
        "nas.local:port",
        "nas.local:123456",
        "nas.local/evil.example",
        "nas.local@evil.example",
        "evil.example#.local",
        "evil.example\n.local",
        "nas.local ",
        "nas, evil.example",
        "[::1",
        "[::1%25eth0]",
        "[abc]",
        "nas.löcal",
        "a" * 300,
    ],
)
def test_names_a_stranger_can_have_and_what_is_no_name_are_not(host: str) -> None:
    assert not NAMES.answers(host)


def test_this_machines_full_name_is_learnt_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what resolvers say, which may take its time and is not waited for."""

    def resolved(host: str, port: None, flags: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, 1, 6, "nas.fritz.box", ("192.0.2.7", 0))]

    names = HostNames(ServerSettings())
    assert not names.answers("nas.fritz.box")
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    names.learn_own_name().join(5)
    assert names.answers("nas.fritz.box:4000")
    assert not names.answers("other.fritz.box")


def test_a_machine_whose_name_nobody_knows_is_answered_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    names = HostNames(ServerSettings())
    names.learn_own_name().join(5)
    assert names.answers("nas.local")
