"""Real Apprise, in its own process, against services on this machine: what arrives, and what is told when it does not."""

from __future__ import annotations

import pytest

from medianest_hub.testing import make_person
from medianest_notify.outcomes import words
from tests.simulators.notify_sinks.http import NotifySinks

from .conftest import addresses, allowing, enter, somebody, try_out

ARRIVING = (
    ("ntfy://HOST/our-house", "ntfy", "our-house"),
    ("NTFY://HOST/Our-House", "ntfy", "Our-House"),
    ("gotify://HOST/AgotifyTokenOf15", "gotify", "AgotifyTokenOf15"),
    ("mmost://HOST/3ccdd113474722377935511fc85d3dd4", "mattermost", "3ccdd113474722377935511fc85d3dd4"),
    ("json://HOST/hook/kitchen", "json", "kitchen"),
    ("json://localhost:PORT/hook/hall", "json", "hall"),
)


async def test_a_test_message_arrives(make, authority, sinks):
    ctx = await make(**allowing(authority), addresses_per_person=len(ARRIVING))
    mia = somebody(ctx)
    for address, service, to in ARRIVING:
        entered = await enter(ctx, mia, address.replace("HOST", sinks.host).replace("PORT", str(sinks.port)))

        assert (await try_out(ctx, mia, entered)).outcome == "delivered"

        arrived = sinks.arrived[-1]
        assert (arrived.service, arrived.to) == (service, to)
        assert "This is a test" in arrived.body
        kept = (await addresses(ctx, mia))[-1]
        assert (kept.service, kept.delivered_at, kept.trouble) == (service, ctx.clock.now(), None)
        ctx.clock.advance(1)
    assert len(sinks.arrived) == len(ARRIVING)


async def test_a_service_at_home_proves_itself_by_the_households_ca(make, authority):
    async with NotifySinks(authority.certificate().context()).running() as sinks:
        address = f"ntfys://{sinks.host}/our-house"
        trusting, doubting = await make(**allowing(authority)), await make(**{**allowing(authority), "tls": {}})
        for ctx, outcome in ((trusting, ("delivered", "")), (doubting, ("failed", "certificate"))):
            mia = somebody(ctx)
            told = await try_out(ctx, mia, await enter(ctx, mia, address))
            assert (told.outcome, told.code) == outcome
        assert len(sinks.arrived) == 1


FAULTS = (
    ("hang", "uncertain", "no_answer"),
    ("reset", "uncertain", "no_answer"),
    ("empty", "uncertain", "no_answer"),
    ("cut", "uncertain", "no_answer"),
    ("endless", "uncertain", "no_answer"),
    ("html", "delivered", ""),
    ("html_404", "failed", "service_refused"),
    ("html_401", "failed", "service_refused"),
    ("forbidden", "failed", "service_refused"),
    ("not_json", "delivered", ""),
    ("nothing", "delivered", ""),
    ("other_shape", "delivered", ""),
    ("busy", "failed", "service_busy"),
    ("500", "failed", "service_busy"),
    ("502", "failed", "service_busy"),
    ("503", "failed", "service_busy"),
    ("504", "failed", "service_busy"),
    ("redirect", "failed", "redirected"),
)


async def test_what_a_service_does_wrong_is_told_in_words_without_its_own(home, sinks):
    mia = somebody(home)
    entered = await enter(home, mia, f"ntfy://{sinks.host}/secret-topic")
    for fault, outcome, code in FAULTS:
        sinks.asked.clear()
        sinks.faults.set("message", fault)

        told = await try_out(home, mia, entered)

        assert (told.outcome, told.code, told.message) == (outcome, code, words(code) if code else ""), fault
        (kept,) = await addresses(home, mia)
        assert (kept.trouble.code if kept.trouble else "") == code
        assert len(sinks.asked) == 1

    sinks.faults.clear()
    assert (await try_out(home, mia, entered)).outcome == "delivered"
    assert (await addresses(home, mia))[0].trouble is None


async def test_nobody_there_is_told_as_not_reachable(home, sinks):
    mia = somebody(home)
    told = await try_out(home, mia, await enter(home, mia, "ntfy://127.0.0.1:1/topic"))
    assert (told.outcome, told.code) == ("failed", "unreachable")


async def test_what_is_offered_no_more_is_not_sent(make, authority, sinks):
    ctx = await make(**allowing(authority))
    mia = somebody(ctx)
    entered = await enter(ctx, mia, f"json://{sinks.host}/hook/kitchen")
    from dataclasses import replace

    fewer = replace(ctx, settings=ctx.settings.model_copy(update={"services": ["ntfy"]}))
    told = await try_out(fewer, mia, entered)
    assert (told.outcome, told.code) == ("failed", "not_offered")
    assert (await addresses(fewer, mia))[0].offered is False
    assert sinks.asked == []


async def test_whoever_lost_the_right_is_sent_nothing(home, sinks):
    mia = somebody(home)
    entered = await enter(home, mia, f"ntfy://{sinks.host}/topic")
    home.people.add(make_person("mia", mia.role, "notify.push", person_id=mia.id))
    from medianest_hub.plugin_api import errors

    with pytest.raises(errors.NotFound):
        await try_out(home, mia, entered)
    assert sinks.asked == []
