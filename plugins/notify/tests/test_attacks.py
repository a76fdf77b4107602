"""What an address is not let do: each way to reach what is not the person's, tried through the routes and real Apprise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest

from medianest_hub.plugin_api import errors
from medianest_notify.addresses import reading
from medianest_notify.addresses.catalogue import BY_SCHEMA, SERVICES
from medianest_notify.senders import Senders, senders_of
from tests.simulators.notify_sinks.http import NotifySinks

from .conftest import Ctx, addresses, allowing, enter, somebody, try_out

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

FORBIDDEN = (
    *(
        "file:///etc/passwd",
        "exec://id",
        "syslog://",
        "rsyslog://host.example",
        "dbus://",
        "gnome://",
        "kde://",
        "qt://",
    ),
    *("glib://", "windows://", "macosx://", "blink1://", "growl://host.example", "irc://host.example/#a"),
    *(
        "mqtt://host.example/topic",
        "mqtts://host.example/topic",
        "amqp://host.example/queue",
        "xmpp://u:p@host.example",
    ),
    *(
        "smpp://u:p@host.example",
        "aprs://user:1@call",
        "fcm://project/token?keyfile=/etc/passwd",
        "vapid://a@b.example/c",
    ),
    *(
        "nostr://key",
        "mailto://user:password@smtp.example",
        "mailtos://user:password@smtp.example",
        "mailto:a@b.example",
    ),
    *("http://host.example/", "https://discord.com/api/webhooks/1234567890/abcdefghijklmnop", "ftp://host.example/"),
    *("apprise://host.example/token", "config://host.example", "memory://", "custom://host.example"),
)


@contextlib.asynccontextmanager
async def raw_process(openings: list[str], ca: str = "") -> AsyncIterator[Ask]:
    """The sending process itself, asked without anything in front of it; it may use every service there is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "medianest_notify.apprise_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    async def ask(order: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await process.stdout.readline())
        return answer

    try:
        start = {"schemas": [*BY_SCHEMA, "xml", "syslog", "fcm"], "openings": openings, "ca": ca, "most_seconds": 60}
        assert (await ask(start)) == {"outcome": "ready"}
        yield ask
    finally:
        process.stdin.close()
        assert await process.wait() == 0


def order(address: str) -> dict[str, Any]:
    return {"do": "send", "address": address, "title": "T", "body": "B"}


async def test_only_what_is_offered_is_taken(home):
    mia = somebody(home)
    for address in FORBIDDEN:
        with pytest.raises(errors.BadInput) as refused:
            await enter(home, mia, address)
        assert refused.value.fields[0].code in ("not_offered", "bad_address"), address
    assert await addresses(home, mia) == []
    assert home.people.secrets == {}


HOLDING = (
    ("ntfy://host.example/topic\r\nX-Injected: yes", "bad_address"),
    ("ntfy://host.example/topic\nrcpt", "bad_address"),
    ("ntfy://host.example/to pic", "bad_address"),
    ("ntfy://host.example/\x00", "bad_address"),
    ("ntfy://host.example/\u2028x", "bad_address"),
    ("ntfy://", "bad_address"),
    ("ntfy:///topic", "bad_address"),
    ("topic", "bad_address"),
    ("@https://host.example/config", "bad_address"),
    ("ntfy://host.example/" + "a" * 1000, "too_long"),
    ("ntfy://host.example/" + "/".join("abcdefghij"), "too_many_targets"),
    ("telegram", "bad_address"),
    ("tgram://123456789:abcdefghijklmnopqrstuvwxyzabcdefghi/" + ",".join("123456789"), "too_many_targets"),
    ("ntfy://host.example/topic?verify=no", "option_withheld"),
    ("ntfy://host.example/topic?VERIFY=no", "option_withheld"),
    ("ntfy://host.example/topic?%76erify=no", "option_withheld"),
    ("ntfy://host.example/topic?a=b;verify=no", "option_withheld"),
    ("ntfy://host.example/topic?redirect=yes", "option_withheld"),
    ("discord://id/token?template=/etc/passwd", "option_withheld"),
    ("ntfy://host.example/topic?attach=file:///etc/passwd", "option_withheld"),
    ("json://host.example/?rto=9999", "option_withheld"),
    ("json://host.example/?cto=9999", "option_withheld"),
    ("json://host.example/?retry=100", "option_withheld"),
)


