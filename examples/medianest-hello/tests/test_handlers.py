"""Each handler called alone, with services kept in memory and a fake word service."""

from __future__ import annotations

import pytest
from pydantic import HttpUrl, SecretStr

from medianest_hello.events import GreetingLeft
from medianest_hello.health import word_service
from medianest_hello.lifecycle import check_settings, shutdown, startup
from medianest_hello.listeners import ask_for_an_answer
from medianest_hello.models import GreetingId
from medianest_hello.pictures import badge
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import HealthStatus, errors
from medianest_hub.testing import ContextMaker, FakeUpstream, Fault, make_event, make_person


def asking(upstream: FakeUpstream, key: str | None = "k-123") -> HelloSettings:
    return HelloSettings(service_url=HttpUrl(upstream.url), api_key=SecretStr(key) if key else None)


async def test_an_event_delivered_twice_asks_for_one_answer(context: ContextMaker) -> None:
    ctx = await context(HelloSettings())
    event = make_event(GreetingLeft(id=7), person=make_person().id)
    await ask_for_an_answer(ctx, event)
    await ask_for_an_answer(ctx, event)
    assert [(job.task, job.args, job.person) for job in ctx.jobs.queued] == [("answer", GreetingId(id=7), event.person)]


async def test_the_key_goes_to_the_word_service_in_its_header(
    context: ContextMaker, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/word", json={"word": "sunny"})
    await check_settings(await context(asking(fake_upstream)))
    assert fake_upstream.requests[0].headers["X-Api-Key"] == "k-123"


async def test_settings_without_a_service_need_no_connection(context: ContextMaker) -> None:
    await check_settings(await context(HelloSettings()))


async def test_a_key_without_a_service_names_the_missing_field(context: ContextMaker) -> None:
    with pytest.raises(errors.ConfigInvalid) as refused:
        await check_settings(await context(HelloSettings(api_key=SecretStr("k-123"))))
    assert [problem.field for problem in refused.value.fields] == ["service_url"]


async def test_a_refused_key_asks_for_another(context: ContextMaker, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/word", status=401)
    with pytest.raises(errors.AuthFailed):
        await check_settings(await context(asking(fake_upstream)))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 500}, id="error"),
        pytest.param({"fault": Fault.HANG}, id="hang"),
        pytest.param({"fault": Fault.RESET}, id="reset"),
        pytest.param({"fault": Fault.CUT, "body": '{"word": "sunny"}'}, id="cut"),
        pytest.param({"body": "<html>busy</html>"}, id="page-instead-of-json"),
        pytest.param({"json": {"word": 7}}, id="wrong-shape"),
        pytest.param({"body": "x" * 100_000}, id="too-large"),
    ],
)
async def test_whatever_the_service_does_wrong_only_degrades(
    context: ContextMaker, fake_upstream: FakeUpstream, fault: dict[str, object]
) -> None:
    fake_upstream.answer("GET", "/word", **fault)  # type: ignore[arg-type]
    ctx = await context(asking(fake_upstream))
    result = await word_service(ctx)
    assert result.status is HealthStatus.DEGRADED
    assert result.detail
    assert "k-123" not in result.detail
    with pytest.raises(errors.NotReady):
        await check_settings(ctx)


async def test_everybody_has_a_badge_and_keeps_it(context: ContextMaker) -> None:
    ctx = await context(HelloSettings())
    ada, bob = str(make_person("ada").id), str(make_person("bob").id)
    drawn = await badge(ctx, ada)
    assert drawn.startswith(b"\x89PNG")
    assert await badge(ctx, ada, 48, 48) == drawn
    assert await badge(ctx, bob) != drawn
    with pytest.raises(errors.NotFound):
        await badge(ctx, "")


async def test_what_startup_made_is_gone_after_shutdown(context: ContextMaker) -> None:
    ctx = await context(HelloSettings())
    await startup(ctx)
    assert ctx.state["since"] == ctx.clock.now()
    await shutdown(ctx)
    await shutdown(ctx)
    assert ctx.state == {}
