"""Notifications, preferences and the activity over HTTP: one's own list alone, in one's language, by what one may see now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from medianest_hub.jobs.plugin_services import PluginNotify
from medianest_hub.plugin_api import Role

from .conftest import Install, Site, Somebody, StartSite

PLUGIN = """
from medianest_hub.plugin_api import NotificationKind, Notifier, Permission, Role, Words

TITLE = {"en": "News", "de": "Neues"}
WORDS = {"en": Words("{title} arrived"), "de": Words("{title} ist da")}

async def deliver(ctx, person, notification):
    return None

async def reaches(ctx, person):
    if person.username == "eve":
        raise RuntimeError("who is eve?")
    return person.username == "mia"

@hookimpl
def hub_notifiers():
    return [Notifier("pigeon", {"en": "Pigeon", "de": "Taube"}, deliver, reaches=reaches)]

@hookimpl
def hub_plugin():
    return PluginInfo(
        title="Post", api_version=1,
        permissions=[Permission("read", default=Role.MEMBER), Permission("oversee")],
        notifications=[
            NotificationKind("arrived", TITLE, WORDS, permission="read"),
            NotificationKind("asked", TITLE, WORDS, permission="read", oversight="oversee"),
            NotificationKind("noisy", TITLE, WORDS, permission="read", default="digest"),
            NotificationKind("alarm", TITLE, WORDS, permission="hub.admin"),
        ],
    )
