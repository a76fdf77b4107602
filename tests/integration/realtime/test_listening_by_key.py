"""API keys at the live connection: heard as the person, but no further than the key reaches, and ended with the key."""

from __future__ import annotations

import asyncio
import time

from medianest_hub.plugin_api import Role
from tests.integration.realtime.conftest import OpenPage, StartReplica, send, sign_in, still_open


async def test_a_key_hears_what_it_names_and_ends_with_its_revocation_on_every_replica(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    one, two = await start_replica(), await start_replica()
    ada = await sign_in(one, "ada", Role.ADMIN)
    key, text = await one.parts.api_keys.create(ada.person, "a script", ["hub.signed_in"])
    pages = [await open_page(replica, text) for replica in (one, two)]
    whole = await open_page(two, ada.token)
    await one.parts.realtime.send("plugin:state", {"n": 1}, permission="hub.admin")
    await send(one, ada, 2)
    assert (await whole.until("plugin:state"))["n"] == 1
    for page in pages:
        assert (await page.until("job:done"))["n"] == 2
        assert page.got("plugin:state") == []
    # What was missed is replayed by the same rule.
    again = await open_page(two, text, cursor=0)
    assert (await again.until("job:done"))["n"] == 2
    assert again.got("plugin:state") == []
    # Asked about anew, the person's other rights do not leak in.
    await one.parts.people.set_role(ada.person.id, Role.ADMIN)
    await one.parts.realtime.send("plugin:state", {"n": 3}, permission="hub.admin")
    await whole.until("plugin:state", count=2)
    await still_open(again, one, ada)
    assert again.got("plugin:state") == []
    began = time.monotonic()
    assert await one.parts.api_keys.revoke(key.id)
    for page in (*pages, again):
        async with asyncio.timeout(2):
            await page.gone.wait()
    assert time.monotonic() - began < 1.0
    await still_open(whole, two, ada)


async def test_keys_that_may_not_listen_are_told_why(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica(MEDIANEST_LIMITS__API="5/minute")
    ada = await sign_in(replica, "ada", Role.ADMIN)
    key, revoked = await replica.parts.api_keys.create(ada.person, "gone", ["hub.signed_in"])
    await replica.parts.api_keys.revoke(key.id)
    _, narrow = await replica.parts.api_keys.create(ada.person, "narrow", ["hub.admin"])
    for token, code in ((narrow, "forbidden"), (revoked, "api_key_invalid"), ("mn_x", "api_key_invalid")):
        assert (await open_page(replica, token, welcome=False)).refused["message"] == code
    codes = [(await open_page(replica, f"mn_{n:043}", welcome=False)).refused["message"] for n in range(5)]
    assert codes[-1] == "too_many_requests"
    assert (await open_page(replica, narrow, welcome=False)).refused["message"] == "forbidden"
