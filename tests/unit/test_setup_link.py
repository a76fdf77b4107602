"""The printed link and the page behind it."""

import re
from importlib.resources import files

import pytest

from medianest_hub.settings import HubSettings
from medianest_hub.web.setup_link import setup_link

UI = files("medianest_hub.web") / "ui"


@pytest.mark.parametrize(
    ("server", "link"),
    [
        ({}, "http://127.0.0.1:4000/setup#token=abc"),
        ({"host": "0.0.0.0", "port": 8080}, "http://127.0.0.1:8080/setup#token=abc"),
        ({"host": "::"}, "http://[::1]:4000/setup#token=abc"),
        ({"host": "fd00::7"}, "http://[fd00::7]:4000/setup#token=abc"),
        ({"host": "nas.local"}, "http://nas.local:4000/setup#token=abc"),
        ({"public_url": "https://media.example.org/"}, "https://media.example.org/setup#token=abc"),
    ],
)
def test_the_link_leads_where_the_hub_is_reached(server: dict[str, object], link: str) -> None:
    assert setup_link(HubSettings(server=server), "abc") == link  # type: ignore[arg-type]


def test_the_page_keeps_to_its_content_security_policy() -> None:
    page = (UI / "setup.html").read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|https?://", page)
    assert not re.search(r"<style|<script(?![^>]* src=)", page)
    for source in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert source.startswith("setup/")
        assert (UI / source.removeprefix("setup/")).is_file()


def test_the_script_finds_what_it_looks_for() -> None:
    page, script = (UI / "setup.html").read_text(), (UI / "setup.js").read_text()
    wanted = set(re.findall(r'getElementById\("([a-z-]+)"\)', script))
    assert wanted <= set(re.findall(r'id="([a-z-]+)"', page))
    assert {"username-problem", "password-problem"} <= set(re.findall(r'id="([a-z-]+)"', page))
    assert "innerHTML" not in script
