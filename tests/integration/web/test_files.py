"""Files: whole, in parts, unchanged, changed meanwhile, missing, and not files at all (RFC 9110)."""

import asyncio
import os
from pathlib import Path

import pytest
import pytest_asyncio

from .conftest import Install, Site, Somebody, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from pathlib import Path
from pydantic import BaseModel

router = Router()

class Named(BaseModel):
    name: str

class How(BaseModel):
    inline: bool = False

@router.get("/file/{name}", permission="hub.signed_in")
async def file(ctx, call: Call[Named, How]) -> FileAnswer:
    path = Path(ctx.data_dir) / call.path.name
    return FileAnswer(path, "video/mp4", filename="fünf \\r\\n\\"1\\".mp4", inline=call.query.inline)

@hookimpl
def hub_routes():
    return router
"""
CONTENT = bytes(range(256)) * 4096  # 1 MiB


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("files", PLUGIN)
    return await start_once()


@pytest.fixture
def folder(site: Site) -> Path:
    folder = site.hub.settings.data_dir / "plugins" / "files" / "main"
    (folder / "film").write_bytes(CONTENT)
    (folder / "empty").touch()
    if not (folder / "pipe").exists():
        (folder / "folder").mkdir()
        os.mkfifo(folder / "pipe")
    return folder


@pytest_asyncio.fixture(loop_scope="module")
async def mia(site: Site, folder: Path) -> Somebody:
    return await site.person()


FILM = "/api/v1/files/file/film"


async def test_a_file_is_sent_whole_with_a_name_that_cannot_break_the_header(site: Site, mia: Somebody) -> None:
    reply = await site.get(FILM, by=mia)
    assert (reply.status, reply.body == CONTENT) == (200, True)
    assert reply.headers["Content-Length"] == str(len(CONTENT))
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["Content-Type"] == "video/mp4"
    disposition = reply.headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"f_nf ___1_.mp4\"; filename*=UTF-8''f%C3%BCnf%20%0D%0A%221%22.mp4"
    reply = await site.get(f"{FILM}?inline=true", by=mia)
    assert reply.headers["Content-Disposition"].startswith("inline;")


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1048570-", 1048570, 1048576),
        ("bytes=1048570-9999999", 1048570, 1048576),
        ("bytes=-5", 1048571, 1048576),
        ("bytes=-99999999", 0, 1048576),
        ("bytes=300000-900000", 300000, 900001),
    ],
)
async def test_a_part_is_sent_as_asked(site: Site, mia: Somebody, asked: str, begin: int, end: int) -> None:
    reply = await site.get(FILM, by=mia, headers={"Range": asked})
    assert reply.status == 206
    assert reply.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(CONTENT)}"
    assert reply.body == CONTENT[begin:end]


@pytest.mark.parametrize("asked", ["bytes=1048576-", "bytes=99999999-", "bytes=-0"])
async def test_a_part_that_is_not_there_is_a_416_naming_the_size(site: Site, mia: Somebody, asked: str) -> None:
    reply = await site.get(FILM, by=mia, headers={"Range": asked})
    assert (reply.status, reply.json()["code"]) == (416, "range_not_satisfiable")
    assert reply.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-1", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=-", "bytes=" + "9" * 99 + "-"]
)
async def test_a_range_that_makes_no_sense_is_left_aside(site: Site, mia: Somebody, asked: str) -> None:
    reply = await site.get(FILM, by=mia, headers={"Range": asked})
    assert (reply.status, len(reply.body)) == (200, len(CONTENT))


async def test_a_client_that_has_the_file_is_told_so(site: Site, mia: Somebody) -> None:
    etag = (await site.get(FILM, by=mia)).headers["ETag"]
    for condition in (etag, f'W/{etag}, "other"', "*"):
        reply = await site.get(FILM, by=mia, headers={"If-None-Match": condition})
        assert (reply.status, reply.body) == (304, b"")
        assert reply.headers["ETag"] == etag
    assert (await site.get(FILM, by=mia, headers={"If-None-Match": '"other"'})).status == 200


async def test_if_range_gives_a_part_of_the_same_file_and_the_whole_of_a_changed_one(
    site: Site, mia: Somebody, folder: Path
) -> None:
    first = await site.get(FILM, by=mia)
    for condition in (first.headers["ETag"], first.headers["Last-Modified"]):
        reply = await site.get(FILM, by=mia, headers={"Range": "bytes=0-9", "If-Range": condition})
        assert reply.status == 206
    (folder / "film").write_bytes(CONTENT[:1000])
    reply = await site.get(FILM, by=mia, headers={"Range": "bytes=0-9", "If-Range": first.headers["ETag"]})
    assert (reply.status, len(reply.body)) == (200, 1000)


async def test_head_says_what_get_would_send(site: Site, mia: Somebody) -> None:
    for headers, status, length in (({}, 200, len(CONTENT)), ({"Range": "bytes=0-9"}, 206, 10)):
        reply = await site.call("HEAD", FILM, by=mia, headers=headers)
        assert (reply.status, reply.headers["Content-Length"], reply.body) == (status, str(length), b"")


async def test_an_empty_file_is_sent_and_has_no_parts(site: Site, mia: Somebody) -> None:
    reply = await site.get("/api/v1/files/file/empty", by=mia)
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")
    assert (await site.get("/api/v1/files/file/empty", by=mia, headers={"Range": "bytes=0-"})).status == 416


@pytest.mark.parametrize("name", ["gone", "folder", "pipe", "..%2F.."])
async def test_what_is_no_file_is_not_found_at_once(site: Site, mia: Somebody, name: str) -> None:
    from yarl import URL

    async with asyncio.timeout(5):
        url = URL(f"{site.url}/api/v1/files/file/{name}", encoded=True)
        async with site.session.get(url, headers=mia.headers) as reply:
            assert reply.status == 404
            assert (await reply.json(content_type=None))["code"] == "file_missing"


async def test_a_file_that_shrinks_while_it_is_sent_is_cut_off(
    site: Site, mia: Somebody, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pread

    def shrinking(descriptor: int, count: int, offset: int) -> bytes:
        os.truncate(folder / "film", 300_000)
        return whole(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", shrinking)
    head = f"GET {FILM} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {mia.token}\r\n\r\n"
    answer = await raw(site.port, head.encode())
    assert b"content-length: 1048576" in answer
    assert len(answer) < len(CONTENT)


async def test_a_reader_that_leaves_leaves_nothing_open(site: Site, mia: Somebody, folder: Path) -> None:
    (folder / "large").write_bytes(bytes(20_000_000))
    head = f"GET /api/v1/files/file/large HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {mia.token}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head.encode())
    await reader.readexactly(100_000)
    writer.transport.abort()

    def opened() -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(link.is_symlink() and os.path.realpath(link) == str(folder / "large") for link in links)

    async with asyncio.timeout(5):
        while opened():
            await asyncio.sleep(0.02)
