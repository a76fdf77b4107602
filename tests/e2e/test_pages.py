"""The hub's own pages in a real browser: from the printed link to a household that is let in, and out again."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from medianest_hub.plugin_api import Role
from medianest_hub.testing.hub import PASSWORD, Hub, HubProcess, run_hub
from tests.e2e.browser import (
    DESK,
    PHONE,
    SIGNED_IN,
    Device,
    check_page,
    chromium,
    device,
    opened,
    reads_well,
    settled,
    sign_in,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW_PASSWORD = "tractor blue forty two"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def process() -> Iterator[HubProcess]:
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        settings = {"plugins": {"blocked": ["youtube", "plex"]}, "limits": {"static": "100000/second"}}
        with run_hub(Path(folder), settings) as hub:
            yield hub


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def first_admin(browser: Browser, process: HubProcess) -> str:
    """The set-up page, used once before anybody exists; the name of who was made by it."""
    (link,) = set(re.findall(r"/setup#token=[\w-]+", process.log))
    async with device(browser, process.url, PHONE) as phone:
        page = await phone.open("/setup", "#state.problem")
        await expect(page.locator("#state")).to_contain_text("not complete")
        await check_page(page)

        page = await phone.open(link, "#form")
        assert "token" not in page.url
        await check_page(page)
        await page.click("text=Make the account")
        await expect(page.locator("#username-problem")).to_have_text("Choose a username.")
        await page.fill("#username", "Olga")
        await page.fill("#password", "password123")
        await page.click("text=Make the account")
        await expect(page.locator("#password-problem")).to_contain_text("among the first")
        assert await page.get_attribute("#password", "aria-invalid") == "true"
        assert await page.evaluate("document.activeElement.id") == "password"
        await check_page(page)
        await page.fill("#password", NEW_PASSWORD)
        await page.click("text=Make the account")
        await page.wait_for_url("**/account")
        await expect(page.locator("#who")).to_have_text("Olga")

        page = await phone.open(link, "#state.good")
        await expect(page.locator("#state")).to_contain_text("set up already")
    return "Olga"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hub(process: HubProcess, first_admin: str) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        yield hub


@pytest.fixture
def desk(browser: Browser, process: HubProcess) -> AbstractAsyncContextManager[Device]:
    return device(browser, process.url)


@pytest.fixture
def phone(browser: Browser, process: HubProcess) -> AbstractAsyncContextManager[Device]:
    return device(browser, process.url, PHONE)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_every_page_reads_well_at_every_size_by_day_and_by_night(
    hub: Hub, browser: Browser, size: dict[str, int]
) -> None:
    long = "Bartholomew Maximilian Featherstonehaugh-Cholmondeley of the Upper Hill House"
    await hub.admin.post("/api/v1/users", json={"username": "w" * 64, "display_name": long, "email": "b@example.org"})
    await hub.admin.post("/api/v1/invites", json={"note": "Lisa " * 30})
    invite = (await hub.admin.post("/api/v1/invites", json={})).json()["url"].partition("/invite")[2]
    async with device(browser, hub.url, size) as one:
        for path, wait in (
            ("/sign-in#ended", "#form"),
            (f"/invite{invite}", "#form"),
            ("/reset-password#abc", "#form"),
            ("/sign-in/done", "#state.problem"),
        ):
            await reads_well(await one.open(path, wait))
        await one.open("/api/docs", "main h2")
        page = await sign_in(one, "ada")
        await settled(page)
        await reads_well(page)
        await opened(page, "#make-key", "#key-dialog")
        page = await one.open("/people", "#invites li")
        await settled(page)
        await reads_well(page)
        await opened(page, "[data-person] >> nth=-1", "#person-dialog")
        await opened(page, "#invite", "#invite-dialog")


async def test_a_wrong_password_is_said_and_the_right_one_leads_to_the_account(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("mia")
    async with desk as one:
        page = await one.open("/", "#form")
        assert page.url == f"{hub.url}/sign-in"
        await page.fill("#username", "mia")
        await page.fill("#password", "not this one")
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("wrong")
        await page.get_by_role("button", name="Show password").click()
        assert await page.get_attribute("#password", "type") == "text"
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/account")
        await expect(page.locator("#what")).to_contain_text("Member")
        await page.reload()
        await expect(page.locator("#who")).to_have_text("mia")
        stored = await page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
        assert stored == ['{"medianest.session":"yes"}', "{}", ""]
        page = await one.open("/people", "#state.problem")
        assert await page.locator("section:visible").count() == 0


async def test_pages_say_when_the_hub_is_away_or_asks_to_wait(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    async with desk as one:
        page = await one.open("/sign-in", "#form")
        await page.fill("#username", "ada")
        await page.fill("#password", "x")
        answers: list[dict[str, Any]] = [
            {"status": 502, "body": "<h1>Bad Gateway</h1>", "content_type": "text/html"},
            {"status": 429, "body": '{"detail": "Slow down", "code": "x"}', "headers": {"Retry-After": "2"}},
        ]
        await page.route("**/auth/login", lambda route: route.fulfill(**answers.pop(0)))
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("cannot answer right now")
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("Wait 2 seconds")
        await expect(page.get_by_role("alert")).to_contain_text("try again now")
        await page.unroute("**/auth/login")
        await one.context.set_offline(True)
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("You are offline")
        await one.context.set_offline(False)
        one.errors[:] = [error for error in one.errors if "/auth/login" not in error]


async def test_an_invitation_lets_somebody_in_once(hub: Hub, phone: AbstractAsyncContextManager[Device]) -> None:
    url = (await hub.admin.post("/api/v1/invites", json={"role": "guest"})).json()["url"]
    async with phone as one:
        page = await one.open(url.removeprefix(hub.url), "#form")
        assert "#" not in page.url
        await page.fill("#username", "ADA")
        await page.fill("#password", NEW_PASSWORD)
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("choose another name")
        await page.fill("#username", "Grandma")
        await page.click("button[type=submit]")
        await page.wait_for_url("**/account")
        await expect(page.locator("#what")).to_have_text("Guest")
        page = await one.open(url.removeprefix(hub.url), "#state.problem")
        await expect(page.locator("#title")).to_have_text("This invitation is over")


async def test_a_password_link_sets_a_new_password_and_ends_other_sessions(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    tom = await hub.person("tom")
    me = (await tom.get("/api/v1/users/me")).json()["id"]
    url = (await hub.admin.post(f"/api/v1/users/{me}/password-link", json={})).json()["url"]
    async with desk as one:
        page = await one.open(url.removeprefix(hub.url), "#form")
        await page.fill("#password", "short")
        await page.click("button[type=submit]")
        await expect(page.locator("#password-problem")).to_contain_text("at least 10")
        await page.fill("#password", NEW_PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url("**/account")
        await page.wait_for_selector(SIGNED_IN)
        assert (await tom.get("/api/v1/auth/session")).status == 401
        page = await one.open(url.removeprefix(hub.url), "#form")
        await page.fill("#password", NEW_PASSWORD + "!")
        await page.click("button[type=submit]")
        await expect(page.get_by_role("alert")).to_contain_text("link")


async def test_a_session_is_ended_from_another_device_within_a_second(
    hub: Hub, browser: Browser, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("nora")
    async with desk as one, device(browser, hub.url, PHONE, user_agent="Mozilla/5.0 (iPhone) Safari/604.1") as lost:
        theirs = await sign_in(lost, "nora")
        page = await sign_in(one, "nora")
        await page.get_by_role("button", name="Sign out Safari on iPhone").click()
        await expect(page.locator("#toast")).to_contain_text("signed out")
        await expect(page.locator("#sessions")).not_to_contain_text("iPhone")
        await theirs.reload()
        await theirs.wait_for_url("**/sign-in*")
        await expect(theirs.locator("#state")).to_contain_text("has ended")


async def test_signing_out_reaches_every_tab_and_leaves_nothing_for_the_back_button(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("otto")
    async with desk as one:
        first = await sign_in(one, "otto")
        second = await one.open("/account", SIGNED_IN)
        await second.goto(f"{hub.url}/people")
        await second.wait_for_selector("#state.problem")
        await first.click("#sign-out")
        for page in (first, second):
            await page.wait_for_url("**/sign-in*")
            await expect(page.locator("#state")).to_have_text("You are signed out.")
        await second.go_back()
        await second.wait_for_url("**/sign-in*")
        await second.wait_for_selector("#form")
        assert "otto" not in (await second.inner_text("body"))


async def test_many_tabs_restored_at_once_share_one_session(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("ida")
    async with desk as one:
        await sign_in(one, "ida")
        pages = [await one.context.new_page() for _ in range(5)]
        for page in pages:
            await page.goto("about:blank")
        for page in pages:  # all begin before any has its answer
            await page.evaluate(f"setTimeout(() => location.assign('{hub.url}/account'))")
        for page in pages:
            await page.wait_for_selector(SIGNED_IN)
            assert await page.locator(SIGNED_IN).count() == 2  # this one, and that of the test's own client


async def test_without_locks_as_over_plain_http_tabs_take_turns_all_the_same(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("emil")
    async with desk as one:
        await one.context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})")
        page = await sign_in(one, "emil")
        assert await page.evaluate("navigator.locks === undefined")
        pages = [await one.context.new_page() for _ in range(5)]
        for page in pages:
            await page.goto("about:blank")
        for page in pages:
            await page.evaluate(f"setTimeout(() => location.assign('{hub.url}/account'))")
        for page in pages:
            await page.wait_for_selector(SIGNED_IN)


async def test_the_password_is_changed_and_other_devices_are_signed_out(
    hub: Hub, browser: Browser, phone: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("lena")
    async with phone as one:
        page = await sign_in(one, "lena")
        await page.fill("#current", "not it")
        await page.fill("#fresh", NEW_PASSWORD)
        await page.click("#password-button")
        await expect(page.locator("#password-form [role=alert]")).to_have_class(re.compile("problem"))
        await page.fill("#current", PASSWORD)
        await page.click("#password-button")
        await expect(page.locator("#password-form [role=alert]")).to_contain_text("is changed")
        await expect(page.locator(SIGNED_IN)).to_have_count(1)
    async with device(browser, hub.url) as again:
        await sign_in(again, "lena", NEW_PASSWORD)


async def test_an_admin_invites_promotes_and_throws_out(
    hub: Hub, browser: Browser, phone: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("boss", Role.ADMIN)
    ute = await hub.person("ute")
    async with phone as one:
        await sign_in(one, "boss")
        page = await one.open("/people", "#people li")
        await page.click("#invite")
        await page.select_option("#invite-role", "guest")
        await page.get_by_role("button", name="Make the link").click()
        assert "/invite#" in await page.input_value("#dialog-value")
        await page.get_by_role("button", name="Done").click()
        await expect(page.locator("#invites")).to_contain_text("guest")
        await page.fill("#search", "ute")
        await expect(page.locator("#people li")).to_have_count(1)
        await page.get_by_role("button", name="Manage ute").click()
        await page.select_option("#person-role", "admin")
        await page.get_by_role("button", name="Save the role").click()
        await expect(page.locator("#toast")).to_contain_text("admin now")
        assert (await ute.get("/api/v1/users")).status == 200
        await page.get_by_role("button", name="Manage ute").click()
        await page.click("#person-history summary")
        await expect(page.locator("#person-entries")).to_contain_text("boss")
        await page.locator("#person-actions").get_by_role("button", name="Disable").click()
        await page.get_by_role("heading", name="Disable ute?").wait_for()
        await page.locator("dialog[open]").last.get_by_role("button", name="Disable").click()
        await expect(page.locator("#people")).to_contain_text("disabled")
        assert (await ute.get("/api/v1/auth/session")).status in (401, 403)


async def test_whose_sign_in_was_copied_reads_so_until_they_have_said_that_they_know(
    hub: Hub, phone: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("cleo")
    body = {"username": "cleo", "password": PASSWORD, "client": "native"}
    copied = (await hub.stranger.post("/api/v1/auth/login", json=body)).json()["refresh_token"]
    for status in (200, 401):
        assert (await hub.stranger.post("/api/v1/auth/refresh", json={"refresh_token": copied})).status == status
    async with phone as one:
        page = await sign_in(one, "cleo")
        await expect(page.locator("#notices")).to_contain_text("it was used from two places")
        await settled(page)
        await reads_well(page)
        await page.click("#notices button")
        await expect(page.locator("#notices")).to_be_hidden()
        page = await one.open("/account", SIGNED_IN)
        await settled(page)
        await expect(page.locator("#notices")).to_be_hidden()
