"""The files of the hub's own pages: read once, checked, named by a version. Knows no person and decides nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.web.answers import ReadyAnswer, ready
from medianest_hub.web.header_block import IMMUTABLE, PAGE_CSP, REVALIDATE

_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    """What a file holds. `kind` is its content type, `tag` its ETag."""

    content: bytes
    kind: str
    tag: str


def page(name: str, public_url: str | None = None) -> ReadyAnswer:
    """The page of that name (`account` for `account.html`), asked about again at each visit.

    Its addresses begin with the path of `public_url`, and those of styles and scripts with their version.
    """
    found = _page(name, urlsplit(public_url).path.rstrip("/") if public_url else "")
    return ready(found.content, found.kind, csp=PAGE_CSP, etag=found.tag)


def asset(name: str, version: str = "") -> ReadyAnswer:
    """A style, script or picture of the pages. Raises `NotFound` for a name that is none.

    Kept for good by browsers if it is of that `version`; while replicas are being renewed, one may be asked for another's.
    """
    found = _files().get(name)
    if found is None or name.endswith(".html"):
        raise NotFound("The pages have no such file.")
    caching = IMMUTABLE if version == version_of_all() else REVALIDATE
    return ready(found.content, found.kind, csp=PAGE_CSP, etag=found.tag, caching=caching)


@cache
def version_of_all() -> str:
    """Changes with any of the files, so that scripts that load each other are always of one version."""
    whole = hashlib.sha256()
    for name, found in sorted(_files().items()):
        whole.update(name.encode() + b"\0" + found.tag.encode() + b"\0")
    return whole.hexdigest()[:12]


@cache
def _page(name: str, prefix: str) -> _File:
    found = _files()[f"{name}.html"]
    content = found.content.replace(b'="/ui/', f'="/ui/{version_of_all()}/'.encode())
    return _file(content.replace(b'="/', f'="{prefix}/'.encode()), found.kind)


@cache
def _files() -> dict[str, _File]:
    found = {}
    for entry in (files("medianest_hub.web") / "ui").iterdir():
        kind = _KINDS.get(entry.name.rpartition(".")[2])
        if kind is not None:
            found[entry.name] = _file(entry.read_bytes(), kind)
    return found


def _file(content: bytes, kind: str) -> _File:
    return _File(content, kind, hashlib.sha256(content).hexdigest()[:16])
