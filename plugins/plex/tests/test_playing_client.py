"""What `/status/sessions` and the notifications are read as: recorded ones, those of the simulator, and odd ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from medianest_hub.plugin_api.errors import AuthFailed, HubError, UpstreamError, UpstreamTimeout
from medianest_plex.client import sessions as client
from medianest_plex.client.notices import Told, read_notices
from medianest_plex.client.session_shapes import SessionEntry, SessionsAnswer
from medianest_plex.client.sessions import Playing, PlexSessions, playing_of

RECORDED = Path(__file__).parents[4] / "shared" / "captures" / "plex"
SINGLE = {"User", "Player", "Session", "TranscodeSession"}

recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings of real services are not here")


def as_json(element: ElementTree.Element) -> dict[str, Any]:
    """A recording in XML as the same server has it in JSON."""
    said: dict[str, Any] = dict(element.attrib)
    for child in element:
        if child.tag in SINGLE:
            said[child.tag] = as_json(child)
        else:
            said.setdefault(child.tag, []).append(as_json(child))
    return said


def recorded(name: str) -> list[Playing]:
    path = RECORDED / name
    said = json.loads(path.read_text()) if path.suffix == ".json" else None
    if said is None:
        said = {"MediaContainer": as_json(ElementTree.parse(path).getroot())}
    entries = SessionsAnswer.model_validate(said).container.entries
    return [playing_of(entry) for entry in entries]


def entry(**fields: Any) -> Playing:
    return playing_of(SessionEntry.model_validate({"sessionKey": "1", **fields}))


@pytest.fixture
def sessions(settled, plex) -> PlexSessions:
    settings = settled.settings
    token = plex.world.token(plex.world.owner)
    return PlexSessions(settled.http, settings.url, settings.product, "client", settings.tls, token)


@recordings
def test_a_session_of_an_older_server_is_read_from_the_list_called_video():
    (one,) = recorded("json/sessions-plexweb-2017-old-Video-key.json")
    assert (one.session_key, one.account_id, one.account_name) == ("1", None, "")
    assert (one.item.rating_key, one.item.kind, one.item.year) == (49153, "movie", 2003)
    assert one.item.duration_ms == 3911960
    assert (one.player, one.product, one.address, one.is_local) == (
        "Plex Web (Chrome)",
        "Plex Web",
        "172.16.1.103",
        True,
    )
    assert (one.video_decision, one.audio_decision, one.decision) == ("copy", "transcode", "transcode")
    assert (one.bandwidth_kbps, one.state, one.progress_ms) == (5628, "playing", 0)


@recordings
def test_a_track_on_plexamp_is_read_and_has_neither_session_nor_transcoding():
    (one,) = recorded("json/sessions-plexamp-2022.json")
    assert (one.session_key, one.account_id, one.account_name) == ("453", 1, "Sentryism")
    assert (one.item.kind, one.item.grandparent_title, one.item.title) == ("track", "OutKast", "Roses")
    assert (one.progress_ms, one.decision, one.resolution, one.is_local) == (258, "direct", "", False)
    assert one.item.section_key == 4


@recordings
def test_what_nobody_knows_is_read_as_what_it_is():
    (one,) = recorded("home-assistant/session_unknown.xml")
    assert (one.item.kind, one.item.title, one.item.rating_key) == ("clip", "some_unknown_item", 9876543210)
    assert (one.item.section_key, one.decision, one.resolution) == (-3, "transcode", "sd")


@recordings
def test_a_transcoded_film_says_what_is_done_to_picture_and_sound():
    (one,) = recorded("home-assistant/session_base.xml")
    assert (one.video_decision, one.audio_decision, one.decision) == ("copy", "transcode", "transcode")
    assert (one.resolution, one.bandwidth_kbps, one.address) == ("720p", 7000, "1.2.3.11")
    assert (one.player_id, one.is_local) == ("1234567890123456-com-plexapp-android", True)


@recordings
def test_live_television_is_read():
    (one,) = recorded("home-assistant/livetv_sessions.xml")
    assert (one.item.kind, one.item.title, one.decision) == ("live", "The Price Is Right", "copy")
    assert one.item.thumb == ""  # an address elsewhere: pictures come from our server alone


@pytest.mark.parametrize("older", [False, True])
async def test_sessions_of_a_server_are_read_whatever_the_list_is_called(sessions, plex, older):
    film = plex.add_movie("Metropolis", plex.add_section("Movies"))
    track = plex.add_track(
        plex.add_album(plex.add_artist("Kraftwerk", plex.add_section("Music", "artist")), "TEE"), "TEE"
    )
    plex.pms.older = older
    plex.play(plex.world.find("friend"), film, offset=61_000, transcode=True)
    plex.play(plex.world.owner, track, "Plexamp", local=False)
    video, music = await sessions.playing()
    assert (video.item.title, video.progress_ms, video.decision) == ("Metropolis", 61_000, "transcode")
    assert video.account_id == plex.world.find("friend").id
    assert (music.item.kind, music.item.grandparent_title, music.account_id) == ("track", "Kraftwerk", 1)
    assert (music.is_local, music.address) == (False, "198.51.100.7")


async def test_an_empty_list_is_no_list_at_all(sessions, plex):
    assert await sessions.playing() == []
    plex.faults.set("sessions", "empty_list")
    assert await sessions.playing() == []


@pytest.mark.parametrize("fault", ["no_session", "no_transcode", "no_user", "no_player", "bare"])
async def test_parts_may_be_missing(sessions, plex, fault):
    plex.play(plex.world.owner, plex.add_movie("Metropolis", plex.add_section("Movies")), transcode=True)
    plex.faults.set("sessions", fault)
    (one,) = await sessions.playing()
    assert (one.session_key, one.item.title) == ("1", "Metropolis")


async def test_the_token_goes_in_a_header_and_never_in_an_address(sessions, plex):
    await sessions.playing()
    async with sessions.notifications():
        pass
    for one in (*plex.asked_of("sessions"), *plex.asked_of("notifications")):
        assert plex.world.bearer(one.headers["X-Plex-Token"]) is plex.world.owner
        assert "X-Plex-Token" not in one.query


@pytest.mark.parametrize("fault", ["html_401", "json_403"])
async def test_a_refused_token_is_the_field_to_look_at(sessions, plex, fault):
    plex.faults.set("sessions", fault)
    with pytest.raises(AuthFailed) as refused:
        await sessions.playing()
    assert [problem.field for problem in refused.value.fields] == ["token"]


@pytest.mark.parametrize(
    "fault",
    ["hang", "reset", "empty", "cut", "html", "not_json", "half_json", "xml", "other_shape", "nothing", "500", "503"],
)
async def test_every_other_fault_is_an_error_that_names_the_service(sessions, plex, fault, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    if fault == "hang":
        monkeypatch.setattr(client, "_DEADLINE", 0.4)
    plex.play(plex.world.owner, plex.add_movie("Metropolis", plex.add_section("Movies")))
    plex.faults.set("sessions", fault)
    with pytest.raises(UpstreamTimeout if fault == "hang" else UpstreamError, match="Plex server") as caught:
        await sessions.playing()
    assert caught.value.message.endswith(".")
    if fault == "other_shape":
        assert caught.value.field == "MediaContainer"
    plex.faults.clear()
    assert len(await sessions.playing()) == 1


async def test_another_shape_within_the_list_is_named(sessions, fake_upstream, settled):
    fake_upstream.answer("GET", "/status/sessions", json={"MediaContainer": {"Metadata": [{"Player": 7}]}})
    elsewhere = PlexSessions(settled.http, fake_upstream.url, "Hub", "client", settled.settings.tls, "some-token")
    with pytest.raises(HubError) as caught:
        await elsewhere.playing()
    assert caught.value.params == {
        "service": "Plex server's list of sessions",
        "field": "MediaContainer.Metadata.0.Player",
    }


def test_what_is_only_shown_is_missing_where_it_cannot_be_read():
    one = entry(
        type="movie", title=None, year="soon", viewOffset="", duration="-5", ratingKey="5c038b3e48a2d2001de6a1a6"
    )
    assert (one.item.title, one.item.year, one.progress_ms, one.item.duration_ms) == ("?", None, 0, None)
    assert (one.item.rating_key, one.state) == (None, None)


def test_parts_that_are_null_are_missing():
    one = entry(type="movie", title="x", User=None, Player=None, Session=None, TranscodeSession=None, Media=None)
    assert (one.account_id, one.player, one.decision) == (None, "", "direct")
    assert SessionsAnswer.model_validate({"MediaContainer": {"Metadata": None}}).container.entries == []


def test_numbers_beyond_any_column_are_none():
    one = entry(type="movie", title="x", ratingKey="9" * 30, librarySectionID="9" * 12, year=10**12, duration="1e999")
    assert (one.item.rating_key, one.item.section_key, one.item.year, one.item.duration_ms) == (None, None, None, None)


def test_a_kind_that_is_no_word_is_another_one():
    assert entry(type="<b>", title="x").item.kind == "other"
    assert entry(title="x").item.kind == "other"


@pytest.mark.parametrize(
    ("media", "transcoding", "decision"),
    [
        ({"Part": [{"decision": "directplay"}]}, None, "direct"),
        ({}, None, "direct"),
        ({}, {"videoDecision": "copy", "audioDecision": "copy"}, "copy"),
        ({}, {}, "copy"),
        ({}, {"videoDecision": "transcode"}, "transcode"),
        ({"Part": [{"decision": "transcode", "Stream": [{"streamType": "1", "decision": "copy"}]}]}, None, "copy"),
    ],
)
def test_the_most_that_is_done_decides(media, transcoding, decision):
    assert entry(type="movie", title="x", Media=[media], TranscodeSession=transcoding).decision == decision


@pytest.mark.parametrize(("told", "shown"), [("1080", "1080p"), ("4k", "4k"), ("SD", "sd"), ("720p", "720p"), ("", "")])
def test_resolutions_are_written_one_way(told, shown):
    assert entry(type="movie", title="x", Media=[{}, {"videoResolution": told, "selected": "1"}]).resolution == shown


def test_a_session_without_a_key_cannot_be_told_apart_and_is_left_out():
    found = SessionsAnswer.model_validate({"MediaContainer": {"Metadata": [{"title": "x"}]}}).container.entries
    assert [one.session_key for one in found] == [""]


def test_notifications_of_playing_are_read():
    said = {"type": "playing", "PlaySessionStateNotification": [{"sessionKey": 7, "ratingKey": "5", "state": "paused"}]}
    notices = read_notices(json.dumps({"NotificationContainer": said}))
    assert notices is not None
    assert notices.sessions == (Told("7", 5, "paused", None),)
    assert notices.changed == ()


@pytest.mark.parametrize(("state", "changed"), [(5, (12,)), ("9", (12,)), (0, ()), (3, ()), (None, ())])
def test_only_what_is_processed_or_gone_is_a_change_of_the_library(state, changed):
    item = {"identifier": "com.plexapp.plugins.library", "itemID": "12", "state": state}
    said = {"NotificationContainer": {"type": "timeline", "TimelineEntry": [item]}}
    notices = read_notices(json.dumps(said))
    assert notices is not None
    assert notices.changed == changed


def test_other_plugins_of_the_server_are_no_library():
    item = {"identifier": "com.plexapp.plugins.other", "itemID": "12", "state": 5}
    notices = read_notices(json.dumps({"NotificationContainer": {"type": "timeline", "TimelineEntry": [item]}}))
    assert notices is not None
    assert notices.changed == ()


@pytest.mark.parametrize("said", ["", "{", "[]", '{"NotificationContainer": []}', b"\xff\x00", "null"])
def test_what_cannot_be_read_is_none(said):
    assert read_notices(said) is None


@pytest.mark.parametrize("kind", ["status", "activity", "reachability", "something.new"])
def test_what_is_not_used_is_let_pass(kind):
    notices = read_notices(json.dumps({"NotificationContainer": {"type": kind, "size": 1, "Other": [1, "x"]}}))
    assert notices is not None
    assert (notices.sessions, notices.changed) == ((), ())
