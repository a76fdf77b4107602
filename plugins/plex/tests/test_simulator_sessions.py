"""What is playing, what is told on the websocket and what is posted, as plexapi and a plain websocket see it."""

from __future__ import annotations

import json
import queue
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
import requests
from aiohttp import web
from plexapi.alert import AlertListener
from plexapi.server import PlexServer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.simulators.plex.server import Item, PlexSimulator

NOTIFICATIONS = "/:/websockets/notifications"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def film(plex: PlexSimulator) -> Item:
    return plex.add_movie("The General", year=1926, duration=4_800_000, resolution="4k", video_codec="hevc")


@pytest.fixture
def owner(plex: PlexSimulator, film: Item, session: requests.Session) -> PlexServer:
    return PlexServer(plex.server_url, plex.token(), session=session)


def playing(plex: PlexSimulator, session: requests.Session) -> dict[str, Any]:
    headers = {"Accept": "application/json", "X-Plex-Token": plex.token()}
    return session.get(f"{plex.server_url}/status/sessions", headers=headers).json()["MediaContainer"]


class Heard:
    """What one websocket heard."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.all: list[dict[str, Any]] = []

    def next(self, kind: str, *, state: Any = None) -> dict[str, Any]:
        """The next entry of that kind (and state)."""
        while True:
            said = json.loads(self.socket.recv(timeout=5))["NotificationContainer"]
            self.all.append(said)
            (entry,) = next(value for value in said.values() if isinstance(value, list))
            assert said["size"] == 1
            if said["type"] == kind and state in (None, entry.get("state")):
                return entry


@contextmanager
def listening(plex: PlexSimulator, token: str | None = None, query: str = "") -> Iterator[Heard]:
    url = plex.server_url.replace("http", "ws", 1) + NOTIFICATIONS + query
    before = plex.listeners
    with connect(url, additional_headers={"X-Plex-Token": token or plex.token()}, proxy=None) as socket:
        plex.until(lambda: plex.listeners == before + 1)
        yield Heard(socket)


class TestSessions:
    def test_nothing_playing_is_no_list(self, plex, owner, session):
        assert owner.sessions() == []
        assert playing(plex, session) == {"size": 0}

    def test_plexapi_reads_a_session_from_its_beginning_to_its_end(self, plex, owner, film):
        one = plex.play(plex.world.find("friend"), film, "Apple TV", transcode=True, local=False, offset=60_000)
        (found,) = owner.sessions()
        assert (found.title, found.sessionKey, found.viewOffset) == ("The General", one.key, 60_000)
        assert found.usernames == ["friend"]
        assert (found.player.title, found.player.product, found.player.state) == (
            "Apple TV",
            "Plex for Apple TV",
            "playing",
        )
        assert (found.session.location, found.session.bandwidth) == ("wan", 4000)
        assert found.transcodeSession.videoDecision == "transcode"
        plex.pause(one)
        plex.progress(one, 90_000)
        found.reload()
        assert (found.viewOffset, owner.sessions()[0].player.state) == (90_000, "paused")
        plex.end(one)
        assert owner.sessions() == []
        assert plex.pms.library.view(one.person, film.guid).offset == 90_000

    def test_what_was_played_to_its_end_counts_as_seen(self, plex, owner, film):
        one = plex.play(plex.world.owner, film)
        plex.progress(one, 4_700_000)
        plex.end(one)
        assert owner.library.section("Movies").get("The General").viewCount == 1

    def test_a_direct_play_has_no_transcoding(self, plex, owner, film):
        plex.play(plex.world.owner, film)
        (found,) = owner.sessions()
        assert (found.transcodeSession, found.player.local, found.media[0].videoResolution) == (None, True, "4k")
        assert found.media[0].parts[0].decision == "directplay"

    def test_a_track_and_an_episode_tell_what_they_belong_to(self, plex, owner):
        album = plex.add_album(plex.add_artist("The Lanterns"), "First Light", tracks=2)
        show = plex.add_show("Salt Road", seasons=1, episodes=1)
        for leaf in (*plex.pms.library.children(album.rating_key)[:1], *plex.pms.library.leaves(show.rating_key)):
            plex.play(plex.world.owner, plex.pms.library.get(leaf), "Plexamp")
        track, episode = owner.sessions()
        assert (track.grandparentTitle, track.parentTitle, track.type) == ("The Lanterns", "First Light", "track")
        assert (episode.grandparentTitle, episode.seasonEpisode) == ("Salt Road", "s01e01")

    def test_numbers_are_strings_but_for_those_of_player_session_and_transcoding(self, plex, session, film):
        plex.play(plex.world.owner, film, transcode=True)
        (one,) = playing(plex, session)["Metadata"]
        assert (one["viewOffset"], one["year"], one["librarySectionID"], one["User"]["id"]) == ("0", "1926", "1", "1")
        assert one["Media"][0]["Part"][0]["selected"] == "1"
        assert (one["Player"]["local"], one["Player"]["userID"], one["Session"]["bandwidth"]) == (True, 1, 4000)
        assert isinstance(one["TranscodeSession"]["speed"], float)

    def test_an_older_server_has_another_list(self, plex, session, film):
        plex.pms.older = True
        plex.play(plex.world.owner, film)
        assert set(playing(plex, session)) == {"size", "Video"}

    @pytest.mark.parametrize(
        ("fault", "parts"),
        [
            ("no_session", {"Session"}),
            ("no_transcode", {"TranscodeSession"}),
            ("no_user", {"User"}),
            ("no_player", {"Player"}),
            ("bare", {"Session", "TranscodeSession", "User", "Player", "Media"}),
        ],
    )
    def test_parts_may_be_missing(self, plex, session, film, fault, parts):
        plex.play(plex.world.owner, film, transcode=True)
        whole = set(playing(plex, session)["Metadata"][0])
        plex.faults.set("sessions", fault)
        assert whole - set(playing(plex, session)["Metadata"][0]) == parts

    def test_an_owner_ends_somebodys_session(self, plex, owner, film):
        plex.play(plex.world.find("friend"), film)
        owner.sessions()[0].stop("Bedtime")
        assert owner.sessions() == []
        assert plex.asked_of("terminate")[0].query["reason"] == "Bedtime"


class TestNotifications:
    def test_plexapis_listener_hears_what_is_played(self, plex, owner, film):
        heard: queue.Queue[dict[str, Any]] = queue.Queue()
        port = int(plex.server_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as ours:
            listener = AlertListener(owner, heard.put, ws_socket=ours)
            listener.start()
            plex.until(lambda: plex.listeners == 1)
            one = plex.play(plex.world.owner, film)
            plex.end(one)
            states = [heard.get(timeout=5)["PlaySessionStateNotification"][0]["state"] for _ in range(2)]
            assert states == ["playing", "stopped"]
            plex.kick()  # plexapi's own way to stop may wait for seconds
            listener.join(5)
        assert not listener.is_alive()

    def test_what_is_played_is_told_in_the_shape_that_was_seen(self, plex, film):
        with listening(plex) as heard:
            one = plex.play(plex.world.owner, film, transcode=True)
            assert heard.next("transcodeSession.start")["key"] == one.transcode_key
            said = heard.next("playing")
            plex.progress(one, 61_000)
            assert heard.next("playing")["viewOffset"] == 61_000
            plex.pause(one)
            assert heard.next("playing", state="paused")["ratingKey"] == str(film.rating_key)
        assert said.pop("transcodeSession") == one.transcode_key.rpartition("/")[2]
        assert said == {
            "sessionKey": str(one.key),
            "clientIdentifier": one.client,
            "guid": "",
            "ratingKey": str(film.rating_key),
            "url": "",
            "key": f"/library/metadata/{film.rating_key}",
            "viewOffset": 0,
            "playQueueItemID": 11,
            "playQueueID": 1,
            "state": "playing",
        }

    def test_an_added_season_is_told_episode_by_episode(self, plex):
        show = plex.add_show("Salt Road")
        with listening(plex) as heard:
            season = plex.add_season(show, episodes=2)
            first = heard.next("timeline")
            assert (first["itemID"], first["sectionID"], first["type"]) == (
                str(season.rating_key),
                str(show.section),
                3,
            )
            assert (first["state"], first["metadataState"]) == (0, "created")
            created = [heard.next("timeline", state=0) for _ in range(2)]
            assert [(one["type"], one["title"]) for one in created] == [(4, "Episode 1"), (4, "Episode 2")]
            assert "metadataState" not in heard.next("timeline", state=5)

    def test_edits_and_deletions_are_told(self, plex, film):
        with listening(plex) as heard:
            plex.change(film, title="The Corporal")
            assert heard.next("timeline", state=5)["title"] == "The Corporal"
            plex.delete(film)
            assert heard.next("timeline", state=9)["metadataState"] == "deleted"

    def test_a_scan_is_an_activity(self, plex, session, film):
        plex.put_movie("Found", "/media/movies/Found/Found.mkv")
        with listening(plex) as heard:
            headers = {"X-Plex-Token": plex.token()}
            path = "/library/sections/1/refresh?path=/media/movies/Found"
            answer = session.get(plex.server_url + path, headers=headers)
            started = heard.next("activity")
            assert (started["event"], started["Activity"]["type"]) == ("started", "library.update.section")
            assert started["uuid"] == started["Activity"]["uuid"] == answer.headers["X-Plex-Activity"]
            assert started["Activity"]["Context"] == {"librarySectionID": "1"}
            assert heard.next("status")["title"] == 'Scanning the "Movies" section'
            assert heard.next("timeline", state=0)["title"] == "Found"
            assert heard.next("activity")["event"] == "ended"
            assert heard.next("status")["notificationName"] == "LIBRARY_UPDATE"

    def test_a_friend_hears_of_their_own_playing_and_their_sections_alone(self, plex, film):
        friend = plex.world.find("friend")
        shows = plex.add_section("Shows", "show")
        plex.share(friend, [shows])
        with listening(plex, plex.token(friend)) as heard:
            plex.play(plex.world.owner, film)
            plex.change(film, title="Secret")
            plex.add_show("Salt Road", shows)
            plex.play(friend, film)
            assert heard.next("timeline")["title"] == "Salt Road"
            heard.next("playing")
        assert len([one for one in heard.all if one["type"] == "playing"]) == 1

    @pytest.mark.parametrize(
        ("query", "kinds"), [("?filters=playing", {"playing"}), ("?filters=-timeline", {"playing"})]
    )
    def test_filters_leave_kinds_out(self, plex, film, query, kinds):
        with listening(plex, query=query) as heard:
            plex.change(film, title="Unheard")
            plex.play(plex.world.owner, film)
            heard.next("playing")
        assert {one["type"] for one in heard.all} == kinds

    def test_a_mute_server_and_one_that_talks_nonsense(self, plex, film):
        with listening(plex) as heard:
            plex.mute()
            plex.change(film, title="Never told")
            plex.mute(False)
            plex.say('{"NotificationContainer":{"type":"pla')
            with pytest.raises(ValueError, match="Unterminated"):
                heard.next("playing")
            plex.reachable(False)
            assert heard.next("reachability") == {"reachability": False}

    @pytest.mark.parametrize("how", ["kick", "stop"])
    def test_sockets_end_when_the_server_ends_them(self, plex, film, how):
        with listening(plex) as heard:
            getattr(plex, how)()
            assert list(heard.socket) == []
        assert plex.listeners == 0

    def test_a_stranger_gets_no_socket(self, plex, film):
        with pytest.raises(InvalidStatus) as refused, listening(plex, "nobody's token"):
            pass
        assert refused.value.response.status_code == 401


class TestWebhooks:
    @pytest.fixture
    async def posted(self) -> Any:
        """The URL of somebody who takes webhooks, and what came."""
        came: list[tuple[dict[str, Any], bytes | None, str]] = []

        async def take(request: web.Request) -> web.Response:
            form = await request.post()
            thumb = form.get("thumb")
            picture = thumb.file.read() if isinstance(thumb, web.FileField) else None
            came.append((json.loads(form["payload"]), picture, request.content_type))
            return web.Response(status=202)

        app = web.Application()
        app.router.add_post("/hook", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", came
        await runner.cleanup()

    async def test_a_webhook_is_a_form_with_json_and_maybe_a_picture(self, plex, film, posted):
        url, came = posted
        one = plex.play(plex.world.find("friend"), film, "Pixel", offset=1000)
        assert await plex.webhook(url, "media.play", one, thumb=True) == 202
        assert await plex.webhook(url, "library.new", film) == 202
        (played, picture, kind), (added, nothing, _) = came
        assert (kind, picture[:3], nothing) == ("multipart/form-data", b"\xff\xd8\xff", None)
        assert (played["event"], played["user"], played["owner"]) == ("media.play", False, True)
        assert (played["Account"]["title"], played["Player"]["title"]) == ("friend", "Pixel")
        assert played["Server"]["uuid"] == plex.world.home.machine_identifier
        assert (played["Metadata"]["ratingKey"], played["Metadata"]["viewOffset"]) == (str(film.rating_key), 1000)
        assert ("Player" in added, added["Metadata"]["librarySectionType"]) == (False, "movie")

    async def test_nobody_there_is_a_0(self, plex, film):
        assert await plex.webhook("http://127.0.0.1:1/", "media.stop", film) == 0


async def test_websockets_of_aiohttp_hear_the_same(plex, film):
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.ws_connect(plex.server_url + NOTIFICATIONS, headers={"X-Plex-Token": plex.token()}) as socket,
    ):
        await plex.reached(lambda: plex.listeners == 1)
        plex.play(plex.world.owner, film)
        assert (await socket.receive_json(timeout=5))["NotificationContainer"]["type"] == "playing"


def test_knobs_may_be_turned_from_the_simulators_own_thread(plex, film, session):
    check: Callable[[], object] = lambda: plex.change(film, title="Meanwhile")  # noqa: E731
    plex.after("sessions", check)
    playing(plex, session)
    assert film.title == "Meanwhile"
