"""Joining by an invitation, changing a password, and one-time links, over HTTP; also many at once and with bad luck."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from medianest_hub.accounts.slowing import FREE_TRIES_ALONE
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import Role

from .conftest import Site, Somebody, StartSite

USERS, INVITES = "/api/v1/users", "/api/v1/invites"
PASSWORD = "tractor blue forty two"
NEW = "quiet otters swim north"


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    return await start_site(limits__auth="1000/minute")


@pytest.fixture
async def root(site: Site) -> Somebody:
    return await site.person("root", Role.ADMIN)


async def code_of(answer: Awaitable[Any]) -> tuple[int, str]:
    reply = await answer
    return reply.status, reply.json()["code"] if reply.status >= 400 else ""


async def invite(site: Site, by: Somebody, **wanted: Any) -> str:
    made = await site.post(INVITES, by=by, json=wanted)
    assert made.status == 201
    return str(made.json()["url"]).partition("#")[2]


async def accept(site: Site, token: str, name: str = "mia", password: str = PASSWORD) -> Any:
    return await site.post(INVITES + "/accept", json={"token": token, "username": name, "password": password})


async def sign_in(site: Site, name: str, password: str) -> Any:
    return await site.post("/api/v1/auth/login", json={"username": name, "password": password, "client": "native"})


async def with_password(site: Site, name: str = "mia") -> Somebody:
    person = await site.parts.people.create(name, PASSWORD, Role.MEMBER)
    session = await site.parts.sessions.start(person.id)
    return Somebody(person.id, session.id, site.parts.tokens.issue(person.id, session.id).access_token)


async def test_an_invitation_is_looked_at_and_accepted_once(site: Site, root: Somebody) -> None:
    made = (await site.post(INVITES, by=root, json={"role": "guest", "note": "for the neighbours"})).json()
    path, _, token = made["url"].partition("#")
    assert path == site.url + "/invite"
    look = (await site.post(INVITES + "/look", json={"token": token})).json()
    assert (look["role"], look["with_password"]) == ("guest", True)
    assert "note" not in look
    joined = await accept(site, token)
    assert joined.status == 201
    me = await site.get(USERS + "/me", headers={"Authorization": f"Bearer {joined.json()['access_token']}"})
    assert (me.json()["username"], me.json()["role"], me.json()["status"]) == ("mia", "guest", "active")
    assert await code_of(accept(site, token, "tom")) == (403, "invite_invalid")
    assert await code_of(site.post(INVITES + "/look", json={"token": token})) == (403, "invite_invalid")
    [listed] = (await site.get(INVITES, by=root)).json()["items"]
    assert (listed["uses"], listed["max_uses"], listed["note"]) == (1, 1, "for the neighbours")
    assert token not in str(listed)
    assert token not in await site.parts.db.fetchval("SELECT string_agg(i::text, '') FROM medianest.invites i")


async def test_a_hundred_at_once_with_one_use_are_one_person(site: Site, root: Somebody) -> None:
    token = await invite(site, root)
    invites, people = site.parts.invites, site.parts.people
    # The hashes are no part of the race, and a hundred of them would take a while.
    hashed = await people.passwords.hash(PASSWORD)

    async def join(number: int) -> bool:
        async with site.parts.db.transaction() as tx:
            taken = await invites.consume(tx, token)
            await people.create(f"person{number}", None, taken.role, tx=tx, password_hash=hashed)
        return True

    results = await asyncio.gather(*(join(number) for number in range(100)), return_exceptions=True)
    assert sum(result is True for result in results) == 1
    assert {type(result).__name__ for result in results if result is not True} == {"Forbidden"}
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.users") == 2


async def test_many_who_accept_over_http_at_once_get_as_many_places_as_there_are(site: Site, root: Somebody) -> None:
    token = await invite(site, root, uses=3)
    answers = await asyncio.gather(*(accept(site, token, f"person{number}") for number in range(12)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [403] * 9


async def test_a_bad_name_or_password_takes_no_use(site: Site, root: Somebody) -> None:
    token = await invite(site, root)
    assert await code_of(accept(site, token, "ROOT")) == (409, "username_taken")
    assert await code_of(accept(site, token, "mia", "password12345")) == (400, "password_refused")
    assert await code_of(accept(site, token, " ")) == (400, "username_refused")
    assert (await accept(site, token)).status == 201


@pytest.mark.parametrize("end", ["revoked", "expired", "maker_demoted", "maker_disabled", "maker_deleted"])
async def test_an_invitation_ends_with_its_time_and_with_the_power_of_its_maker(
    site: Site, root: Somebody, end: str
) -> None:
    boss = await site.person("boss", Role.ADMIN)
    made = (await site.post(INVITES, by=boss, json={"role": "admin"})).json()
    token, path = made["url"].partition("#")[2], f"{USERS}/{boss.id}"
    if end == "revoked":
        assert (await site.call("DELETE", f"{INVITES}/{made['invite']['id']}", by=root)).status == 204
    elif end == "expired":
        await site.parts.db.execute("UPDATE medianest.invites SET expires_at = now() - interval '1 second'")
    elif end == "maker_deleted":
        await site.call("DELETE", path, by=root)
    else:
        change = {"role": "member"} if end == "maker_demoted" else {"status": "disabled"}
        await site.call("PATCH", path, by=root, json=change)
    assert await code_of(accept(site, token)) == (403, "invite_invalid")


async def test_only_admins_invite_and_within_bounds(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    assert (await site.post(INVITES, by=mia, json={})).status == 403
    for wanted in ({"days": 91}, {"days": 0}, {"uses": 0}, {"uses": 1001}, {"role": "emperor"}):
        assert (await site.post(INVITES, by=root, json=wanted)).status == 400


async def test_invitations_are_listed_page_by_page(site: Site, root: Somebody) -> None:
    for number in range(3):
        await invite(site, root, note=str(number))
    first = (await site.get(INVITES, by=root, params={"limit": "2"})).json()
    rest = (await site.get(INVITES, by=root, params={"limit": "2", "cursor": first["next_cursor"]})).json()
    assert [one["note"] for one in first["items"] + rest["items"]] == ["2", "1", "0"]
    assert rest["next_cursor"] is None


async def test_without_local_sign_in_there_is_no_way_in_by_password(start_site: StartSite) -> None:
    site = await start_site(auth__local="false")
    root = await site.person("root", Role.ADMIN)
    token = await invite(site, root)
    # 405: an address of that form is an invitation, which can only be revoked.
    assert (await accept(site, token)).status == 405
    assert (await site.post("/api/v1/auth/password/reset", json={})).status == 404
    assert (await site.post(INVITES + "/look", json={"token": token})).json()["with_password"] is False


async def test_a_changed_password_ends_all_other_sessions(site: Site, start_site: StartSite) -> None:
    there, mia = await start_site(), await with_password(site)
    other = await site.person("mia")
    assert (await there.get(USERS + "/me", by=other)).status == 200
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert (await site.post("/api/v1/auth/password", by=mia, json=change)).json() == {"ended": 1}
    assert (await site.get(USERS + "/me", by=mia)).status == 200
    async with asyncio.timeout(1):
        while (await there.get(USERS + "/me", by=other)).status != 401:
            await asyncio.sleep(0.01)
    assert (await sign_in(site, "mia", PASSWORD)).status == 401
    assert (await sign_in(site, "mia", NEW)).status == 200


async def test_a_wrong_current_password_is_no_end_of_the_session_and_is_slowed(site: Site) -> None:
    mia = await with_password(site)
    change = {"current_password": "wrong", "new_password": NEW}
    for _ in range(5):
        assert await code_of(site.post("/api/v1/auth/password", by=mia, json=change)) == (403, "wrong_password")
    change["current_password"] = PASSWORD
    slowed = await site.post("/api/v1/auth/password", by=mia, json=change)
    assert (slowed.status, slowed.json()["code"]) == (429, "sign_in_slowed")
    assert int(slowed.headers["retry-after"]) > 0
    assert (await sign_in(site, "mia", PASSWORD)).status == 429  # the same count
    assert (await site.get(USERS + "/me", by=mia)).status == 200


async def test_with_redis_away_too_whoever_found_a_session_open_gains_no_second_set_of_tries(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    site = await start_site(redis=valkey_server.url, limits__auth="1000/minute")
    mia = await with_password(site)
    valkey_server.stop()
    for _ in range(FREE_TRIES_ALONE):
        assert (await sign_in(site, "mia", "wrong password")).status == 401
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert await code_of(site.post("/api/v1/auth/password", by=mia, json=change)) == (429, "sign_in_slowed")


async def test_a_new_password_follows_the_rules(site: Site) -> None:
    mia = await with_password(site)
    for bad in ("short", "mia-mia-mia", "password12345", "x" * 1024):
        change = {"current_password": PASSWORD, "new_password": bad}
        assert await code_of(site.post("/api/v1/auth/password", by=mia, json=change)) == (400, "password_refused")
    assert (await site.post("/api/v1/auth/password", by=mia, json={"new_password": NEW})).status == 403


async def test_somebody_without_a_password_sets_their_first_soon_after_signing_in(site: Site) -> None:
    mia = await site.person("mia")
    await site.parts.db.execute("UPDATE medianest.sessions SET authenticated_at = now() - interval '1 hour'")
    first = {"new_password": PASSWORD}
    assert await code_of(site.post("/api/v1/auth/password", by=mia, json=first)) == (403, "confirm_first")
    await site.parts.sessions.confirm(mia.session_id)
    assert (await site.post("/api/v1/auth/password", by=mia, json=first)).status == 200
    assert (await sign_in(site, "mia", PASSWORD)).status == 200


async def test_a_reset_link_ends_every_session_and_is_good_once(site: Site, root: Somebody) -> None:
    mia = await with_password(site)
    made = await site.post(f"{USERS}/{mia.id}/password-link", by=root)
    assert made.status == 201
    token = made.json()["url"].partition("#")[2]
    reset = {"token": token, "password": NEW, "client": "native"}
    results = await asyncio.gather(*(site.post("/api/v1/auth/password/reset", json=reset) for _ in range(4)))
    assert sorted(answer.status for answer in results) == [200, 403, 403, 403]
    assert (await site.get(USERS + "/me", by=mia)).status == 401
    assert (await sign_in(site, "mia", NEW)).status == 200


async def test_a_newer_link_a_new_password_and_time_void_a_link(site: Site, root: Somebody) -> None:
    mia = await with_password(site)

    async def link() -> dict[str, str]:
        made = await site.post(f"{USERS}/{mia.id}/password-link", by=root)
        return {"token": made.json()["url"].partition("#")[2], "password": NEW}

    async def is_void(used: dict[str, str]) -> bool:
        return await code_of(site.post("/api/v1/auth/password/reset", json=used)) == (403, "link_invalid")

    old, newer = await link(), await link()
    assert await is_void(old)
    await site.parts.people.set_password(mia.id, "something else entirely")
    assert await is_void(newer)
    late = await link()
    await site.parts.db.execute("UPDATE medianest.password_links SET expires_at = now() - interval '1 second'")
    assert await is_void(late)
    assert await is_void({"token": "nonsense", "password": NEW})


async def test_a_link_lets_nobody_in_who_was_thrown_out(site: Site, root: Somebody) -> None:
    mia = await with_password(site)
    made = await site.post(f"{USERS}/{mia.id}/password-link", by=root)
    token = made.json()["url"].partition("#")[2]
    await site.call("PATCH", f"{USERS}/{mia.id}", by=root, json={"status": "disabled"})
    reset = {"token": token, "password": NEW}
    assert await code_of(site.post("/api/v1/auth/password/reset", json=reset)) == (403, "link_invalid")
    again = site.post(f"{USERS}/{mia.id}/password-link", by=root)
    assert await code_of(again) == (403, "account_inactive")


async def test_a_page_of_another_site_changes_nothing(site: Site, root: Somebody) -> None:
    mia, token = await with_password(site), await invite(site, root)
    evil = {"Origin": "https://evil.example"}
    change = {"current_password": PASSWORD, "new_password": NEW}
    joining = {"token": token, "username": "eve", "password": PASSWORD}
    for path, by, body in (
        ("/api/v1/auth/password", mia, change),
        (INVITES + "/accept", None, joining),
        ("/api/v1/auth/password/reset", None, {"token": "x", "password": NEW}),
    ):
        assert await code_of(site.post(path, by=by, headers=evil, json=body)) == (403, "origin_refused")


async def test_passwords_and_tokens_are_in_no_answer_to_a_bad_request(site: Site, root: Somebody) -> None:
    for path in (INVITES + "/accept", "/api/v1/auth/password/reset", INVITES + "/look"):
        body = {"token": "secret-token-1", "password": "secret-word-22", "username": "mia", "odd": 1}
        reply = await site.post(path, json=body)
        assert reply.status == 400
        assert b"secret-" not in reply.body


async def test_a_link_ends_api_keys_and_a_change_does_if_asked(site: Site, root: Somebody) -> None:
    mia = await with_password(site)
    person = await site.parts.people.get(mia.id)
    assert person is not None

    async def works(key: str) -> bool:
        reply = await site.get("/api/v1/auth/session", headers={"Authorization": f"Bearer {key}"})
        return bool(reply.status == 200)

    _, key = await site.parts.api_keys.create(person, "script", ["hub.signed_in"])
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert (await site.post("/api/v1/auth/password", by=mia, json=change)).status == 200
    assert await works(key)
    change = {"current_password": NEW, "new_password": PASSWORD, "end_keys": True}
    assert (await site.post("/api/v1/auth/password", by=mia, json=change)).status == 200
    assert not await works(key)

    _, key = await site.parts.api_keys.create(person, "script", ["hub.signed_in"])
    made = await site.post(f"{USERS}/{mia.id}/password-link", by=root)
    assert await works(key)
    reset = {"token": made.json()["url"].partition("#")[2], "password": NEW, "client": "native"}
    assert (await site.post("/api/v1/auth/password/reset", json=reset)).status == 200
    assert not await works(key)
