"""The simulated server answers in the shapes others recorded from real ones, and in those of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import requests
import yaml

from tests.simulators.plex import webhook
from tests.simulators.plex.server import Item, PlexSimulator

RECORDED = Path(__file__).parents[4] / "shared" / "captures" / "plex"

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings of real services are not here")

OF_A_STREAMING_SERVICE = {"attribution", "oneShot", "remoteMedia", "sourceKey", "source"}
"""Of a track of a streaming service that plays through the server; the simulator has files alone."""
OF_OLD_SERVERS = {"banner"}
OF_LISTS_ONCE = {"mixedParents", "librarySectionUUID", "allowSync", "nocache", "sortAsc", "title"}
"""Fields that moved from the entries to the container, or the other way, in the years since the recording."""
COUNTED = {"count"}
"""How many items have a tag: old agents told it."""


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(yaml.load((RECORDED / "openapi.yml").read_text(), Loader=loader))


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def film(plex: PlexSimulator) -> Item:
    """One with everything a film can have."""
    film = plex.add_movie(
        "Hidden Harbour",
        year=2017,
        studio="Lantern Pictures",
        content_rating="PG",
        rating=9.3,
        audience_rating=9.4,
        tagline="Where the boats go.",
        summary="Boats.",
        genres=("Drama", "History"),
        directors=("Ada North",),
        writers=("Bo South",),
        countries=("Netherlands",),
        roles=(("Cleo East", "The pilot"),),
        ids=("imdb://tt4846340", "tmdb://381284"),
        audio_codec="dca",
        extra={"Producer": [{"id": 9, "filter": "producer=9", "tag": "Di West"}]},
    )
    plex.watch(plex.world.owner, film, count=1, offset=1000)
    return film


@pytest.fixture
def episode(plex: PlexSimulator, film: Item) -> Item:
    show = plex.add_show(
        "Salt Road", content_rating="TV-Y", studio="Lantern TV", audience_rating=8.0, genres=("Drama",)
    )
    season = plex.add_season(show)
    made = plex.add_episode(
        season, audience_rating=8.5, originally_available_at="2021-12-05", ids=("imdb://tt1", "tvdb://1", "tmdb://1")
    )
    plex.watch(plex.world.owner, made, count=1, offset=342_000)
    return made


@pytest.fixture
def track(plex: PlexSimulator, film: Item) -> Item:
    album = plex.add_album(plex.add_artist("The Lanterns"), "First Light", studio="Arista", year=2003)
    made = plex.add_track(album, "Roses", originally_available_at="2003-09-23")
    plex.watch(plex.world.owner, made)
    return made


@pytest.fixture
def ask(plex: PlexSimulator, session: requests.Session) -> Any:
    """`ask(path)` is the container as JSON, `ask(path, xml=True)` the root of its XML."""

    def ask(path: str, *, xml: bool = False) -> Any:
        headers = {"Accept": "text/xml" if xml else "application/json", "X-Plex-Token": plex.token()}
        answer = session.get(plex.server_url + path, headers=headers)
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.content) if xml else answer.json()["MediaContainer"]

    return ask


def recorded(name: str) -> Any:
    return json.loads((RECORDED / "json" / name).read_text())


def missing(theirs: Any, ours: Any, without: set[str], path: str = "") -> list[str]:
    """Where ours lacks a name of theirs, or has another type of JSON there; lists are compared by their first entries."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{path}: {type(ours).__name__} instead of an object"]
        found = [f"{path}.{name}: missing" for name in theirs.keys() - ours.keys() - without]
        for name in theirs.keys() & ours.keys() - without:
            found += missing(theirs[name], ours[name], without, f"{path}.{name}")
        return found
    if isinstance(theirs, list):
        if not isinstance(ours, list) or bool(theirs) > bool(ours):
            return [f"{path}: no list, or an empty one"]
        return missing(theirs[0], ours[0], without, f"{path}[0]") if theirs else []
    kinds = [float if isinstance(one, int) and not isinstance(one, bool) else type(one) for one in (theirs, ours)]
    return [] if kinds[0] is kinds[1] else [f"{path}: {type(ours).__name__} instead of {type(theirs).__name__}"]


def lacking(theirs: ElementTree.Element, ours: ElementTree.Element, without: set[str]) -> list[str]:
    """The same for elements and their attributes; children are compared by the first of each tag."""
    found = [f"{theirs.tag}@{name}" for name in theirs.attrib.keys() - ours.attrib.keys() - without]
    for tag in dict.fromkeys(one.tag for one in theirs):
        child, mine = theirs.find(tag), ours.find(tag)
        if tag in without:
            continue
        if child is not None and mine is not None:
            found += lacking(child, mine, without)
        else:
            found.append(f"{theirs.tag}/{tag}")
    return found


class TestRecordedJson:
    def test_recently_added(self, ask, film):
        theirs = recorded("library-recentlyAdded-movie-2017.json")["MediaContainer"]
        assert missing(theirs, ask("/library/recentlyAdded"), OF_LISTS_ONCE) == []

    def test_a_session_of_a_track(self, plex, ask, track):
        plex.play(plex.world.owner, track, "Plexamp")
        theirs = recorded("sessions-plexamp-2022.json")["MediaContainer"]
        without = OF_A_STREAMING_SERVICE | {"allowSync", "summary", "optimizedForStreaming"}
        assert missing(theirs, ask("/status/sessions"), without) == []

    def test_a_session_of_an_old_server(self, plex, ask, film):
        plex.pms.older = True
        plex.play(plex.world.owner, film, transcode=True)
        theirs = recorded("sessions-plexweb-2017-old-Video-key.json")["MediaContainer"]
        assert missing(theirs, ask("/status/sessions"), set()) == []

    def test_a_webhook(self, plex, episode):
        one = plex.play(plex.world.owner, episode)
        ours = webhook.message(plex.pms, "media.resume", one, None)
        assert missing(recorded("webhook-media.resume-2025.json"), ours, set()) == []


