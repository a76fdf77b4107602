"""API keys on one's own page in a real browser: made, shown once, asked for the password, revoked."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from medianest_hub.testing.hub import PASSWORD, Hub, HubClient, HubProcess, run_hub
from tests.e2e.browser import Device, chromium, device, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW_PASSWORD = "tractor blue forty two"


@pytest.fixture(scope="module")
def process() -> Iterator[HubProcess]:
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with run_hub(Path(folder), {"plugins": {"blocked": ["youtube", "plex"]}}) as process:
            yield process


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hub(process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        yield hub


@pytest_asyncio.fixture(loop_scope="module")
async def desk(hub: Hub) -> AsyncIterator[AbstractAsyncContextManager[Device]]:
    async with chromium() as browser:
        yield device(browser, hub.url)


async def test_an_api_key_is_shown_once_works_and_is_revoked(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("kai")
    async with desk as one:
        page = await sign_in(one, "kai")
        await page.click("#make-key")
        await page.fill("#key-name", "Backup")
        await page.get_by_role("button", name="Make the key").click()
        key = await page.input_value("#dialog-value")
        assert key.startswith("mn_")
        await page.get_by_role("button", name="Copy").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        client = HubClient(hub.session, hub.url, key)
        assert (await client.get("/api/v1/auth/session")).status == 200
        await page.get_by_role("button", name="Done").click()
        await page.wait_for_selector("#keys li")
        assert key not in await page.content()
        await page.get_by_role("button", name="Revoke Backup").click()
        await page.locator("dialog").get_by_role("button", name="Revoke").click()
        await expect(page.locator("#keys")).to_contain_text("No keys")
        assert (await client.get("/api/v1/auth/session")).status == 401


async def test_making_a_key_asks_for_the_password_where_signing_in_was_long_ago(
    hub: Hub, desk: AbstractAsyncContextManager[Device]
) -> None:
    await hub.person("kurt")
    problem = '{"status": 403, "code": "confirm_first", "detail": "Prove first that it is you."}'
    async with desk as one:
        page = await sign_in(one, "kurt")
        for answers in ("Cancel", "Go on"):
            await page.route("**/api-keys", lambda route: route.fulfill(status=403, body=problem), times=1)
            if not await page.locator("#key-dialog").is_visible():
                await page.click("#make-key")
                await page.fill("#key-name", "Backup")
            await page.get_by_role("button", name="Make the key").click()
            await page.fill("#dialog-field", PASSWORD)
            await page.get_by_role("button", name=answers).last.click()
            if answers == "Cancel":
                await expect(page.locator("#key-name")).to_have_value("Backup")
        assert (await page.input_value("#dialog-value")).startswith("mn_")
        await page.get_by_role("button", name="Done").click()
        await expect(page.locator("#keys")).to_contain_text("Backup")
        await page.fill("#current", PASSWORD)
        await page.fill("#fresh", NEW_PASSWORD)
        await page.get_by_label("Revoke all API keys, too").check()
        await page.click("#password-button")
        await expect(page.locator("#keys")).to_contain_text("No keys")