"""
LIST, PREFERENCES, ACTIVITY = "/api/v1/notifications", "/api/v1/notifications/preferences", "/api/v1/activity"


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("post", PLUGIN)
    return await start_site(limits__api="10000/minute", plugins__blocked='["notify"]')


async def tell(site: Site, kind: str, key: str, title: str = "Film", **options: Any) -> None:
    plugin = site.parts.host.plugins["post"]
    notify = PluginNotify(site.parts.notifications.tellings, plugin, "main")
    await notify.tell(kind, {"title": title}, key=key, **options)


async def page(site: Site, path: str, by: Somebody, **headers: str) -> list[dict[str, Any]]:
    reply = await site.get(path, by=by, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert reply.status == 200, reply.body
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def put(site: Site, by: Somebody, **wanted: Any) -> Mapping[str, Any]:
    reply = await site.call("PUT", PREFERENCES, by=by, json=wanted)
    answer: Mapping[str, Any] = reply.json()
    assert reply.status == 200, answer
    return answer


async def test_somebodys_list_is_paged_counted_read_and_cleared_by_them_alone(site: Site) -> None:
    mia, bob = await site.person("mia"), await site.person("bob")
    for number in range(5):
        await tell(site, "arrived", str(number), f"Film {number}")
    first = (await site.get(f"{LIST}?limit=2", by=mia)).json()
    assert [one["title"] for one in first["items"]] == ["Film 4 arrived", "Film 3 arrived"]
    rest = await page(site, f"{LIST}?limit=3&cursor={first['next_cursor']}", mia)
    assert [one["title"] for one in rest] == ["Film 2 arrived", "Film 1 arrived", "Film 0 arrived"]

    newest, oldest = first["items"][0]["id"], rest[-1]["id"]
    reply = await site.post(f"{LIST}/{oldest}/read", by=mia)
    assert (reply.status, reply.json()) == (200, {"unread": 4})
    assert (await site.post(f"{LIST}/{oldest}/read", by=mia)).json() == {"unread": 4}
    await tell(site, "arrived", "later", "Later film")
    assert (await site.post(f"{LIST}/read-all", by=mia, json={"until": newest})).json() == {"unread": 1}
    assert [one["title"] for one in await page(site, f"{LIST}?unread=true", mia)] == ["Later film arrived"]

    assert (await site.call("DELETE", f"{LIST}/{newest}", by=mia)).status == 204
    for method, path in (("DELETE", f"{LIST}/{newest}"), ("POST", f"{LIST}/{newest}/read")):
        gone = await site.call(method, path, by=mia)
        assert (gone.status, gone.json()["code"]) == (404, "no_such_notification")
    assert (await site.post(f"{LIST}/{uuid4()}/read", by=mia)).status == 404
    assert len(await page(site, LIST, mia)) == 5
    assert (await site.get(f"{LIST}/unread", by=bob)).json() == {"unread": 6}


async def test_words_are_in_the_chosen_language_else_the_browsers_else_the_operators(site: Site) -> None:
    mia = await site.person("mia")
    await tell(site, "arrived", "1")
    for accepted, title in (
        ("", "Film arrived"),
        ("de-AT,en;q=0.5", "Film ist da"),
        ("fr, en;q=0.3, de;q=0.2", "Film arrived"),
        ("de;q=0, fr", "Film arrived"),
        ("de;q=x," * 900, "Film arrived"),
    ):
        for path in (LIST, ACTIVITY):
            assert [one["title"] for one in await page(site, path, mia, accept_language=accepted)] == [title]
    await put(site, mia, language="de")
    assert [one["title"] for one in await page(site, LIST, mia, accept_language="en")] == ["Film ist da"]


async def test_preferences_show_what_one_may_be_told_and_by_which_ways(site: Site) -> None:
    mia, bob, eve = [await site.person(name) for name in ("mia", "bob", "eve")]
    shown = (await site.get(PREFERENCES, by=mia)).json()
    assert [(way["id"], way["ready"]) for way in shown["ways"]] == [("hub", True), ("post.pigeon", True)]
    of_post = {kind["kind"]: kind for kind in shown["kinds"] if kind["plugin"] == "post"}
    assert list(of_post) == ["post.arrived", "post.asked", "post.noisy"]
    assert of_post["post.noisy"]["choices"] == {"hub": "digest", "post.pigeon": "digest"}
    assert shown["language"] is shown["quiet_hours"] is shown["time_zone"] is shown["digest_at"] is None
    for language, title in (("en", "Pigeon"), ("de", "Taube"), ("fr", "Pigeon")):
        ways = (await site.get(PREFERENCES, by=mia, headers={"Accept-Language": language})).json()["ways"]
        assert [way["title"] for way in ways if way["id"] == "post.pigeon"] == [title]
    for somebody, ready in ((bob, False), (eve, None)):
        ways = (await site.get(PREFERENCES, by=somebody)).json()["ways"]
        assert [way["ready"] for way in ways if way["id"] == "post.pigeon"] == [ready]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "no_quiet_hours"),
        ({"time_zone": "localtime"}, "unknown_time_zone"),
        ({"time_zone": "posix/Europe/Berlin"}, "unknown_time_zone"),
    ],
)
async def test_hours_that_mean_nothing_are_refused_in_words(site: Site, wanted: dict[str, Any], code: str) -> None:
    reply = await site.call("PUT", PREFERENCES, by=await site.person("mia"), json=wanted)
    assert (reply.status, [one["code"] for one in reply.json()["errors"]]) == (400, [code])


async def test_preferences_are_replaced_whole_and_are_ones_own(site: Site) -> None:
    mia, bob = await site.person("mia"), await site.person("bob")
    before = (await site.get(PREFERENCES, by=bob)).json()
    wanted = {
        "language": "de",
        "time_zone": "Europe/Berlin",
        "digest_at": "07:30",
        "quiet_hours": {"start": "22:00", "end": "06:00"},
        "choices": {"post.arrived": {"hub": "off", "post.pigeon": "digest"}},
    }
    answer = await put(site, mia, **wanted)
    assert [answer[name] for name in ("language", "time_zone", "digest_at", "quiet_hours")] == list(wanted.values())[:4]
    chosen = {kind["kind"]: kind["choices"] for kind in answer["kinds"]}
    assert chosen["post.arrived"] == {"hub": "off", "post.pigeon": "digest"}
    assert (await site.get(PREFERENCES, by=mia)).json() == answer
    await tell(site, "arrived", "1")
    assert await page(site, LIST, mia) == []
    again = await put(site, mia)
    assert again["language"] is again["quiet_hours"] is None
    assert {kind["kind"]: kind["choices"] for kind in again["kinds"]}["post.arrived"] == {
        "hub": "on",
        "post.pigeon": "on",
    }
    assert (await site.get(PREFERENCES, by=bob)).json() == before


async def test_what_was_chosen_about_a_plugin_that_is_away_is_kept(site: Site) -> None:
    mia = await site.person("mia")
    await site.parts.db.execute(
        "INSERT INTO medianest.notification_choices VALUES ($1, 'gone.news', 'gone.pigeon', 'off')", mia.id
    )
    await put(site, mia, choices={"post.arrived": {"hub": "off"}})
    await put(site, mia)
    rows = await site.parts.db.fetch("SELECT kind FROM medianest.notification_choices WHERE person_id = $1", mia.id)
    assert [row["kind"] for row in rows] == ["gone.news"]


async def test_nobody_can_choose_not_to_hear_of_a_new_key(site: Site) -> None:
    mia = await site.person("mia")
    kinds = [kind["kind"] for kind in (await site.get(PREFERENCES, by=mia)).json()["kinds"]]
    assert "hub.api_key_made" not in kinds
    wanted = {"choices": {"hub.api_key_made": {"hub": "off"}}}
    assert (await site.call("PUT", PREFERENCES, by=mia, json=wanted)).status == 400


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ({"choices": {"post.departed": {"hub": "on"}}}, ["body.choices.post.departed"]),
        ({"choices": {"post.alarm": {"hub": "off"}}}, ["body.choices.post.alarm"]),
        ({"choices": {"post.arrived": {"post.drum": "on"}}}, ["body.choices.post.arrived.post.drum"]),
        ({"time_zone": "Mars/Olympus"}, ["body.time_zone"]),
        ({"time_zone": "../../etc/passwd"}, ["body.time_zone"]),
        ({"time_zone": "Europe"}, ["body.time_zone"]),
    ],
)
async def test_preferences_about_what_there_is_not_are_refused_by_field(
    site: Site, wanted: dict[str, Any], fields: list[str]
) -> None:
    reply = await site.call("PUT", PREFERENCES, by=await site.person("mia"), json=wanted)
    assert (reply.status, reply.json()["code"]) == (400, "preferences_refused")
    assert [problem["field"] for problem in reply.json()["errors"]] == fields


async def test_the_activity_shows_everybody_their_own_and_what_they_may_see_now(site: Site) -> None:
    root, mia = await site.person("root", Role.ADMIN), await site.person("mia")
    bob, guest = await site.person("bob"), await site.person("guest", Role.GUEST)
    await tell(site, "arrived", "1", "All")
    await tell(site, "asked", "1", "Mia's", person=mia.id)
    await tell(site, "asked", "1", "Bob's", person=bob.id)
    await tell(site, "alarm", "1", "Alarm")

    async def seen(by: Somebody, query: str = "") -> list[tuple[str, str | None]]:
        items = await page(site, ACTIVITY + query, by)
        return [(one["title"].removesuffix(" arrived"), one["about"] and one["about"]["name"]) for one in items]

    assert await seen(root) == [("Alarm", None), ("Bob's", "bob"), ("Mia's", "mia"), ("All", None)]
    assert await seen(mia) == [("Mia's", "mia"), ("All", None)]
    assert await seen(bob) == [("Bob's", "bob"), ("All", None)]
    assert await seen(guest) == []
    assert len(await seen(root, "?plugin=post")) == 4
    assert await seen(root, "?plugin=po") == []

    await site.parts.overrides.replace(mia.id, {"post.read": False, "post.oversee": True}, root.id)
    await site.parts.overrides.replace(guest.id, {"post.read": True}, root.id)
    assert await seen(mia) == [("Bob's", "bob"), ("Mia's", "mia")]
    assert await seen(guest) == [("All", None)]
    first = (await site.get(f"{ACTIVITY}?limit=1", by=root)).json()
    assert await seen(root, f"?limit=1&cursor={first['next_cursor']}") == [("Bob's", "bob")]


async def test_other_pages_of_the_reader_hear_what_is_unread(site: Site) -> None:
    mia = await site.person("mia")
    heard: list[dict[str, Any]] = []

    async def hear(message: dict[str, Any]) -> None:
        heard.append(message)

    await tell(site, "arrived", "1")
    site.parts.redis.subscribe("mn:realtime", hear)
    (one,) = await page(site, LIST, mia)
    await site.post(f"{LIST}/{one['id']}/read", by=mia)
    while not heard:
        await site.get(f"{LIST}/unread", by=mia)
    assert (heard[0]["event"], heard[0]["person"], heard[0]["data"]) == (
        *("notification:read", str(mia.id)),
        {"unread": 0},
    )
