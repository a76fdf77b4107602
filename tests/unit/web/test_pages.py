"""The files of the pages: what they load is there, and nothing in them needs an exception from the policy."""

import re
from importlib.resources import files

import pytest

from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.web.header_block import IMMUTABLE, PAGE_CSP, REVALIDATE
from medianest_hub.web.pages import asset, page, version_of_all

UI = {entry.name: entry.read_text() for entry in (files("medianest_hub.web") / "ui").iterdir() if entry.is_file()}
PAGES = sorted(name.removesuffix(".html") for name in UI if name.endswith(".html"))
SCRIPTS = sorted(name for name in UI if name.endswith(".js"))
VERSIONED = f"/ui/{version_of_all()}/"


def loaded(name: str) -> set[str]:
    """The scripts a page names, and all they import."""
    found = set(re.findall(r'src="/ui/([\w.-]+\.js)"', UI[f"{name}.html"]))
    while True:
        more = {one for script in found for one in re.findall(r'from "\./([\w.-]+)"', UI[script])}
        if more <= found:
            return found
        found |= more


def test_there_are_pages_for_every_step_of_a_household() -> None:
    assert {"setup", "sign-in", "sign-in-done", "invite", "reset-password", "account", "people"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_only_what_is_there_and_of_this_version(name: str) -> None:
    text = page(name).content.decode()
    for source in re.findall(r'(?:src|href)="([^"#]+)"', text):
        if source.startswith("/ui/"):
            assert source.startswith(VERSIONED)
            assert asset(source.removeprefix(VERSIONED)).content
        else:
            assert re.fullmatch(r"/[a-z/.-]*", source)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_its_modules_side_by_side(name: str) -> None:
    ahead = set(re.findall(r'rel="modulepreload" href="/ui/([^"]+)"', UI[f"{name}.html"]))
    own = set(re.findall(r'<script src="/ui/([^"]+)"', UI[f"{name}.html"]))
    assert ahead | own == loaded(name)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_a_page_needs_an_exception_from_the_policy(name: str) -> None:
    text = UI[f"{name}.html"]
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|https?://", text)
    assert not re.search(r"<style|<script(?![^>]* src=)", text)
    assert page(name).csp == PAGE_CSP
    assert b"unsafe" not in PAGE_CSP


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_of_text_or_keeps_a_token(name: str) -> None:
    text = UI[name]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    assert not re.search(r"sessionStorage|document\.cookie", text)
    assert set(re.findall(r"localStorage\.(.*?)[;\)]", text)) <= {
        'getItem("medianest.session"',
        'setItem("medianest.session", "yes"',
        'removeItem("medianest.session"',
    }


@pytest.mark.parametrize("name", [name for name in PAGES if name != "docs"])
def test_what_scripts_look_for_is_on_the_page(name: str) -> None:
    wanted = set(re.findall(r'byId\("([a-z-]+)"\)', UI[f"{name}.js"]))
    assert wanted <= set(re.findall(r'\sid="([a-z-]+)"', UI[f"{name}.html"]))


@pytest.mark.parametrize("name", PAGES)
def test_every_field_has_a_label_and_what_describes_it_exists(name: str) -> None:
    text = UI[f"{name}.html"]
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for field in re.findall(r"<(?:input|select)\s[^>]*>", text):
        within = re.search(r"<label[^>]*>[^<]*" + re.escape(field), text)
        identity = re.search(r'\sid="([^"]+)"', field)
        assert within or "aria-label=" in field or (identity and f'for="{identity[1]}"' in text), field
        for described in re.findall(r'aria-describedby="([^"]+)"', field):
            assert set(described.split()) <= set(ids)


def test_addresses_begin_with_the_path_the_hub_is_reached_below() -> None:
    text = page("sign-in", "https://example.org/media/").content.decode()
    assert f'"/media{VERSIONED}hub.css"' in text
    assert page("sign-in").content != page("sign-in", "https://example.org/media").content
    assert page("sign-in").etag != page("sign-in", "https://example.org/media").etag


def test_browsers_keep_files_of_this_version_for_good_and_ask_again_for_others() -> None:
    assert asset("hub.css", version_of_all()).caching == IMMUTABLE
    assert asset("hub.css", "another").caching == REVALIDATE
    assert page("sign-in").caching == REVALIDATE


@pytest.mark.parametrize("name", ["nothing.css", "", "../pages.py", "sign-in.html", "__init__.py"])
def test_only_the_pages_own_files_are_given_out(name: str) -> None:
    with pytest.raises(NotFound):
        asset(name)
