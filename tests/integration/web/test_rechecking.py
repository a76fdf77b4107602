"""Providers are asked again whether they stand for people; what they no longer stand for ends, and only that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_hub.audit import Filter
from medianest_hub.jobs import rechecking
from medianest_hub.jobs.rechecking import Rechecking
from medianest_hub.plugin_api import Identity, Role
from medianest_hub.plugin_api.errors import NotReady
from medianest_hub.plugin_api.people import ACCOUNT
from medianest_hub.plugin_api.sign_in import LinkedIdentity, Standing
from medianest_hub.plugin_host.states import PluginState

from .conftest import Install, Site, Somebody, StartSite
from .sign_in_plugin import SOURCE, Door

SECRETS = ("door", "main")


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("door", SOURCE)
    site = await start_site(auth__newcomers="auto")
    await site.person("ada", Role.ADMIN)
    return site


@pytest.fixture
def door(site: Site) -> Door:
    return Door()


async def signed_in(site: Site, name: str = "mia") -> Somebody:
    """Somebody who came in by the door."""
    admitted = await site.parts.joining.admit(
        "door", Identity(subject=f"s-{name}", username=name, secret=f"token-{name}"), plugin=SECRETS
    )
    assert admitted.person is not None
    made = await site.parts.sign_in.of_person(admitted.person, address="127.0.0.1", provider="door")
    return Somebody(admitted.person.id, made.session_id, made.token.access_token)


async def make_due(site: Site) -> None:
    await site.parts.db.execute("UPDATE medianest.identities SET checked_at = now() - interval '7 hours'")


async def status(site: Site, somebody: Somebody) -> int:
    return (await site.get("/api/v1/auth/session", by=somebody)).status


async def withdrawn(site: Site) -> list[Any]:
    rows = await site.parts.db.fetch("SELECT withdrawn FROM medianest.identities ORDER BY subject")
    return [row["withdrawn"] for row in rows]


async def test_a_revoked_identity_ends_what_began_by_it_and_nothing_else(site: Site, door: Door) -> None:
    mia, tom = await signed_in(site), await signed_in(site, "tom")
    by_password = await site.person("mia")
    asked: list[tuple[LinkedIdentity, str | None]] = []

    async def answer(identity: LinkedIdentity, secret: str | None) -> Standing:
        asked.append((identity, secret))
        return Standing.REVOKED if identity.subject == "s-mia" else Standing.GOOD

    door.will(recheck=answer)
    await make_due(site)
    assert await Rechecking(site.parts).recheck() == 2
    assert sorted((one.subject, one.provider, secret) for one, secret in asked) == [
        ("s-mia", "door", "token-mia"), ("s-tom", "door", "token-tom"),
    ]  # fmt: skip
    assert [await status(site, one) for one in (mia, tom, by_password)] == [401, 200, 200]
    assert await withdrawn(site) == ["revoked", None]
    assert await site.parts.people.secret(*SECRETS, mia.id, "sign_in") is None
    assert await site.parts.people.secret(*SECRETS, tom.id, "sign_in") == "token-tom"
    (entry, *_) = await site.parts.audit.list(Filter())
    assert entry.action == "auth.identity_withdrawn"
    told = (await site.get("/api/v1/auth/notices", by=by_password)).json()["items"]
    assert [(one["code"], one["provider"], one["sessions"]) for one in told] == [("identity_withdrawn", "door", 1)]
    # Not before a period has passed; and signing in again puts it right.
    assert await Rechecking(site.parts).recheck() == 0
    await signed_in(site)
    assert await withdrawn(site) == [None, None]


async def test_a_removed_person_without_another_way_in_loses_their_keys_too(site: Site, door: Door) -> None:
    mia = await signed_in(site)
    person = await site.parts.people.get(mia.id)
    assert person is not None
    _, key = await _key(site, person)
    assert (await site.get("/api/v1/auth/session", headers={"Authorization": f"Bearer {key}"})).status == 200
    door.will(recheck=Standing.REMOVED)
    await make_due(site)
    await Rechecking(site.parts).recheck()
    assert await withdrawn(site) == ["removed"]
    assert (await site.get("/api/v1/auth/session", headers={"Authorization": f"Bearer {key}"})).status == 401


async def _key(site: Site, person: Any) -> Any:
    return await site.parts.api_keys.create(person, "a script", sorted(person.permissions - {ACCOUNT})[:1], None)


@pytest.mark.parametrize("trouble", [NotReady("away"), RuntimeError("boom"), SystemExit(1), "good indeed", None])
async def test_an_answer_that_says_nothing_leaves_everything_as_it_was(site: Site, door: Door, trouble: Any) -> None:
    mia = await signed_in(site)
    door.will(recheck=trouble)
    await make_due(site)
    await Rechecking(site.parts).recheck()
    assert await status(site, mia) == 200
    assert await withdrawn(site) == [None]
    # It comes again by itself, sooner than after a whole period, but not at once.
    assert await Rechecking(site.parts).recheck() == 0
    soon = "SELECT checked_at < now() - interval '5 hours' FROM medianest.identities"
    assert await site.parts.db.fetchval(soon)


async def test_a_provider_that_hangs_holds_up_nobody_else(
    site: Site, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rechecking, "ASK_SECONDS", 0.2)
    mia, tom = await signed_in(site), await signed_in(site, "tom")

    async def answer(identity: LinkedIdentity, secret: str | None) -> Standing:
        if identity.subject == "s-mia":
            await asyncio.Event().wait()
        return Standing.REVOKED

    door.will(recheck=answer)
    await make_due(site)
    await Rechecking(site.parts).recheck()
    assert [await status(site, one) for one in (mia, tom)] == [200, 401]


async def test_each_identity_is_asked_about_by_one_worker(site: Site, door: Door) -> None:
    for number in range(12):
        await signed_in(site, f"p{number}")
    door.will(recheck=Standing.GOOD)
    door.seen.clear()
    await make_due(site)
    taken = await asyncio.gather(*(Rechecking(site.parts).recheck() for _ in range(3)))
    assert sum(taken) == 12
    assert len({one.subject for _, one, _ in door.seen}) == len(door.seen) == 12


async def test_whoever_signs_in_meanwhile_is_not_thrown_out_by_old_news(site: Site, door: Door) -> None:
    await signed_in(site)
    fresh: list[Somebody] = []

    async def answer(identity: LinkedIdentity, secret: str | None) -> Standing:
        fresh.append(await signed_in(site))
        return Standing.REVOKED

    door.will(recheck=answer)
    await make_due(site)
    await Rechecking(site.parts).recheck()
    assert await status(site, fresh[0]) == 200
    assert await withdrawn(site) == [None]


async def test_providers_that_do_not_run_are_not_asked(site: Site, door: Door) -> None:
    await signed_in(site)
    await make_due(site)
    await site.parts.host.runtimes["door"].stop(PluginState.DISABLED)
    assert await Rechecking(site.parts).recheck() == 0
