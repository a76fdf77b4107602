"""What the host accepts of media sources and of actions, and the words it refuses the rest with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from medianest_hub.plugin_api import Action, Context, MediaHit, MediaSource, PluginSettings, Viewer
from medianest_hub.plugin_host.actions import MOST, refused_actions
from medianest_hub.plugin_host.declarations import DeclarationError
from tests.unit.test_declarations import plugin

Ctx = Context[PluginSettings]


async def search(ctx: Ctx, viewer: Viewer, text: str) -> list[MediaHit]:
    return []


async def details(ctx: Ctx, viewer: Viewer, id: str) -> MediaHit | None:
    return None


async def find(ctx: Ctx, viewer: Viewer, kind: str, external_ids: Mapping[str, str]) -> MediaHit | None:
    return None


def not_async(*_: object) -> None:
    return None


FILMS = MediaSource("films", search, details, find, permission="read", tags=["films"])


def test_media_sources_are_collected() -> None:
    assert plugin(hub_media_sources=[FILMS, MediaSource("shows", search, details)]).media_sources[0] is FILMS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Films!"}, "badly named"),
        ({"permission": "write"}, "media source 'films': permission 'write' is not declared"),
        ({"deadline": 0}, "deadline must be"),
        ({"deadline": 31}, "deadline must be"),
        ({"ttl": -1}, "ttl must be"),
        ({"ttl": float("nan")}, "ttl must be"),
        ({"scope": "me"}, "scope must be"),
        ({"tags": "films"}, "tags must be"),
        ({"tags": ["Films"]}, "tags must be"),
        ({"search": not_async}, "search must be an `async def` function of 3"),
        ({"details": find}, "details must be an `async def` function of 3"),
        ({"find": search}, "find must be an `async def` function of 4"),
    ],
)
def test_a_media_source_that_cannot_work_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        plugin(hub_media_sources=[replace(FILMS, **changes)])


def test_two_media_sources_of_one_name_are_refused() -> None:
    with pytest.raises(DeclarationError, match="two mediasources are called 'films'"):
        plugin(hub_media_sources=[FILMS, FILMS])


@pytest.mark.parametrize(
    "path",
    ["/api/v1/shop/wishes", "/api/v1/shop/wishes/7/approve", "/api/v1/shop/films/tmdb:603", "/api/v1/shop/a.b/..c"],
)
def test_an_action_on_ones_own_route_may_be_offered(path: str) -> None:
    assert refused_actions("shop", [Action(id="go", title="Go", path=path)]) is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api/v1/shop",
        "/api/v1/shop/",
        "/api/v1/shop//wishes",
        "/api/v1/users/7",
        "/api/v1/shop2/wishes",
        "/api/v1/shop/../users/7",
        "/api/v1/shop/./wishes",
        "/api/v1/shop/a/..",
        "/api/v1/shop/%2e%2e/users/7",
        "/api/v1/shop/..\\users",
        "/api/v1/shop/wishes?as=owner",
        "/api/v1/shop/wishes#x",
        "/api/v1/shop/wishes\n",
        "//shop.example/api/v1/shop/wishes",
        "https://shop.example/api/v1/shop/wishes",
        "javascript:alert(1)",
        "/api/v1/Shop/wishes",
        "api/v1/shop/wishes",
    ],
)
def test_an_action_on_anything_else_may_not(path: str) -> None:
    assert "'go'" in (refused_actions("shop", [Action(id="go", title="Go", path=path)]) or "")


def test_actions_are_few_and_told_apart() -> None:
    one = Action(id="go", title="Go", path="/api/v1/shop/go")
    many = [one.model_copy(update={"id": str(number)}) for number in range(MOST + 1)]
    assert refused_actions("shop", many[:-1]) is None
    assert "More than 12" in (refused_actions("shop", many) or "")
    assert "same id" in (refused_actions("shop", [one, one]) or "")


def test_a_body_keeps_its_types() -> None:
    action = Action(id="go", title="Go", path="/x", body={"is4k": False, "season": 1, "id": "7", "none": None})
    assert Action.model_validate_json(action.model_dump_json()).body == {
        "is4k": False,
        "season": 1,
        "id": "7",
        "none": None,
    }
    assert Action.model_validate_json(action.model_dump_json()).body["is4k"] is False