class TestRecordedXml:
    @pytest.fixture
    def theirs(self) -> Any:
        folder = RECORDED / "home-assistant"
        return lambda name: ElementTree.fromstring((folder / name).read_text().replace("{user_id}", "1"))

    def test_sections(self, ask, theirs, film):
        assert lacking(theirs("library_sections.xml"), ask("/library/sections", xml=True), set()) == []

    def test_the_servers_people(self, ask, theirs, film):
        assert lacking(theirs("plex_server_accounts.xml"), ask("/accounts", xml=True), set()) == []

    def test_those_it_is_shared_with(self, plex, session, theirs, film):
        headers = {"X-Plex-Token": plex.world.token(plex.world.owner)}
        ours = ElementTree.fromstring(session.get(f"{plex.plex_tv_url}/api/users", headers=headers).content)
        assert lacking(theirs("plextv_shared_users.xml"), ours, set()) == []

    @pytest.mark.parametrize("name", ["session_base.xml", "session_unknown.xml"])
    def test_a_session(self, plex, ask, theirs, film, name):
        plex.play(plex.world.owner, film, "SHIELD Android TV", transcode=True)
        of_files = {"genuineMediaAnalysis", "origin", "colorPrimaries", "bitrateMode", "frameRate", "height", "width"}
        without = COUNTED | of_files | {"index", "deviceClass", "protocolVersion", "channels", "lastViewedAt"}
        assert lacking(theirs(name), ask("/status/sessions", xml=True), without) == []

    def test_a_series_and_its_episodes(self, ask, theirs, episode):
        """The recording has both in one list, which no server sends: Home Assistant put it together."""
        recording = theirs("library_tvshows_most_recent.xml")
        (show,) = recording
        without = (
            OF_OLD_SERVERS | OF_LISTS_ONCE | {"Video", "index", "originallyAvailableAt", "duration", "rating", "Role"}
        )
        ours = ask("/library/sections/2/all?type=2", xml=True)
        assert lacking(recording, ours, without | {"summary"}) == []
        theirs_of_one, ours_of_one = show.find("Video"), ask("/library/sections/2/all?type=4", xml=True).find("Video")
        assert theirs_of_one is not None
        assert ours_of_one is not None
        assert lacking(theirs_of_one, ours_of_one, {"summary"}) == []


LISTS = {
    "/library/sections/1/all?includeGuids=1": "MediaContainerWithMetadata",
    "/library/sections/2/all?type=2": "MediaContainerWithMetadata",
    "/library/sections/2/all?type=3": "MediaContainerWithMetadata",
    "/library/sections/2/all?type=4": "MediaContainerWithMetadata",
    "/library/sections/3/all?type=10": "MediaContainerWithMetadata",
    "/library/recentlyAdded": "MediaContainerWithMetadata",
    "/library/onDeck": "MediaContainerWithMetadata",
    "/library/metadata/1": "MediaContainerWithMetadata",
    "/hubs": "MediaContainerWithHubs",
    "/hubs/search?query=salt": "MediaContainerWithHubs",
    "/playlists": "MediaContainerWithPlaylistMetadata",
    "/library/sections/1/genre": "MediaContainerWithDirectory",
    "/": "MediaContainerWithDirectory",
    "/:/prefs": "MediaContainerWithSettings",
}


class TestOpenApi:
    def wrong(self, document: dict[str, Any], name: str, value: Any) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
        return [f"{error.json_path}: {error.message}" for error in errors]

    @pytest.mark.parametrize("path", LISTS)
    def test_lists(self, plex, ask, schemas, film, episode, track, path):
        plex.add_playlist("Sunday", [film])
        value = ask(path)
        assert self.wrong(schemas, LISTS[path], {"MediaContainer": value}) == []
        assert value["size"] > 0

    def test_sections(self, ask, schemas, film):
        for one in ask("/library/sections")["Directory"]:
            assert self.wrong(schemas, "LibrarySection", one | {"hidden": False}) == []
            assert one["hidden"] == 0  # 0, 1 or 2, as recorded; the document has a boolean

    def test_the_servers_configuration(self, ask, schemas, film):
        assert self.wrong(schemas, "ServerConfiguration", ask("/")) == []

    def test_the_typed_parts_of_a_session(self, plex, ask, schemas, film):
        plex.play(plex.world.owner, film, transcode=True)
        (one,) = ask("/status/sessions")["Metadata"]
        for part in ("Player", "Session", "TranscodeSession", "User"):
            assert self.wrong(schemas, part, one[part]) == [], part

    def test_collections_but_for_their_counts(self, plex, ask, schemas, film):
        plex.add_collection("Boats", [film])
        (one,) = ask("/library/sections/1/collections")["Metadata"]
        assert self.wrong(schemas, "Metadata", one) == ["$.childCount: '1' is not of type 'integer'"]
