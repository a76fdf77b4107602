"""Which kinds of notifications the host accepts, what may be told by them, and how templates are filled."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import (
    API_VERSION,
    Notification,
    NotificationKind,
    Notifier,
    Permission,
    Person,
    PluginInfo,
    Words,
    hookimpl,
)
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_host.declarations import DeclarationError, LoadedPlugin, collect
from medianest_hub.plugin_host.notification_kinds import LONGEST_TEXT, fill, telling
from medianest_hub.testing.memory_notify import MemoryNotify


def kind(name: str = "arrived", **fields: Any) -> NotificationKind:
    given: dict[str, Any] = {
        "title": {"en": "Arrivals", "de": "Neues"},
        "words": {"en": Words("{title} arrived", "{count} of it"), "de": Words("{title} ist da", "{count} davon")},
    }
    return NotificationKind(name, **(given | fields))


async def deliver(ctx: Any, person: Person, notification: Notification) -> None: ...


def declaring(*kinds: Any, notifiers: list[Any] | None = None, listed: Any = None) -> LoadedPlugin:
    module = ModuleType("stranger")

    def hub_plugin() -> PluginInfo:
        permissions = [Permission("read"), Permission("all")]
        return PluginInfo("Stranger", API_VERSION, permissions=permissions, notifications=listed or list(kinds))

    def hub_notifiers() -> list[Any]:
        return notifiers or []

    vars(module).update(hub_plugin=hookimpl(hub_plugin), hub_notifiers=hookimpl(hub_notifiers))
    return collect("stranger", "medianest-stranger", "1.0", module)


def test_sound_kinds_and_ways_are_collected() -> None:
    one, other = kind(permission="read", oversight="all"), kind("left", words={"en": Words("Gone {{for good}}")})
    found = declaring(one, other, notifiers=[Notifier("sms", "SMS", deliver)])
    assert list(found.info.notifications) == [one, other]
    assert [way.name for way in found.notifiers] == ["sms"]


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "Arrived!"}, "badly named"),
    "no english": ({"words": {"de": Words("Da")}}, "words has no `en`"),
    "no english title": ({"title": {"de": "Neues"}}, "title has no `en`"),
    "another language": ({"title": {"en": "x", "fr": "y"}}, "title has 'fr'"),
    "no title": ({"words": {"en": Words(" ")}}, "must be Words with a title"),
    "no words": ({"words": {"en": "Hello"}}, "must be Words"),
    "an empty name": ({"title": {"en": ""}}, "title in 'en' is empty"),
    "unknown placeholder": ({"words": {"en": Words("{a}"), "de": Words("{a} {b}")}}, "'de' is unknown"),
    "reaching into things": ({"words": {"en": Words("{a.__class__}")}}, "must be a name alone"),
    "by position": ({"words": {"en": Words("{}")}}, "must be a name alone"),
    "format": ({"words": {"en": Words("{a:>99999}")}}, "must be a name alone"),
    "conversion": ({"words": {"en": Words("{a!r}")}}, "must be a name alone"),
    "open brace": ({"words": {"en": Words("{a")}}, "cannot be filled"),
    "permission": ({"permission": "write"}, "'write' is not declared"),
    "oversight": ({"oversight": "hub.god"}, "'hub.god' is not declared"),
    "default": ({"default": "maybe"}, "must be one of on, digest, off"),
    "nobody": ({"activity": False, "notify": False}, "reaches nobody"),
}


@pytest.mark.parametrize("case", WRONG)
def test_kinds_that_could_not_be_told_are_refused_with_words(case: str) -> None:
    fields, words = WRONG[case]
    with pytest.raises(DeclarationError, match=words):
        declaring(kind(**fields))


def test_lists_that_are_none_doubles_and_ways_that_cannot_work_are_refused() -> None:
    def blocking(*_: Any) -> None: ...

    for declared, words in (
        ({"listed": {"a": 1}}, "must be a list"),
        ({"listed": ["arrived"]}, "one is str"),
        ({"listed": [kind(), kind()]}, "two notification kinds"),
        ({"notifiers": [Notifier("sms", "", deliver)]}, "title is empty"),
        ({"notifiers": [Notifier("sms", {"de": "SMS"}, deliver)]}, "title is empty"),
        ({"notifiers": [Notifier("sms", {"en": "SMS", "de": " "}, deliver)]}, "title is empty"),
        ({"notifiers": [Notifier("sms", {"en": "SMS", "fr": "SMS"}, deliver)]}, "no 'fr'"),
        ({"notifiers": [Notifier("sms", "SMS", deliver, timeout=0)]}, "timeout"),
        ({"notifiers": [Notifier("sms", "SMS", deliver, retries=1000)]}, "retries"),
        ({"notifiers": [Notifier("sms", "SMS", blocking)]}, "async def"),  # type: ignore[arg-type]
        ({"notifiers": [Notifier("sms", "SMS", deliver, reaches=blocking)]}, "async def"),  # type: ignore[arg-type]
    ):
        with pytest.raises(DeclarationError, match=words):
            declaring(**declared)  # type: ignore[arg-type]


GOOD: dict[str, Any] = {"kind": "arrived", "params": {"title": "Film", "count": 1}, "key": "1", "href": None}


def told(**changed: Any) -> Any:
    given = GOOD | changed
    return telling([kind()], "stranger", given["kind"], given["params"], given["key"], given["href"])


@pytest.mark.parametrize("name", ["arrived", "stranger.arrived", kind()])
def test_a_kind_is_found_by_both_its_names_and_itself(name: Any) -> None:
    assert told(kind=name).name == "stranger.arrived"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": "departed"}, "unknown_notification_kind"),
        ({"kind": "other.arrived"}, "unknown_notification_kind"),
        ({"params": {"title": "Film"}}, "bad_notification_params"),
        ({"params": {"title": "Film", "count": None}}, "bad_notification_params"),
        ({"params": {"title": "Film", "count": float("nan")}}, "bad_notification_params"),
        ({"params": {"title": "Film", "count": 10**30}}, "bad_notification_params"),
        ({"params": {"title": "Film", "count": 1, "A b": 1}}, "bad_notification_params"),
        ({"params": {"title": "F", "count": 1} | {f"p{n}": n for n in range(30)}}, "bad_notification_params"),
        ({"key": ""}, "bad_notification_key"),
        ({"key": "k" * 201}, "bad_notification_key"),
        ({"key": "a\0"}, "bad_notification_key"),
        ({"href": "javascript:alert(1)"}, "bad_notification_link"),
        ({"href": "//elsewhere.example"}, "bad_notification_link"),
        ({"href": "/\\elsewhere.example"}, "bad_notification_link"),
        ({"href": "https://"}, "bad_notification_link"),
        ({"href": "https://[::1"}, "bad_notification_link"),
        ({"href": "/a b"}, "bad_notification_link"),
        ({"href": "/" + "a" * 2000}, "bad_notification_link"),
    ],
)
def test_what_cannot_be_told_is_a_mistake_of_the_plugin(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        told(**changed)
    assert refused.value.error_code == code


@pytest.mark.parametrize("href", ["/plex/items/1?x=%20y#z", "https://films.example/1", "http://10.0.0.2:32400/"])
def test_links_into_the_hub_and_whole_addresses_are_taken(href: str) -> None:
    assert told(href=href).href == href


def test_texts_are_cut_and_cleaned_of_what_nothing_can_keep() -> None:
    kept = told(params={"title": "a\0b\ud800" + "x" * 2000, "count": 2, "extra": True}).params
    assert kept["title"].startswith("abxx")
    assert len(kept["title"]) == LONGEST_TEXT
    assert kept["title"].endswith("…")
    assert kept["extra"] is True


def test_templates_are_filled_by_language_and_never_fail() -> None:
    one = kind(words={"en": Words("{a}, {b}", "{{{c}}}"), "de": Words("{b}: {a}", "{c}")})
    params = {"a": 1.5, "b": True, "c": "{a} $x %s"}
    assert (fill(one, "en", params).title, fill(one, "en", params).body) == ("1.5, yes", "{{a} $x %s}")
    assert fill(one, "de", params).title == "ja: 1,5"
    assert fill(one, "fr", params).title == "1.5, yes"
    assert fill(one, "en", {"b": False}).title == "…, no"


async def test_what_is_told_in_a_test_is_held_to_the_declared_kinds_and_told_once() -> None:
    notify, ada = MemoryNotify("stranger", [kind()]), uuid4()
    for person in (ada, ada, None):
        await notify.tell("arrived", {"title": "Film", "count": 2}, key="1", person=person, href="/x")
    assert [(one.kind, one.person, one.title, one.body) for one in notify.told] == [
        ("stranger.arrived", ada, "Film arrived", "2 of it"),
        ("stranger.arrived", None, "Film arrived", "2 of it"),
    ]
    with pytest.raises(BadInput):
        await notify.tell("arrived", {}, key="2")