async def test_what_an_address_may_not_hold(home):
    mia = somebody(home)
    for address, code in HOLDING:
        with pytest.raises(errors.BadInput) as refused:
            await enter(home, mia, address)
        assert refused.value.fields[0].code == code, address
        assert "passwd" not in refused.value.message
        assert "Injected" not in refused.value.message
    assert await addresses(home, mia) == []


PRIVATE = (
    *("127.0.0.1", "localhost", "localhost.", "2130706433", "127.1", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"),
    *(
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
    ),
    *("100.64.0.1", "[fd00::1]", "[fe80::1]", "224.0.0.1", "255.255.255.255", "192.0.2.1", "[fec0::1]"),
)


async def test_nothing_at_home_is_reached_unless_the_operator_allows_it():
    async with NotifySinks().running() as sinks, raw_process([]) as ask:
        for schema in ("json", "ntfy", "xml", "form", "gotify", "rocket", "matrix", "hassio", "ncloud", "signal"):
            for host in PRIVATE if schema == "json" else PRIVATE[:2]:
                answer = await ask(order(f"{schema}://user:password@{host}:{sinks.port}/AgotifyTokenOf15/hook/a"))
                assert answer["code"] in ("unreachable", "bad_address"), (schema, host, answer)
        # Not allowed and not to be had are told alike.
        assert await ask(order(f"json://127.0.0.1:{sinks.port}/a")) == await ask(order("json://no-such.invalid/a"))
        assert sinks.asked == []


async def test_a_name_that_leads_home_is_refused_when_it_is_connected_to():
    """Whatever the name was good for when it was entered: this machine's own names lead to it, as a rebound one would."""
    async with NotifySinks().running() as sinks, raw_process(["203.0.113.7"]) as ask:
        for name in ("localhost", "localhost.localdomain", os.uname().nodename):
            assert (await ask(order(f"json://{name}:{sinks.port}/hook/a")))["code"] == "unreachable"
        assert sinks.asked == []


@pytest.mark.parametrize("opening", ["127.0.0.0/8", "127.0.0.1", "127.0.0.1:PORT"])
async def test_what_the_operator_allows_is_reached_and_no_other_port(opening):
    async with NotifySinks().running() as sinks, NotifySinks().running() as others:
        async with raw_process([opening.replace("PORT", str(sinks.port))]) as ask:
            assert (await ask(order(f"json://{sinks.host}/hook/a"))) == {"outcome": "delivered"}
            other = await ask(order(f"json://{others.host}/hook/a"))
        assert (other["outcome"] == "delivered") is ("PORT" not in opening)
        assert (others.asked == []) is ("PORT" in opening)


async def test_no_redirection_is_followed_not_even_to_what_is_allowed():
    async with NotifySinks().running() as sinks, NotifySinks().running() as elsewhere:
        sinks.faults.elsewhere = f"http://{elsewhere.host}/hook/stolen"
        sinks.faults.set("message", "away")
        async with raw_process(["127.0.0.1"]) as ask:
            for sinks.faults.status in (301, 302, 303, 307, 308):
                for address in (f"json://{sinks.host}/hook/a", f"json://{sinks.host}/hook/a?redirect=yes"):
                    answer = await ask(order(address))
                    assert (answer["outcome"], answer["code"]) == ("refused", "redirected")
        assert elsewhere.asked == []


async def test_one_message_opens_a_dozen_connections_at_most():
    channels = ",".join(f"channel{number}" for number in range(16))
    async with NotifySinks().running() as sinks, raw_process(["127.0.0.1"]) as ask:
        answer = await ask(order(f"mmost://{sinks.host}/{'a' * 26}?to={channels}"))
        assert (answer["outcome"], answer["code"]) == ("uncertain", "partly")
        assert len(sinks.arrived) == 12
        # Counting begins anew with the next message.
        assert (await ask(order(f"json://{sinks.host}/hook/a"))) == {"outcome": "delivered"}


async def test_what_needs_the_machine_itself_is_refused_in_the_process():
    """Addresses Apprise would take, had nothing looked at them before: files, local sockets, other programs."""
    async with NotifySinks().running() as sinks, raw_process(["127.0.0.1"]) as ask:
        for address in (
            "syslog://",
            "syslog://local7",
            f"discord://{'1' * 18}/{'a' * 68}?template=/etc/hostname",
            f"workflows://{sinks.host}/workflow/signature?template=/etc/hostname",
            f"fcm://project@{'a' * 20}/token?keyfile=/etc/hostname",
        ):
            assert (await ask(order(address)))["outcome"] != "delivered", address
        assert sinks.arrived == []


async def test_every_service_that_can_be_offered_is_one_apprise_knows(make):
    ctx = await make(services=list(SERVICES))
    senders = senders_of(ctx)
    for service in SERVICES.values():
        for schema in service.schemas:
            example = f"{schema}://{service.example.partition('://')[2]}"
            assert await senders.is_readable(example), example
            assert reading.read(example, [service.name]).service == service.name


@pytest.mark.parametrize(
    "opening", ["example.org", "192.168.1.1/8", "fd00::/8:80", "192.168.1.1:0", "192.168.1.1:99999", "*"]
)
def test_an_operator_allows_addresses_and_nothing_that_could_lead_anywhere(opening):
    from pydantic import ValidationError

    from medianest_notify.settings import NotifySettings

    with pytest.raises(ValidationError):
        NotifySettings(private_addresses=[opening])


async def test_nobody_enters_more_addresses_than_are_allowed(make, authority):
    ctx: Ctx = await make(**allowing(authority), addresses_per_person=3)
    mia, tom = somebody(ctx), somebody(ctx, "tom")
    for number in range(3):
        await enter(ctx, mia, f"ntfy://127.0.0.1/topic{number}")
    with pytest.raises(errors.Conflict) as refused:
        await enter(ctx, mia, "ntfy://127.0.0.1/one-more")
    assert refused.value.error_code == "too_many_addresses"
    # The same one again is the one that is there.
    again = await enter(ctx, mia, "ntfy://127.0.0.1/topic1")
    assert again.id == (await addresses(ctx, mia))[1].id
    await enter(ctx, tom, "ntfy://127.0.0.1/topic1")
    assert len(ctx.people.secrets) == 4


async def test_two_entered_at_once_are_no_way_round_the_limit(make, authority):
    ctx: Ctx = await make(**allowing(authority), addresses_per_person=2)
    mia = somebody(ctx)
    tries = [enter(ctx, mia, f"ntfy://127.0.0.1/topic{number}") for number in range(5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, errors.Conflict)]) == 3
    assert len(await addresses(ctx, mia)) == 2


