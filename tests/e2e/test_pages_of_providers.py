"""Signing in by outside providers in a real browser: Plex by polling and a provider of OpenID Connect by redirection."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from medianest_hub.testing.hub import PASSWORD, Hub, HubProcess, free_port, run_hub
from tests.e2e import oidc_provider
from tests.e2e.browser import DESK, PHONE, Device, check_page, chromium, device
from tests.e2e.oidc_provider import OidcServer
from tests.simulators.plex.server import PlexSimulator

pytestmark = pytest.mark.asyncio(loop_scope="module")

BACK = "/sign-in/done?provider=oidc"


@dataclass(frozen=True)
class World:
    hub: HubProcess
    plex: PlexSimulator


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    people: dict[str, list[str]] = {"rosa": [], "karl": []}
    oidc = OidcServer(tmp_path_factory.mktemp("canaille"), f"http://127.0.0.1:{port}{BACK}", people)
    oidc.start()
    try:
        with PlexSimulator().running() as plex, tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp") as folder:
            Path(folder).chmod(0o711)
            with run_hub(Path(folder), _settings(port, oidc, plex)) as hub:
                yield World(hub, plex)
    finally:
        oidc.stop()


def _settings(port: int, oidc: OidcServer, plex: PlexSimulator) -> dict[str, Any]:
    return {
        "server": {"port": port},
        "plugins": {
            "blocked": ["youtube"],
            "plex": {
                "url": plex.server_url,
                "plex_tv_url": plex.plex_tv_url,
                # Another site than the hub's, as Plex is: cookies and windows are kept apart.
                "app_url": plex.app_url.replace("127.0.0.1", "localhost"),
            },
        },
        "limits": {"sign_in": "100000/second", "static": "100000/second"},
        "auth": {
            "newcomers": "auto",
            "oidc": {
                "issuer": oidc.url,
                "client_id": oidc_provider.CLIENT_ID,
                "client_secret": oidc_provider.CLIENT_SECRET,
                "title": "Household ID",
                "scopes": ["openid", "profile", "email"],
            },
        },
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hub(world: World) -> AsyncIterator[Hub]:
    async with Hub(world.hub) as hub:
        await hub.stranger.until("/api/v1/auth/providers", lambda reply: b'"plex"' in reply.body)
        yield hub


async def begin(of: Device, provider: str, path: str = "/sign-in") -> Page:
    page = await of.open(path)
    await page.get_by_role("button", name=f"Continue with {provider}").click()
    return page


async def at_plex(page: Page, who: str) -> None:
    await page.get_by_role("button", name=who, exact=True).click()


async def test_with_plex_on_a_desk_another_window_is_used_and_this_one_goes_on(
    hub: Hub, world: World, browser: Browser
) -> None:
    world.plex.world.friend("fred", friendly_name="Fred Friend")
    async with device(browser, hub.url, DESK) as one:
        page = await one.open("/sign-in", "#providers button")
        await check_page(page)
        async with one.context.expect_page() as opened:
            await page.get_by_role("button", name="Continue with Plex").click()
        window = await opened.value
        await expect(page.locator("#attempt")).to_contain_text("Waiting for you to finish at Plex")
        await check_page(page)
        await at_plex(window, "fred")
        await page.wait_for_url("**/account")
        await expect(page.locator("#what")).to_contain_text("Member")
        await expect(page.locator("#identities")).to_contain_text("Plex")
        await page.wait_for_selector("#sessions li")
        await check_page(page)


async def test_with_plex_a_wait_can_be_cancelled_and_a_stranger_is_told_why_not(
    hub: Hub, world: World, browser: Browser
) -> None:
    world.plex.world.account("stranger")
    async with device(browser, hub.url, DESK) as one:
        page = await begin(one, "Plex")
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("button", name="Continue with Plex")).to_be_visible()
        async with one.context.expect_page() as opened:
            await page.get_by_role("button", name="Continue with Plex").click()
        await at_plex(await opened.value, "stranger")
        await expect(page.locator("#state")).to_contain_text("not shared with your Plex account")


async def test_with_plex_on_a_phone_everything_happens_in_one_tab(hub: Hub, world: World, browser: Browser) -> None:
    world.plex.world.friend("paula")
    async with device(browser, hub.url, PHONE) as one:
        page = await begin(one, "Plex")
        await at_plex(page, "paula")
        await page.wait_for_url("**/account")
        await expect(page.locator("#what")).to_contain_text("Member")
        assert len(one.context.pages) == 1


async def test_somebody_else_may_begin_at_once_in_another_browser(hub: Hub, world: World, browser: Browser) -> None:
    async with device(browser, hub.url, PHONE) as one:
        page = await one.open("/sign-in/done?provider=plex&code=stolen", "#state.problem")
        assert page.url == f"{hub.url}/sign-in/done"
        await expect(page.locator("#state")).to_contain_text("begin again")
        await page.get_by_role("link", name="Back to sign-in").click()
        await page.wait_for_selector("#form")


async def at_household_id(page: Page, name: str) -> None:
    """Fill in the provider's own forms until it sends us back."""
    await page.fill("[name=login]", name)
    await page.locator("form button[type=submit], form input[type=submit]").first.click()
    await page.fill("[name=password]", PASSWORD)
    await page.locator("form button[type=submit], form input[type=submit]").first.click()


