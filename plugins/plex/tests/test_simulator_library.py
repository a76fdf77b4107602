"""The simulated libraries are driven by plexapi, a client others wrote for the real Plex: what it cannot use is wrong here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image
from plexapi.exceptions import BadRequest, NotFound, Unauthorized
from plexapi.server import PlexServer

from tests.simulators.plex.household import furnish
from tests.simulators.plex.server import PlexSimulator

JSON = {"Accept": "application/json"}


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def home(plex: PlexSimulator) -> PlexSimulator:
    """A few of everything."""
    first = plex.add_movie("The General", year=1926, genres=("Comedy",), ids=("imdb://tt0017925", "tmdb://961"))
    plex.add_movie("Élan", year=2011, resolution="4k", rating=8.1, audience_rating=7.7, genres=("Drama", "Comedy"))
    plex.add_movie("Quiet Harbour", year=1999, resolution="sd")
    plex.add_show("Salt Road", year=2004, seasons=2, episodes=3)
    artist = plex.add_artist("The Lanterns", ids=("mbid://0383dadf-2a4e-4d10-a46a-e9e041da8eb3",))
    plex.add_album(artist, "First Light", tracks=4)
    plex.add_collection("Silent films", [first])
    return plex


@pytest.fixture
def owner(home: PlexSimulator, session: requests.Session) -> PlexServer:
    return PlexServer(home.server_url, home.token(), session=session)


def ask(plex: PlexSimulator, session: requests.Session, path: str, token: str | None = None, **headers: str) -> Any:
    sent = {**JSON, "X-Plex-Token": token or plex.token(), **headers}
    return session.get(plex.server_url + path, headers=sent)


def listed(plex: PlexSimulator, session: requests.Session, path: str, **headers: str) -> dict[str, Any]:
    answer = ask(plex, session, path, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["MediaContainer"]


def titles(found: Any) -> list[str]:
    return [one["title"] for one in found.get("Metadata", ())]


class TestWithPlexapi:
    def test_sections_and_what_is_in_them(self, owner):
        movies, shows, music = owner.library.sections()
        assert [(one.title, one.type, one.key) for one in (movies, shows, music)] == [
            ("Movies", "movie", 1),
            ("TV Shows", "show", 2),
            ("Music", "artist", 3),
        ]
        assert movies.locations == ["/media/movies"]
        assert [one.title for one in movies.all()] == ["Élan", "The General", "Quiet Harbour"]
        assert (movies.totalSize, shows.totalSize, music.totalViewSize("track")) == (3, 1, 4)

    def test_a_film_in_full(self, owner):
        film = owner.library.section("Movies").get("The General")
        film.reload()
        assert (film.year, film.type, film.duration, film.librarySectionTitle) == (1926, "movie", 95 * 60_000, "Movies")
        assert {one.id for one in film.guids} == {"imdb://tt0017925", "tmdb://961"}
        assert film.guid.startswith("plex://movie/")
        assert [one.tag for one in film.genres] == ["Comedy"]
        assert [one.tag for one in film.collections] == ["Silent films"]
        assert film.media[0].videoResolution == "1080"
        assert film.media[0].parts[0].file == "/media/movies/The General (1926)/The General (1926).mkv"
        assert film.addedAt is not None
        assert film.updatedAt >= film.addedAt

    def test_a_series_with_its_seasons_and_episodes(self, owner):
        show = owner.library.section("TV Shows").get("Salt Road")
        assert (show.childCount, show.leafCount, show.viewedLeafCount) == (2, 6, 0)
        assert [one.title for one in show.seasons()] == ["Season 1", "Season 2"]
        episode = show.episode(season=2, episode=3)
        assert (episode.grandparentTitle, episode.parentTitle, episode.seasonEpisode) == (
            "Salt Road",
            "Season 2",
            "s02e03",
        )
        assert len(show.episodes()) == 6
        assert episode.season().index == 2
        assert episode.show() == show

    def test_an_artist_with_albums_and_tracks(self, owner):
        artist = owner.library.section("Music").get("The Lanterns")
        (album,) = artist.albums()
        assert (album.title, album.parentTitle, album.leafCount) == ("First Light", "The Lanterns", 4)
        assert [one.title for one in album.tracks()] == ["Track 1", "Track 2", "Track 3", "Track 4"]
        assert artist.track("Track 2").grandparentTitle == "The Lanterns"
        assert artist.guids[0].id.startswith("mbid://")

    def test_searching_a_section_by_filters_and_sorts(self, owner):
        movies = owner.library.section("Movies")
        assert [one.title for one in movies.search(genre="Drama")] == ["Élan"]
        assert [one.title for one in movies.search(year=[1926, 1999], sort="year:desc")] == [
            "Quiet Harbour",
            "The General",
        ]
        assert [one.title for one in movies.search(resolution="4k")] == ["Élan"]
        assert [one.title for one in movies.search(filters={"year>>": 2000})] == ["Élan"]
        assert [one.title for one in movies.search(title="quiet")] == ["Quiet Harbour"]
        assert len(movies.search(unwatched=True)) == 3
        assert movies.search(genre="Western") == []
        shows = owner.library.section("TV Shows")
        assert len(shows.search(libtype="episode", filters={"show.title": "Salt"})) == 6

    def test_searching_everything_minds_neither_accents_nor_capitals(self, owner):
        assert [one.title for one in owner.search("elan")] == ["Élan"]
        assert [one.title for one in owner.search("SALT ro", mediatype="show")] == ["Salt Road"]
        assert {one.type for one in owner.search("li")} >= {"album"}
        assert owner.search("nothing of the kind") == []

    def test_collections_and_playlists(self, home, owner):
        collection = owner.library.section("Movies").collection("Silent films")
        assert ([one.title for one in collection.items()], collection.subtype) == (["The General"], "movie")
        film = home.add_movie("Rain", year=1932)
        home.add_playlist("Sunday", [film])
        home.add_playlist("Not yours", [film], home.world.find("friend"))
        (playlist,) = owner.playlists()
        assert (playlist.title, playlist.playlistType, playlist.leafCount) == ("Sunday", "video", 1)
        assert [one.title for one in playlist.items()] == ["Rain"]

    def test_watching_marks_and_what_to_go_on_with(self, home, owner):
        show = owner.library.section("TV Shows").get("Salt Road")
        show.episode(season=1, episode=1).markPlayed()
        assert [one.title for one in owner.library.onDeck()] == ["Episode 2"]
        assert show.reload().viewedLeafCount == 1
        film = owner.library.section("Movies").get("Élan").markPlayed()
        assert film.reload().isPlayed
        assert not film.markUnplayed().reload().isPlayed
        assert home.asked_of("scrobble")

    def test_recently_added_and_hubs(self, home, owner):
        home.world.advance(60)
        home.add_movie("Brand New", year=2024)
        assert owner.library.recentlyAdded()[0].title == "Brand New"
        assert owner.library.section("Movies").recentlyAdded()[0].title == "Brand New"
        hubs = {one.hubIdentifier: one for one in owner.library.hubs()}
        assert hubs["home.movies.recent"].items()[0].title == "Brand New"

    def test_a_scan_of_one_folder_finds_what_was_put_there(self, home, owner):
        movies = owner.library.section("Movies")
        home.put_movie("Found", "/media/movies/Found (2020)/Found.mkv", year=2020)
        home.put_movie("Elsewhere", "/media/movies/Else/Elsewhere.mkv")
        home.hold_scans()
        movies.update("/media/movies/Found (2020)")
        assert [one.title for one in owner.activities] == ["Scanning Movies"]
        assert owner.library.sections()[0].refreshing is False  # plexapi remembers
        home.hold_scans(False)
        home.until(lambda: home.scans[0].done)
        assert (home.scans[0].path, home.scans[0].section) == ("/media/movies/Found (2020)", 1)
        assert movies.get("Found").year == 2020
        with pytest.raises(NotFound):
            movies.get("Elsewhere")
        assert owner.activities == []

    def test_the_owners_account_and_the_servers_people(self, home, owner):
        assert owner.account().username == "owner@home.example"
        assert [(one.id, one.name) for one in owner.systemAccounts()][:2] == [(0, ""), (1, "owner")]
        assert owner.settings.get("FriendlyName").value == "Living room"

    def test_pictures_are_real_and_each_is_another(self, home, owner, session):
        films = owner.library.section("Movies").all()
        bodies = set()
        for film in films:
            answer = session.get(owner.url(film.thumb), headers={"X-Plex-Token": home.token()})
            picture = Image.open(io.BytesIO(answer.content))
            assert answer.headers["Content-Type"] == f"image/{picture.format.lower()}"
            bodies.add(answer.content)
        assert len(bodies) == 3
        path = f"/photo/:/transcode?url={films[0].thumb}&width=30&height=45"
        assert Image.open(io.BytesIO(ask(home, session, path).content)).size == (30, 45)
        for wrong in (
            "/photo/:/transcode?url=http://else.example/x&width=1&height=1",
            "/photo/:/transcode?width=3&height=3",
        ):
            assert ask(home, session, wrong).status_code in (400, 404)


class TestWhoMaySeeWhat:
    def test_nobody_gets_a_page_of_html(self, home, session):
        answer = session.get(f"{home.server_url}/library/sections", headers=JSON)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (401, "text/html")

    def test_a_friend_sees_the_sections_shared_with_them(self, home, session):
        friend = home.world.find("friend")
        home.share(friend, [home.pms.library.sections[2]])
        server = PlexServer(home.server_url, home.token(friend), session=session)
        assert [one.title for one in server.library.sections()] == ["TV Shows"]
        assert server.search("general") == []
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        with pytest.raises(NotFound):
            server.fetchItem(film.rating_key)
        with pytest.raises(BadRequest):
            server.sessions()

    def test_a_token_may_be_in_the_query_and_that_is_noted(self, home, session):
        answer = session.get(f"{home.server_url}/library/sections?X-Plex-Token={home.token()}", headers=JSON)
        assert answer.status_code == 200
        assert home.asked_of("sections")[-1].query["X-Plex-Token"] == home.token()

    def test_a_revoked_token_is_refused(self, home, session):
        friend = home.world.find("friend")
        token = home.token(friend)
        assert ask(home, session, "/library/sections", token).status_code == 200
        home.world.revoke(friend)
        with pytest.raises(Unauthorized):
            PlexServer(home.server_url, token, session=session)

    def test_each_person_has_their_own_marks(self, home, session):
        kid = home.world.managed("Kid")
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        home.watch(kid, film, count=0, offset=600_000)
        path = f"/library/metadata/{film.rating_key}"
        theirs = ask(home, session, path, home.token(kid)).json()["MediaContainer"]["Metadata"][0]
        assert theirs["viewOffset"] == 600_000
        assert "viewOffset" not in listed(home, session, path)["Metadata"][0]


class TestPaging:
    def test_pages_say_how_many_there_are(self, plex, session):
        plex.fill(movies=120)
        path = "/library/sections/1/all?type=1&sort=addedAt:desc"
        start = {"X-Plex-Container-Start": "0", "X-Plex-Container-Size": "0"}
        empty = listed(plex, session, path, **start)
        assert (empty["size"], empty["totalSize"], "Metadata" in empty) == (0, 120, False)
        first = listed(plex, session, path, **{**start, "X-Plex-Container-Size": "50"})
        last = listed(plex, session, f"{path}&X-Plex-Container-Start=100&X-Plex-Container-Size=50")
        assert (first["size"], last["size"], last["offset"]) == (50, 20, 100)
        added = [one["addedAt"] for one in first["Metadata"]]
        assert added == sorted(added, reverse=True)
        assert "totalSize" not in listed(plex, session, path)

    def test_what_changed_since(self, home, session):
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        home.world.advance(100)
        home.change(film, summary="Now with words.")
        found = listed(home, session, f"/library/sections/1/all?type=1&updatedAt>={film.updated_at}&includeGuids=1")
        assert titles(found) == ["Élan"]
        assert titles(listed(home, session, f"/library/sections/1/all?updatedAt>>={film.updated_at}")) == []

    def test_what_is_long_may_be_left_out(self, home, session):
        (film,) = listed(home, session, "/library/sections/1/all?title=general&excludeElements=Media,Genre")["Metadata"]
        assert not {"Media", "Genre"} & film.keys()
        assert "Guid" not in film  # unless includeGuids=1
        page = "X-Plex-Container-Start=1&X-Plex-Container-Size=1"
        for number in range(3):
            home.add_playlist(f"Playlist {number}", [home.pms.library.get(1)])
        assert listed(home, session, f"/playlists?playlistType=video&{page}")["totalSize"] == 3

    @pytest.mark.parametrize(("fault", "missing", "twice"), [("repeats", 0, 3), ("skips", 3, 0)])
    def test_pages_that_shift(self, plex, session, fault, missing, twice):
        plex.fill(movies=40)
        plex.faults.set("all", fault)
        seen = []
        for start in (0, 20):
            page = f"X-Plex-Container-Start={start}&X-Plex-Container-Size=20"
            seen += [one["ratingKey"] for one in listed(plex, session, f"/library/sections/1/all?{page}")["Metadata"]]
        assert (40 - len(set(seen)) - (twice and 3), len(seen) - len(set(seen))) == (missing, twice)

    def test_the_library_may_change_between_two_pages(self, home, session):
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        home.after("all", lambda: home.delete(film))
        assert len(titles(listed(home, session, "/library/sections/1/all"))) == 3
        assert len(titles(listed(home, session, "/library/sections/1/all"))) == 2


class TestChanges:
    def test_a_deleted_series_is_gone_with_all_below(self, home, session):
        show = next(one for one in home.pms.library.items.values() if one.type == "show")
        below = home.pms.library.leaves(show.rating_key)
        home.delete(show)
        assert ask(home, session, f"/library/metadata/{show.rating_key}").status_code == 404
        assert ask(home, session, f"/library/metadata/{','.join(map(str, below))}").status_code == 404
        assert titles(listed(home, session, "/library/sections/2/all")) == []

    def test_a_moved_film_keeps_its_guid_and_its_marks_under_another_key(self, home, session):
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        home.watch(home.world.owner, film)
        moved = home.move(film, "/media/movies/else")
        assert (moved.guid, moved.rating_key != film.rating_key) == (film.guid, True)
        assert ask(home, session, f"/library/metadata/{film.rating_key}").status_code == 404
        found = listed(home, session, f"/library/metadata/{moved.rating_key}")["Metadata"][0]
        assert found["viewCount"] == 1
        assert found["Media"][0]["Part"][0]["file"] == "/media/movies/else/Élan (2011).mkv"

    def test_a_moved_series_takes_its_episodes_along(self, home, session):
        show = next(one for one in home.pms.library.items.values() if one.type == "show")
        guids = [home.pms.library.guid(one) for one in home.pms.library.leaves(show.rating_key)]
        moved = home.move(show)
        found = listed(home, session, f"/library/metadata/{moved.rating_key}/allLeaves")["Metadata"]
        assert [one["guid"] for one in found] == guids

    def test_a_lost_file_is_noticed_by_the_next_scan_of_its_folder(self, home, session):
        film = next(one for one in home.pms.library.items.values() if one.title == "Élan")
        home.lose(film)
        ask(home, session, "/library/sections/1/refresh?path=/media/movies/Other")
        ask(home, session, "/library/sections/1/refresh?path=/media/movies/Élan (2011)")
        home.until(lambda: len(home.scans) == 2 and home.scans[1].done)
        assert ask(home, session, f"/library/metadata/{film.rating_key}").status_code == 404

    def test_stopped_restarted_and_moved(self, home, session):
        url = home.server_url
        home.stop()
        with pytest.raises(requests.ConnectionError):
            ask(home, session, "/identity")
        home.restart()
        assert home.server_url == url
        before = listed(home, session, "/identity")["machineIdentifier"]
        assert home.move_server(machine=True) != url
        assert listed(home, session, "/identity")["machineIdentifier"] != before
        with pytest.raises(requests.ConnectionError):
            session.get(f"{url}/identity")


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "status", "kind", "begins"),
        [
            ("html_401", 401, "text/html", "<html>"),
            ("xml", 200, "text/xml", "<?xml"),
            ("half_json", 200, "application/json", '{"MediaContainer"'),
            ("empty_list", 200, "application/json", '{"MediaContainer": {"size": 0}}'),
            ("503", 503, "text/html", "<!doctype"),
        ],
    )
    def test_wrong_answers(self, home, session, fault, status, kind, begins):
        home.faults.set("all", fault, times=1)
        answer = ask(home, session, "/library/sections/1/all")
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, kind)
        assert answer.text.startswith(begins)
        if fault == "half_json":
            with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
                answer.json()
        assert ask(home, session, "/library/sections/1/all").json()["MediaContainer"]["size"] == 3


class TestBulk:
    def test_the_household_is_believable(self, plex, session):
        household = furnish(plex)
        server = PlexServer(plex.server_url, plex.token(), session=session)
        movies, shows, music = server.library.sections()
        assert (movies.totalSize, shows.totalSize, music.totalSize) == (200, 40, 8)
        assert len({one.title for one in movies.all()}) == 200
        assert {one.player.state for one in server.sessions()} == {"playing", "paused"}
        assert server.library.onDeck()
        kid = PlexServer(plex.server_url, plex.token(household.kid), session=session)
        assert [one.title for one in kid.library.sections()] == ["TV Shows"]

    def test_a_hundred_thousand_items_take_little_memory_and_stay_themselves(self, plex, session):
        plex.fill(movies=20_000, shows=800, seasons=4, episodes=20, artists=500, albums=3, tracks=8)
        library = plex.pms.library
        counts = {
            kind: sum(library.count(one, kind) for one in library.sections) for kind in ("movie", "episode", "track")
        }
        assert counts == {"movie": 20_000, "episode": 64_000, "track": 12_000}
        assert library.items == {}
        page = {"X-Plex-Container-Start": "19990", "X-Plex-Container-Size": "100"}
        found = listed(plex, session, "/library/sections/1/all?type=1&sort=addedAt", **page)
        assert (found["size"], found["totalSize"]) == (10, 20_000)
        again = listed(plex, session, f"/library/metadata/{found['Metadata'][0]['ratingKey']}")["Metadata"][0]
        assert {name: again[name] for name in ("guid", "title", "year", "addedAt")} == {
            name: found["Metadata"][0][name] for name in ("guid", "title", "year", "addedAt")
        }
        episode = listed(
            plex, session, "/library/sections/2/all?type=4&X-Plex-Container-Start=0&X-Plex-Container-Size=1"
        )
        key = episode["Metadata"][0]["grandparentRatingKey"]
        assert listed(plex, session, f"/library/metadata/{key}/children")["size"] == 4

    def test_one_of_many_can_be_changed_and_deleted(self, plex, session):
        plex.fill(shows=3, seasons=2, episodes=2)
        show, other, _ = plex.pms.library.keys(1, "show")
        plex.change(show, title="Renamed")
        plex.delete(other)
        plex.add_season(plex.pms.library.get(show), episodes=1)
        found = listed(plex, session, "/library/sections/1/all")
        assert found["size"] == 2
        renamed = next(one for one in found["Metadata"] if one["title"] == "Renamed")
        assert (renamed["childCount"], renamed["leafCount"]) == (3, 5)
        assert listed(plex, session, "/library/sections/1/all?type=4")["size"] == 9