async def test_a_message_that_takes_too_long_ends_the_process_and_another_takes_over(home, sinks):
    mia = somebody(home)
    entered = await enter(home, mia, f"ntfy://{sinks.host}/topic")
    hasty = Senders(home.settings, most_seconds=2)
    usual, home.state["senders"] = home.state["senders"], hasty
    sinks.faults.set("message", "hang")
    told = await try_out(home, mia, entered)
    assert (told.outcome, told.code) == ("uncertain", "no_answer")
    sinks.faults.clear()
    home.state["senders"] = usual
    assert (await try_out(home, mia, entered)).outcome == "delivered"
    await hasty.close()


async def test_no_process_outlives_what_started_it(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    senders = senders_of(home)
    assert await senders.is_readable("json://127.0.0.1/hook")
    await senders.close()
    with pytest.raises(errors.Unavailable):
        await senders.is_readable("json://127.0.0.1/hook")
    left = [child.cmdline() for child in psutil.Process().children()]
    assert not [words for words in left if "medianest_notify.apprise_process" in words]


async def test_more_than_can_wait_is_turned_away_at_once(home):
    senders = senders_of(home)
    asked = [senders.is_readable("json://127.0.0.1/hook") for _ in range(30)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert len([one for one in outcomes if one is True]) == 20
    assert len([one for one in outcomes if isinstance(one, errors.Unavailable)]) == 10
