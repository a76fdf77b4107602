"""What the host accepts of a plugin's declarations, and the words it refuses the rest with."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from medianest_hub.accounts.sign_in_providers import provider_ids
from medianest_hub.plugin_api import (
    API_VERSION,
    AnswerCache,
    Call,
    Context,
    Empty,
    Identity,
    Permission,
    PluginInfo,
    PluginSettings,
    Router,
    SignInProvider,
    SignInStart,
    Stat,
    Viewer,
    hookimpl,
    task,
    widget,
)
from medianest_hub.plugin_host.declarations import DeclarationError, LoadedPlugin, collect
from medianest_hub.settings import AuthSettings, OidcSettings

Ctx = Context[PluginSettings]


class ById(BaseModel):
    id: int


async def read(ctx: Ctx, call: Call) -> Stat:
    return Stat(value=1)


async def read_one(ctx: Ctx, call: Call[ById]) -> Stat:
    return Stat(value=call.path.id)


def answering(answer: Any) -> Any:
    def hook() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return hookimpl(hook)


def plugin(**hooks: Any) -> LoadedPlugin:
    module = ModuleType("stranger")
    info = PluginInfo(title="Stranger", api_version=API_VERSION, permissions=[Permission("read")])
    for name, answer in {"hub_plugin": info, **hooks}.items():
        setattr(module, name, answering(answer))
    return collect("stranger", "medianest-stranger", "1.0", module)


def router(path: str, handler: Any = read, method: str = "GET", **options: Any) -> Router:
    made = Router()
    made.route(method, path, **options)(handler)  # type: ignore[arg-type]
    return made


def test_a_sound_plugin_is_collected_whole() -> None:
    loaded = plugin(hub_routes=router("/items/{id}", read_one, permission="read"))
    assert loaded.info.title == "Stranger"
    assert [route.path for route in loaded.routes] == ["/items/{id}"]
    assert loaded.full_permission("read") == "stranger.read"
    assert loaded.full_permission("hub.admin") == "hub.admin"


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        ({"hub_routes": router("/x")}, "either a permission or public"),
        ({"hub_routes": router("/x", permission="read", public=True)}, "either a permission or public"),
        ({"hub_routes": router("/x", permission="write")}, "'write' is not declared"),
        ({"hub_routes": router("/x", permission="hub.god")}, "'hub.god' is not declared"),
        ({"hub_routes": router("x", permission="read")}, "a path is"),
        ({"hub_routes": router("/../auth", permission="read")}, "a path is"),
        ({"hub_routes": router("/x/{id}", permission="read")}, "path model"),
        ({"hub_routes": router("/x", permission="read", limit="often")}, "limit 'often' is not declared"),
        ({"hub_routes": router("/x", permission="read", method="POST", cache=AnswerCache(ttl=1))}, "only GET"),
        ({"hub_routes": [1]}, "must return a Router"),
        ({"hub_tasks": 3}, "must return a list of Task"),
        ({"hub_tasks": ["x"]}, "one is str"),
        ({"hub_plugin": None}, "does not implement hub_plugin"),
        ({"hub_plugin": PluginInfo(title="x", api_version=99)}, "version 99"),
        ({"hub_widgets": RuntimeError("boom")}, "hub_widgets raised RuntimeError: boom"),
        ({"hub_sorcery": []}, "hub_sorcery"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_words(hooks: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        plugin(**hooks)


def test_two_routes_of_one_shape_are_refused() -> None:
    both = router("/items/{id}", read_one, permission="read")
    both.get("/items/{id}", permission="read")(read_one)
    with pytest.raises(DeclarationError, match="declared twice"):
        plugin(hub_routes=both)


def test_handlers_must_say_what_they_take_and_answer() -> None:
    async def silent(ctx, call: Call):  # type: ignore[no-untyped-def]
        return None

    async def loose(ctx: Ctx, call: Call) -> dict[str, int]:
        return {}

    def blocking(ctx: Ctx, call: Call) -> Stat:
        return Stat(value=1)

    for handler, words in (
        (silent, "must be annotated"),
        (loose, "must answer a Pydantic model"),
        (blocking, "async def"),
    ):
        with pytest.raises(DeclarationError, match=words):
            plugin(hub_routes=router("/x", handler, permission="read"))


def test_two_tasks_of_one_name_and_a_badly_named_widget_are_refused() -> None:
    @task("tidy")
    async def tidy(ctx: Ctx, job: Any) -> None: ...

    @widget("Weather!", title="W")
    async def weather(ctx: Ctx, viewer: Viewer) -> Stat:
        return Stat(value=1)

    with pytest.raises(DeclarationError, match="two tasks"):
        plugin(hub_tasks=[tidy, tidy])
    with pytest.raises(DeclarationError, match="badly named"):
        plugin(hub_widgets=[weather])


def test_a_hook_that_returns_an_awaitable_is_refused_and_leaves_no_coroutine() -> None:
    async def later() -> None: ...

    with pytest.raises(DeclarationError, match="awaitable"):
        plugin(hub_tasks=later())


def test_empty_takes_no_fields() -> None:
    with pytest.raises(ValueError, match="extra"):
        Empty.model_validate({"x": 1})


async def begin(ctx: Ctx, return_url: str) -> SignInStart:
    return SignInStart(url="https://door.example")


async def complete(ctx: Ctx, state: dict[str, str], answer: dict[str, str]) -> Identity | None:
    return None


def not_async(*_: object) -> None:
    return None


def test_sign_in_providers_are_collected() -> None:
    providers = [SignInProvider("stranger", "Stranger", begin, complete), SignInProvider("b", "Other", begin, complete)]
    assert [one.name for one in plugin(hub_sign_in=providers).sign_in] == ["stranger", "b"]


@pytest.mark.parametrize(
    ("providers", "words"),
    [
        ([SignInProvider("a", "A", begin, complete), SignInProvider("a", "B", begin, complete)], "called 'a'"),
        ([SignInProvider("A b", "A", begin, complete)], "badly named"),
        ([SignInProvider("a", "", begin, complete)], "title is empty"),
        ([SignInProvider("a", "A", not_async, complete)], "sign-in provider a must be an `async def`"),  # type: ignore[arg-type]
        ([SignInProvider("a", "A", begin, not_async)], "sign-in provider a must be an `async def`"),  # type: ignore[arg-type]
        ([SignInProvider("a", "A", begin, complete, not_async)], "sign-in provider a must be an"),  # type: ignore[arg-type]
        (["google"], "one is str"),
    ],
)
def test_sign_in_providers_that_cannot_work_are_refused(providers: list[Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        plugin(hub_sign_in=providers)


def test_of_two_providers_with_one_id_the_first_keeps_it_and_the_cores_are_nobodys() -> None:
    def named(name: str, *providers: str) -> LoadedPlugin:
        made = tuple(SignInProvider(provider, "T", begin, complete) for provider in providers)
        return replace(plugin(), name=name, sign_in=made)

    plugins = {one.name: one for one in (named("a-b", "a-b", "c"), named("a", "b", "b-c", "a"), named("oidc", "oidc"))}
    off, on = AuthSettings(), AuthSettings(oidc=OidcSettings(issuer="https://id.example", client_id="hub"))
    assert provider_ids(off, plugins) == {"a-b": ("a-b", "a-b"), "a-b-c": ("a-b", "c"), "a": ("a", "a")}
    assert provider_ids(on, plugins)["oidc"] == ("", "oidc")
