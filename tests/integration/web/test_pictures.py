"""Pictures by their ids: whose they are is in the id, what they are is looked at, and nothing of the file gets through."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from medianest_hub.infrastructure.http_client.public import PublicFetcher
from medianest_hub.plugin_api import errors
from medianest_hub.plugin_host.services.images import PATH, ImageLinks, PictureRef
from medianest_hub.testing import FakeUpstream
from medianest_hub.web.pictures.gallery import Gallery

from .conftest import Install, Reply, Site, StartSite
from .pictures import PLUGIN, encoded, hostile, noise, plain, shown


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("gallery", PLUGIN)
    return await start_site()


def plugin() -> Any:
    return sys.modules["synthetic_gallery.plugin"]


async def link(site: Site, ref: str, **more: str | int) -> str:
    reply = await site.get("/api/v1/gallery/link", params={"ref": ref, **more})
    assert reply.status == 200, reply.body
    return str(reply.json()["link"])


async def show(site: Site, ref: str, content: bytes | Exception, **more: Any) -> Reply:
    plugin().shelf[ref] = content
    return await site.get(await link(site, ref, **more))


async def test_a_picture_is_shown_small_and_clean(site: Site) -> None:
    reply = await show(site, "a", encoded(noise(800, 600), "JPEG"), width=300)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "image/webp"
    assert shown(reply.body).size == (320, 240)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert plugin().asked == [("a", 320, 0)]


async def test_the_same_link_all_day_and_the_browser_need_not_load_it_twice(site: Site) -> None:
    first = await show(site, "a", encoded(plain(), "PNG"), width=100)
    assert await link(site, "a", width=100) == await link(site, "a", width=150)  # the same step
    assert await link(site, "a", width=100) != await link(site, "a", width=200)
    path = await link(site, "a", width=100)
    again = await site.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    head = await site.call("HEAD", path)
    assert head.status == 200
    assert head.headers["Content-Length"] == str(len(first.body))
    assert len(plugin().asked) == 1


async def test_an_id_that_was_not_made_here_is_nothing(site: Site) -> None:
    for path in ("x", "%00", "a" * 1600, "a" * 3000, "-_-_", "ÄÖ", "..%2f..%2fetc%2fpasswd"):
        reply = await site.get(f"/api/v1/images/{quote(path, safe='%')}")
        assert reply.status in (400, 404), path
    assert plugin().asked == []


async def test_a_changed_id_is_nothing(site: Site) -> None:
    good = await link(site, "a")
    plugin().shelf["a"] = encoded(plain(), "PNG")
    for at in range(len(PATH), len(good), 7):
        bad = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        reply = await site.get(bad)
        assert reply.status == 404, bad
        assert reply.json()["code"] == "no_such_picture"
    assert plugin().asked == []


async def test_an_expired_link_is_gone_and_one_of_yesterday_is_not(site: Site) -> None:
    plugin().shelf["a"] = encoded(plain(), "PNG")
    picture = PictureRef("gallery", "main", "poster", "a")
    day = 86400

    def made_at(ago: float) -> str:
        return ImageLinks(site.parts.secrets, lambda: time.time() - ago).link(picture)

    assert (await site.get(made_at(day))).status == 200
    gone = await site.get(made_at(2 * day))
    assert (gone.status, gone.json()["code"]) == (410, "link_expired")


async def test_a_link_made_under_the_key_before_still_opens(install: Install, start_site: StartSite) -> None:
    install("gallery", PLUGIN)
    old, new = "o" * 40, "n" * 40
    before = await start_site(secret_key=old)
    plugin().shelf["a"] = encoded(plain(), "PNG")
    path = await link(before, "a")
    after = await start_site(secret_key=f"{new} {old}")
    assert (await after.get(path)).status == 200
    assert await link(after, "a") != path
    stranger = await start_site(secret_key=new)
    assert (await stranger.get(path)).status == 404


async def test_no_link_is_made_to_what_cannot_be_shown(site: Site) -> None:
    refused: dict[str, dict[str, Any]] = {
        "unknown_image_source": {"source": "other"},
        "bad_image_ref": {"ref": "x" * 1001},
        "bad_image_size": {"width": -1},
    }
    for code, wanted in refused.items():
        reply = await site.get("/api/v1/gallery/link", params={"ref": "a", **wanted})
        assert (reply.status, reply.json()["code"]) == (400, code)


async def test_what_is_no_good_picture_is_refused(site: Site) -> None:
    verdicts = {}
    for name, make in hostile().items():
        reply = await show(site, name, make())
        assert b"alert" not in reply.body
        verdicts[name] = (reply.status, reply.json()["code"])
    assert verdicts == dict.fromkeys(hostile(), (502, "picture_unusable"))


async def test_every_usual_kind_is_shown(site: Site) -> None:
    kinds = {
        "JPEG": ("RGB", "CMYK", "L"),
        "PNG": ("RGB", "RGBA", "P", "LA", "1", "I;16"),
        "GIF": ("P", "L"),
        "WEBP": ("RGB", "RGBA"),
        "AVIF": ("RGB",),
    }
    for kind, modes in kinds.items():
        for mode in modes:
            raw = encoded(plain(colour=None if mode == "P" else 0, mode=mode), kind)
            reply = await show(site, f"{kind} {mode}", raw, width=96)
            assert (reply.status, shown(reply.body).size) == (200, (96, 72)), (kind, mode)


async def test_sixteen_bits_keep_their_brightness(site: Site) -> None:
    reply = await show(site, "a", encoded(plain(colour=0x8000, mode="I;16"), "PNG"))
    assert abs(shown(reply.body).getpixel((5, 5))[0] - 0x80) < 3  # type: ignore[index]


async def test_a_line_of_a_picture_does_no_harm(site: Site) -> None:
    for width, height in ((1, 65_000), (65_000, 1)):
        reply = await show(site, f"{width}", encoded(plain(width, height), "PNG"))
        assert reply.status == 200
        assert max(shown(reply.body).size) == 2048


async def test_of_an_animation_the_first_frame_is_shown(site: Site) -> None:
    frames = [plain(60, 60, colour) for colour in ("red", "blue", "green")]
    reply = await show(site, "a", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    picture = shown(reply.body)
    assert not getattr(picture, "is_animated", False)
    assert picture.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]


async def test_it_stands_upright_and_says_nothing_of_where_it_was_taken(site: Site) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    exif[0x010E] = "secret garden" * 1000
    exif.get_ifd(0x8825)[1] = "N"
    picture = plain(400, 200, "blue")
    picture.paste("red", (0, 0, 200, 200))  # its left half, which is the upper one once it is turned
    raw = encoded(picture, "JPEG", exif=exif, icc_profile=b"profile" * 100, quality=95)
    assert b"secret garden" in raw
    reply = await show(site, "a", raw, height=96)
    upright = shown(reply.body)
    assert upright.size == (48, 96)
    assert upright.getpixel((24, 10))[0] > 200  # type: ignore[index]
    assert upright.getpixel((24, 85))[2] > 200  # type: ignore[index]
    assert not upright.getexif()
    for trace in (b"secret garden", b"EXIF", b"ICCP", b"profile", b"XMP"):
        assert trace not in reply.body


async def test_what_hides_behind_a_picture_stays_behind(site: Site) -> None:
    raw = encoded(plain(), "PNG") + b"<script>alert(1)</script>PK\x03\x04"
    reply = await show(site, "a", raw)
    assert reply.status == 200
    assert b"alert" not in reply.body
    assert b"PK\x03\x04" not in reply.body


async def test_more_than_the_source_declared_is_refused(site: Site) -> None:
    plugin().shelf["a"] = encoded(noise(200, 200), "PNG")
    reply = await site.get(await link(site, "a", source="small"))
    assert (reply.status, reply.json()["code"]) == (502, "upstream_error")


async def test_all_who_ask_at_once_are_one_question_to_the_service(site: Site) -> None:
    plugin().shelf["a"] = encoded(plain(), "PNG")
    gate = plugin().gates["a"] = asyncio.Event()
    path = await link(site, "a")
    calls = [asyncio.create_task(site.get(path)) for _ in range(20)]
    while not plugin().asked:
        await asyncio.sleep(0.01)
    calls[0].cancel()  # whoever asked first goes away
    gate.set()
    replies = await asyncio.gather(*calls[1:])
    assert {reply.status for reply in replies} == {200}
    assert len(plugin().asked) == 1


async def test_a_broken_poster_does_not_hammer_its_service(site: Site) -> None:
    plugin().shelf["a"] = errors.UpstreamError("no luck", service="gallery")
    path = await link(site, "a")
    for _ in range(5):
        assert (await site.get(path)).status == 502
    assert len(plugin().asked) == 1


async def test_a_source_that_is_broken_is_no_500(site: Site) -> None:
    said: dict[str, Any] = {"raises": ValueError("secret words"), "text": "a text", "number": 7}
    for wrong, answer in said.items():
        reply = await show(site, wrong, answer)
        assert (reply.status, reply.json()["code"]) == (502, "upstream_error")
        assert b"secret words" not in reply.body


async def test_while_the_service_is_away_the_last_picture_is_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = await show(site, "a", encoded(plain(), "PNG"))
    monkeypatch.setattr("medianest_hub.web.pictures.gallery.FRESH_SECONDS", 0)
    plugin().shelf["a"] = errors.UpstreamError("no luck", service="gallery")
    stale = await site.get(await link(site, "a"))
    assert (stale.status, stale.body) == (200, fresh.body)
    assert stale.headers["Cache-Control"] == "private, max-age=60"
    plugin().shelf["b"] = plugin().shelf["a"]
    assert (await site.get(await link(site, "b"))).status == 502
    del plugin().shelf["a"]
    site.parts.of_room(Gallery)._failing._failures.clear()
    assert (await site.get(await link(site, "a"))).status == 404  # gone is not away


async def test_a_plugin_that_is_switched_off_shows_nothing(site: Site) -> None:
    path = await link(site, "a")
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    await site.parts.host.wanted.set_enabled("gallery", False)
    await site.parts.host.reconcile()
    off = await site.get(path)
    assert (off.status, off.json()["code"]) == (404, "plugin_disabled")


async def test_with_other_settings_a_picture_is_asked_for_again(site: Site) -> None:
    """Perhaps it is another service now, whose pictures have the same names."""
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    await site.parts.host.wanted.restart("gallery")
    await site.parts.host.reconcile()
    await site.hub.host.runtimes["gallery"].settled()
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    assert len(plugin().asked) == 2


async def test_pictures_have_a_limit_of_their_own(install: Install, start_site: StartSite) -> None:
    install("gallery", PLUGIN)
    site = await start_site(limits__images="3/hour", limits__api="5/hour")
    path = await link(site, "a")
    assert [(await site.get(path)).status for _ in range(4)] == [404, 404, 404, 429]
    assert (await site.get("/api/v1/gallery/link", params={"ref": "a"})).status == 200  # of `api` one is used so far


async def test_the_folder_may_go_away_and_be_full_of_rubbish(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cache" / "images"
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-10])  # the machine went down in the middle of it
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    assert len(plugin().asked) == 2
    kept.unlink()
    folder.rmdir()
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    assert len(plugin().asked) == 3
    assert len(list(folder.iterdir())) == 1


async def test_a_folder_that_cannot_be_written_to_costs_only_time(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "cache").write_text("in the way")
    for _ in range(2):
        assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    assert len(plugin().asked) == 2


async def test_a_second_process_finds_what_the_first_one_kept(site: Site, start_site: StartSite) -> None:
    other = await start_site()
    path = await link(site, "a")
    assert (await show(site, "a", encoded(plain(), "PNG"))).status == 200
    assert (await other.get(path)).status == 200
    assert len(plugin().asked) == 1


# People's pictures


async def avatar_of(site: Site, upstream: FakeUpstream, address: str | None) -> str | None:
    mia = await site.person()
    await site.parts.db.execute("UPDATE medianest.users SET avatar = $2 WHERE id = $1", mia.id, address)
    return site.parts.images.avatar_link(mia.id, address)


@pytest.fixture
def open_house(site: Site) -> None:
    """As if this machine were on the internet."""
    fetcher = PublicFetcher(allowed=lambda address: address.is_loopback, schemes=("http",))
    site.parts._of_rooms[Gallery] = Gallery(site.parts, fetcher)


@pytest.mark.usefixtures("open_house")
async def test_somebodys_picture_comes_through_the_hub(site: Site, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/mia.png", body=encoded(plain(500, 500), "PNG"))
    path = await avatar_of(site, fake_upstream, f"{fake_upstream.url}/mia.png")
    assert path is not None
    assert fake_upstream.url not in path
    me = await site.get("/api/v1/users/me", by=await site.person())
    assert me.json()["avatar"] == path
    assert fake_upstream.url.encode() not in me.body
    reply = await site.get(path)
    assert (reply.status, shown(reply.body).size) == (200, (240, 240))
    # With another address the link is another one, and the one before leads nowhere new.
    await site.parts.db.execute("UPDATE medianest.users SET avatar = 'http://other.example/'")
    site.parts._of_rooms[Gallery]._failing._failures.clear()
    assert await avatar_of(site, fake_upstream, f"{fake_upstream.url}/other.png") != path
    assert await avatar_of(site, fake_upstream, None) is None
    assert len(fake_upstream.requests) == 1


async def test_a_picture_at_home_is_not_fetched_for_anybody(site: Site, fake_upstream: FakeUpstream) -> None:
    for address in (f"{fake_upstream.url}/mia.png", f"https://{fake_upstream.url.removeprefix('http://')}/mia.png"):
        path = await avatar_of(site, fake_upstream, address)
        assert path is not None
        reply = await site.get(path)
        assert (reply.status, reply.json()["code"]) == (502, "upstream_error")
        assert fake_upstream.url.encode() not in reply.body
    assert fake_upstream.requests == []


async def test_the_picture_of_somebody_who_is_gone_is_gone(site: Site, fake_upstream: FakeUpstream) -> None:
    path = await avatar_of(site, fake_upstream, "https://pictures.example/mia.png")
    await site.parts.db.execute("UPDATE medianest.users SET avatar = NULL")
    assert path is not None
    assert (await site.get(path)).status == 404