async def test_by_redirection_the_code_is_handed_on_and_leaves_the_address(hub: Hub, browser: Browser) -> None:
    async with device(browser, hub.url, PHONE) as one:
        asked: list[str] = []
        one.context.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        page = await begin(one, "Household ID")
        await at_household_id(page, "rosa")
        await page.wait_for_url("**/account")
        await expect(page.locator("#identities")).to_contain_text("Household ID")
        assert not [one for one in asked if "code=" in one and "/sign-in/done" not in one]
        assert "code=" not in await page.evaluate("JSON.stringify(performance.getEntriesByType('resource'))")


async def test_linking_asks_for_the_password_where_signing_in_was_long_ago(
    hub: Hub, world: World, browser: Browser
) -> None:
    world.plex.world.friend("lotte-at-plex")
    lotte = await hub.person("lotte")
    async with device(browser, hub.url, DESK) as one:
        page = await one.open("/sign-in", "#form")
        await page.fill("#username", "lotte")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/account")
        await expect(page.get_by_role("button", name="Link Plex")).to_be_visible()
        problem = '{"status": 403, "code": "confirm_first", "detail": "Prove first that it is you."}'
        await page.route("**/plex/start", lambda route: route.fulfill(status=403, body=problem), times=1)
        await page.get_by_role("button", name="Link Plex").click()
        await page.fill("#dialog-field", PASSWORD)
        assert one.context.pages == [page]  # no empty window hides the question
        async with one.context.expect_page() as opened:
            await page.get_by_role("button", name="Go on").click()
        await at_plex(await opened.value, "lotte-at-plex")
        await expect(page.locator("#identities")).to_contain_text("lotte-at-plex")
        linked = (await lotte.get("/api/v1/auth/identities")).json()["items"]
        assert [one["provider"] for one in linked] == ["plex"]
        await page.get_by_role("button", name="Unlink Plex").click()
        await page.locator("dialog").get_by_role("button", name="Unlink").click()
        await expect(page.get_by_role("button", name="Link Plex")).to_be_visible()


async def test_an_invitation_is_accepted_with_an_outside_account(hub: Hub, world: World, browser: Browser) -> None:
    world.plex.world.friend("gast")
    made = (await hub.admin.post("/api/v1/invites", json={"role": "guest"})).json()
    async with device(browser, hub.url, PHONE) as one:
        page = await begin(one, "Plex", made["url"].removeprefix(hub.url))
        await at_plex(page, "gast")
        await page.wait_for_url("**/account")
        await expect(page.locator("#what")).to_contain_text("Guest")


async def test_an_accounts_picture_shows_and_initials_as_long_as_there_is_none(
    hub: Hub, world: World, browser: Browser
) -> None:
    world.plex.world.friend("gina", friendly_name="Gina Good")
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )

    async def there(route: Route) -> None:
        await route.fulfill(body=png, content_type="image/png")

    async with device(browser, hub.url, DESK) as one:
        await one.context.route("**/api/v1/images/**", lambda route: route.fulfill(status=502))
        page = await one.open("/sign-in", "#providers button")
        async with one.context.expect_page() as opened:
            await page.get_by_role("button", name="Continue with Plex").click()
        await at_plex(await opened.value, "gina")
        await page.wait_for_url("**/account")
        await expect(page.locator("#who")).to_have_text("Gina Good")
        await expect(page.locator("#face")).to_have_text("GG")
        await one.context.unroute("**/api/v1/images/**")
        await one.context.route("**/api/v1/images/**", there)
        await page.reload()
        await expect(page.locator("#face img")).to_be_visible()
        await expect(page.locator("#face")).to_have_text("")
    async with device(browser, hub.url, DESK) as desk:
        await desk.context.route("**/api/v1/images/**", there)
        page = await desk.open("/sign-in", "#form")
        await page.fill("#username", "ada")
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url("**/account")
        page = await desk.open("/people", "#people li")
        await expect(page.locator("#people li", has_text="Gina Good").locator(".face img")).to_be_visible()
        await page.get_by_role("button", name="Manage Gina Good").click()
        await expect(page.locator("#person-face img")).to_be_visible()
        await check_page(page)
