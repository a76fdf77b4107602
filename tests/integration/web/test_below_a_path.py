"""A hub below a path of somebody else's host, behind a real nginx: a browser stays signed in there and sees pictures."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from medianest_hub.plugin_api import Role
from tests.e2e.nginx_front import Front, nginx

from .conftest import Install, Site, StartSite
from .pictures import PLUGIN, encoded, plain

PASSWORD = "tractor blue forty two"
PAGE = {"Origin": "http://media.example.org"}


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("gallery", PLUGIN)
    settings = {"server__public_url": "http://media.example.org/media", "server__trusted_proxies": '["127.0.0.0/8"]'}
    site = await start_site(**settings)
    await site.parts.people.create("mia", PASSWORD, Role.MEMBER)
    return site


@pytest.fixture
def front(site: Site) -> Iterator[Front]:
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with nginx(Path(folder) / "nginx", site.port, below="/media") as running:
            yield running


@pytest.fixture
async def browser(front: Front) -> AsyncIterator[aiohttp.ClientSession]:
    """It sends cookies where their `Path` says, and nowhere else."""
    jar = aiohttp.CookieJar(unsafe=True)  # of an address without a name
    async with aiohttp.ClientSession(f"http://127.0.0.1:{front.port}", cookie_jar=jar, headers=PAGE) as session:
        yield session


async def test_a_browser_stays_signed_in_and_can_sign_out(browser: aiohttp.ClientSession) -> None:
    api = "/media/api/v1/auth"
    async with browser.post(f"{api}/login", json={"username": "mia", "password": PASSWORD}) as answer:
        assert answer.status == 200
        assert answer.cookies["mn_refresh"]["path"] == "/media/api/v1/auth"
    for _ in range(2):
        async with browser.post(f"{api}/refresh") as answer:
            assert answer.status == 200
            token = (await answer.json())["access_token"]
    async with browser.post(f"{api}/logout") as answer:
        assert answer.status == 204
    async with browser.get(f"{api}/session", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "session_ended")
    assert len(browser.cookie_jar) == 0


async def test_links_of_pictures_lead_to_the_pictures(site: Site, browser: aiohttp.ClientSession) -> None:
    sys.modules["synthetic_gallery.plugin"].shelf["a"] = encoded(plain(), "PNG")
    async with browser.get("/media/api/v1/gallery/link", params={"ref": "a"}) as answer:
        link = (await answer.json())["link"]
    assert link.startswith("/media/api/v1/images/")
    async with browser.get(link) as answer:
        assert (answer.status, answer.content_type) == (200, "image/webp")
    mia = await site.person("mia")
    avatar = site.parts.images.avatar_link(mia.id, "https://pictures.example/mia.png")
    assert avatar is not None
    assert avatar.startswith("/media/api/v1/images/")
