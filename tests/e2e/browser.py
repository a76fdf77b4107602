"""A real Chromium for tests of pages: windows that note every error, and checks any page must pass. Knows only how to sign in."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from medianest_hub.testing.hub import PASSWORD

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
SIGNED_IN = "#sessions li"
CHECKS = (Path(__file__).parent / "page_checks.js").read_text()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, driven over its own protocol; skips where there is none."""
    found = next((path for command in COMMANDS if (path := shutil.which(command))), None)
    if found is None:
        pytest.skip("no Chromium here: `make test` installs it as root on Debian; else apt-get install chromium")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=found, chromium_sandbox=False, args=QUIET)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Device:
    """One person's browser: its cookies, its windows, and all that went wrong in any of them."""

    context: BrowserContext
    url: str
    errors: list[str] = field(default_factory=list)

    async def open(self, path: str, wait: str | None = None) -> Page:
        """A new window at that path of the hub; `wait`: until that selector shows."""
        page = await self.context.new_page()
        await page.goto(self.url + path)
        if wait is not None:
            await page.wait_for_selector(wait)
        return page

    def watch(self, page: Page) -> None:
        """Note every error of that window."""
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", self._said)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning") or not message.location.get("url", "").startswith(self.url):
            return
        # What the API refuses is shown to the person; Chromium also writes it here.
        refused = "the server responded with a status of 4" in message.text and "/api/v1/" in message.location["url"]
        # Nobody's picture at a service that is away; the page shows initials.
        missing = "the server responded with a status of 5" in message.text and "/images/" in message.location["url"]
        if not refused and not missing:
            self.errors.append(f"{message.location['url']}: {message.text}")


@asynccontextmanager
async def device(browser: Browser, url: str, size: dict[str, int] = DESK, **options: Any) -> AsyncIterator[Device]:
    """A browser of somebody's own. At its end, errors in any of its windows fail the test."""
    touch = size["width"] < 600
    context = await browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, has_touch=touch, is_mobile=touch, **options
    )
    context.set_default_timeout(10_000)
    made = Device(context, url)
    context.on("page", made.watch)
    try:
        yield made
    finally:
        await context.close()
    assert not made.errors, made.errors


async def check_page(page: Page) -> None:
    """What must hold of every page at every size: names, headings, contrast, room for a finger, nothing cut off."""
    wrong = await page.evaluate(CHECKS)
    assert not wrong, f"{page.url}: {wrong}"


async def settled(page: Page) -> None:
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def reads_well(page: Page) -> None:
    """By day and by night."""
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await check_page(page)


async def opened(page: Page, button: str, dialog: str) -> None:
    """The dialog behind that button reads well, and Escape closes it."""
    await page.click(button)
    await page.wait_for_selector(f"{dialog}[open]")
    await reads_well(page)
    await page.keyboard.press("Escape")
    await page.wait_for_selector(f"{dialog}:not([open])", state="attached")


async def sign_in(of: Device, username: str, password: str = PASSWORD) -> Page:
    page = await of.open("/sign-in", "#form")
    await page.fill("#username", username)
    await page.fill("#password", password)
    await page.press("#password", "Enter")
    await page.wait_for_url("**/account")
    await page.wait_for_selector(SIGNED_IN)
    return page
