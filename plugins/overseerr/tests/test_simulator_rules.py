"""Who may do what at the simulator, and what becomes of it, in both dialects, as its source says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.server import (
    OVERSEERR,
    SEERR,
    IssueType,
    MediaStatus,
    OverseerrSimulator,
    Permission,
    RequestStatus,
)

P = Permission
FILM, OTHER_FILM, SERIES = 910001, 910002, 210004
FORBIDDEN = {"status": 403, "error": "You do not have permission to access this endpoint"}
Call = Callable[..., requests.Response]


@pytest.fixture(params=[OVERSEERR, SEERR])
def simulator(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    made = OverseerrSimulator(request.param)
    made.add_user("Ann", plex_id=1002)
    made.add_user("Bob", plex_id=1003)
    with made.running():
        yield made


@pytest.fixture
def call(simulator: OverseerrSimulator) -> Iterator[Call]:
    """`call("POST", "/request", as_="Ann", json={…})`; with the key alone when nobody is named."""
    with requests.Session() as web:
        web.trust_env = False

        def call(method: str, path: str, as_: str | None = None, **more: Any) -> requests.Response:
            headers = {"X-Api-Key": simulator.api_key}
            if as_ is not None:
                headers["X-Api-User"] = str(simulator.world.find_user(as_).id)
            return web.request(method, f"{simulator.url}/api/v1{path}", headers=headers, **more)

        yield call


def wanting(id: int = FILM, kind: str = "movie", **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "mediaId": id, "is4k": False, **more}


ALLOWED = [
    (P.NONE, wanting(), 403, "You do not have permission to make movie requests."),
    (P.REQUEST_TV, wanting(), 403, "You do not have permission to make movie requests."),
    (P.REQUEST_MOVIE, wanting(), 201, RequestStatus.PENDING),
    (P.REQUEST, wanting(is4k=True), 403, "You do not have permission to make 4K movie requests."),
    (P.REQUEST_4K_MOVIE, wanting(is4k=True), 201, RequestStatus.PENDING),
    (P.REQUEST_4K_MOVIE, wanting(SERIES, "tv", is4k=True, seasons=[1]), 403,
     "You do not have permission to make 4K series requests."),
    (P.REQUEST_MOVIE, wanting(SERIES, "tv", seasons=[1]), 403, "You do not have permission to make series requests."),
    (P.REQUEST_TV, wanting(SERIES, "tv", seasons=[1]), 201, RequestStatus.PENDING),
    (P.REQUEST | P.AUTO_APPROVE_TV, wanting(), 201, RequestStatus.PENDING),
    (P.REQUEST | P.AUTO_APPROVE_TV, wanting(SERIES, "tv", seasons=[1]), 201, RequestStatus.APPROVED),
    (P.REQUEST | P.AUTO_APPROVE, wanting(), 201, RequestStatus.APPROVED),
    (P.REQUEST | P.REQUEST_4K | P.AUTO_APPROVE, wanting(is4k=True), 201, RequestStatus.PENDING),
    (P.REQUEST_4K | P.AUTO_APPROVE_4K_MOVIE, wanting(is4k=True), 201, RequestStatus.APPROVED),
    (P.REQUEST | P.MANAGE_REQUESTS, wanting(), 201, RequestStatus.APPROVED),
    (P.ADMIN, wanting(is4k=True), 201, RequestStatus.APPROVED),
]  # fmt: skip


@pytest.mark.parametrize(("permissions", "body", "status", "expected"), ALLOWED)
def test_permission_bits_decide_who_asks_and_what_is_approved_at_once(
    simulator, call, permissions, body, status, expected
):
    simulator.change_user("Ann", permissions=int(permissions))
    answer = call("POST", "/request", "Ann", json=body)
    assert answer.status_code == status
    assert answer.json()["message" if status == 403 else "status"] == expected


def test_the_key_alone_is_the_owner_and_x_api_user_somebody_else(simulator, call):
    assert call("GET", "/auth/me").json()["id"] == 1
    assert call("GET", "/auth/me", "Ann").json()["displayName"] == "Ann"
    url = f"{simulator.url}/api/v1/auth/me"
    for named in ("999", "nobody", "2.5"):
        answer = requests.get(url, headers={"X-Api-Key": simulator.api_key, "X-Api-User": named})
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN), named
    assert requests.get(url).status_code == 401
    assert requests.get(url, headers={"X-Api-Key": "wrong"}).json() == FORBIDDEN


def test_the_former_key_opens_nothing_after_a_new_one_was_made(simulator, call):
    former = simulator.api_key
    simulator.new_api_key()
    assert requests.get(f"{simulator.url}/api/v1/user", headers={"X-Api-Key": former}).status_code == 403
    assert call("GET", "/user").status_code == 200


class TestDuplicates:
    def test_without_is4k_a_second_one_passes_and_with_it_does_not(self, call):
        assert call("POST", "/request", "Ann", json=wanting()).status_code == 201
        refused = call("POST", "/request", "Bob", json=wanting())
        assert (refused.status_code, refused.json()["message"]) == (409, "Request for this media already exists.")

        blind = {"mediaType": "movie", "mediaId": FILM}
        assert call("POST", "/request", "Bob", json=blind).status_code == 201

    def test_other_qualities_and_declined_ones_are_no_duplicates(self, simulator, call):
        simulator.change_user("Bob", permissions=int(P.REQUEST | P.REQUEST_4K))
        first = call("POST", "/request", "Ann", json=wanting()).json()["id"]
        assert call("POST", "/request", "Bob", json=wanting(is4k=True)).status_code == 201
        simulator.decline(first)
        assert call("POST", "/request", "Bob", json=wanting()).status_code == 201

    def test_what_arrived_can_be_asked_for_again_in_seerr_alone(self, simulator, call):
        simulator.arrive(simulator.approve(simulator.request("Ann", ("movie", FILM))))
        again = call("POST", "/request", "Bob", json=wanting())
        assert again.status_code == (201 if simulator.world.seerr else 409)

    def test_seasons_asked_for_or_there_are_left_out_and_none_left_is_202(self, simulator, call):
        simulator.arrive(("tv", SERIES), seasons=[1])
        assert call("POST", "/request", "Ann", json=wanting(SERIES, "tv", seasons=[2])).status_code == 201
        made = call("POST", "/request", "Bob", json=wanting(SERIES, "tv", seasons=[1, 2, 3])).json()
        assert [one["seasonNumber"] for one in made["seasons"]] == [3]

        none = call("POST", "/request", "Bob", json=wanting(SERIES, "tv", seasons=[1, 2, 3]))
        assert (none.status_code, none.json()) == (202, {"message": "No seasons available to request"})

    def test_all_seasons_hold_the_specials_in_overseerr_alone(self, simulator, call):
        made = call("POST", "/request", "Ann", json=wanting(SERIES, "tv", seasons="all")).json()
        numbers = [one["seasonNumber"] for one in made["seasons"]]
        assert numbers == [1, 2, 3, 4, 5] if simulator.world.seerr else [0, 1, 2, 3, 4, 5]

    def test_a_title_nobody_knows_is_500_and_a_blocklisted_one_403(self, simulator, call):
        unknown = call("POST", "/request", "Ann", json=wanting(1))
        assert (unknown.status_code, "[TMDB] Failed to fetch" in unknown.json()["message"]) == (500, True)
        simulator.put_status(("movie", FILM), MediaStatus.BLOCKLISTED)
        blocked = call("POST", "/request", "Ann", json=wanting())
        assert (blocked.status_code, blocked.json()["message"]) == (403, "This media is blocklisted.")


class TestQuotas:
    def test_films_count_each_and_series_by_their_seasons(self, simulator, call):
        simulator.change_user("Ann", movie_quota_limit=1, movie_quota_days=7, tv_quota_limit=3, tv_quota_days=7)
        id = simulator.world.find_user("Ann").id
        assert call("POST", "/request", "Ann", json=wanting()).status_code == 201
        assert call("POST", "/request", "Ann", json=wanting(SERIES, "tv", seasons=[1, 2])).status_code == 201

        assert call("GET", f"/user/{id}/quota", "Ann").json() == {
            "movie": {"days": 7, "limit": 1, "used": 1, "remaining": 0, "restricted": True},
            "tv": {"days": 7, "limit": 3, "used": 2, "remaining": 1, "restricted": False},
        }
        film = call("POST", "/request", "Ann", json=wanting(OTHER_FILM))
        assert (film.status_code, film.json()["message"]) == (403, "Movie Quota exceeded.")
        series = call("POST", "/request", "Ann", json=wanting(SERIES, "tv", seasons=[3, 4]))
        assert (series.status_code, series.json()["message"]) == (403, "Series Quota exceeded.")
        assert call("POST", "/request", "Ann", json=wanting(SERIES, "tv", seasons=[3])).status_code == 201

    def test_they_are_free_again_after_their_days_or_a_decline(self, simulator, call):
        simulator.change_user("Ann", movie_quota_limit=1, movie_quota_days=7)
        first = simulator.request("Ann", ("movie", FILM))
        simulator.decline(first)
        assert call("POST", "/request", "Ann", json=wanting(OTHER_FILM)).status_code == 201
        assert call("POST", "/request", "Ann", json=wanting()).status_code == 403
        simulator.world.advance(7 * 86400 + 1)
        assert call("POST", "/request", "Ann", json=wanting()).status_code == 201

    def test_the_default_holds_for_who_has_none_and_never_for_who_manages_users(self, simulator, call):
        settings = simulator.world.settings
        settings.movie_quota_limit, settings.movie_quota_days = 2, 30
        id = simulator.world.find_user("Ann").id
        default = {"days": 30, "limit": 2, "used": 0, "remaining": 2, "restricted": False}
        assert call("GET", f"/user/{id}/quota").json()["movie"] == default
        simulator.change_user("Ann", permissions=int(P.REQUEST | P.MANAGE_USERS))
        assert call("GET", f"/user/{id}/quota").json()["movie"] == {
            "days": 30, "limit": 0, "used": 0, "restricted": False,
        }  # fmt: skip

    def test_only_oneself_and_admins_may_see_them(self, simulator, call):
        id = simulator.world.find_user("Ann").id
        assert call("GET", f"/user/{id}/quota", "Bob").status_code == 403
        assert call("GET", "/user/99/quota").status_code == 404


class TestWhatOneSees:
    def test_others_requests_are_seen_with_the_permission_alone(self, simulator, call):
        mine, theirs = simulator.request("Ann", ("movie", FILM)), simulator.request("Bob", ("movie", OTHER_FILM))
        ann = simulator.world.find_user("Ann").id

        def ids(as_: str, query: str = "") -> list[int]:
            return [one["id"] for one in call("GET", f"/request{query}", as_).json()["results"]]

        assert ids("Ann") == [mine.id]
        assert call("GET", f"/request/{theirs.id}", "Ann").status_code == 403
        assert call("GET", f"/request?requestedBy={ann}", "Bob").status_code == 403
        assert call("GET", f"/user/{ann}/requests", "Bob").status_code == 403
        simulator.change_user("Bob", permissions=int(P.REQUEST | P.REQUEST_VIEW))
        assert ids("Bob") == [theirs.id, mine.id]
        assert ids("Bob", f"?requestedBy={ann}") == [mine.id]
        assert call("GET", "/request/count", "Ann").json()["total"] == 2, "counts are everyone's"

    def test_e_mails_and_plex_ids_are_for_who_manages_users(self, simulator, call):
        rows = call("GET", "/user", "Ann").json()["results"]
        assert all("email" not in one and "plexId" not in one for one in rows)
        assert call("GET", "/user").json()["results"][1]["plexId"] == 1002

    def test_settings_and_decisions_are_for_admins(self, simulator, call):
        simulator.request("Ann", ("movie", FILM))
        for method, path in (("GET", "/settings/main"), ("POST", "/request/1/approve"), ("POST", "/request/1/retry"),
                             ("POST", "/media/1/available"), ("GET", "/settings/notifications/webhook")):  # fmt: skip
            more = {"json": {}} if method == "POST" else {}
            assert call(method, path, "Ann", **more).json() == FORBIDDEN, path

    def test_taking_back_ones_own(self, simulator, call):
        mine, theirs = simulator.request("Ann", ("movie", FILM)), simulator.request("Bob", ("movie", OTHER_FILM))
        simulator.approve(theirs)
        assert call("DELETE", f"/request/{theirs.id}", "Ann").status_code == 401
        assert call("DELETE", f"/request/{mine.id}", "Ann").status_code == 204
        assert mine.media.status is MediaStatus.UNKNOWN
        assert call("DELETE", f"/request/{mine.id}", "Ann").status_code == 404
        other = simulator.request("Bob", ("movie", FILM))
        assert call("DELETE", f"/request/{other.id}", "Ann").status_code == (401 if simulator.world.seerr else 204)


class TestArriving:
    def test_overseerr_keeps_approved_and_seerr_completes(self, simulator, call):
        request = simulator.approve(simulator.request("Ann", ("movie", FILM)))
        assert request.media.status is MediaStatus.PROCESSING
        simulator.arrive(request)

        counts, row = call("GET", "/request/count").json(), call("GET", f"/request/{request.id}").json()
        if simulator.world.seerr:
            assert (row["status"], counts["completed"], counts["available"]) == (5, 1, 0)
            assert call("GET", "/request?filter=completed").json()["pageInfo"]["results"] == 1
        else:
            assert (row["status"], counts["available"]) == (2, 1)
            assert call("GET", "/request?filter=completed").status_code == 400
        assert call("GET", "/request?filter=available").json()["results"][0]["id"] == request.id
        assert row["media"]["status"] == 5
        assert row["media"]["mediaUrl" if simulator.world.seerr else "plexUrl"].startswith("https://app.plex.tv/")

    def test_a_series_arrives_by_seasons(self, simulator):
        some, rest = (simulator.approve(simulator.request(who, ("tv", SERIES), seasons=seasons))
                      for who, seasons in (("Ann", [1, 2]), ("Bob", [3, 4, 5])))  # fmt: skip
        simulator.arrive(some.media, seasons=[1])
        assert (some.media.status, some.status) == (MediaStatus.PARTIALLY_AVAILABLE, RequestStatus.APPROVED)
        done = RequestStatus.COMPLETED if simulator.world.seerr else RequestStatus.APPROVED
        simulator.arrive(some.media, seasons=[2])
        assert (some.status, rest.status) == (done, RequestStatus.APPROVED)
        simulator.arrive(some.media, seasons=[3, 4, 5])
        assert (rest.status, some.media.status) == (done, MediaStatus.AVAILABLE)

    def test_what_arrives_while_nobody_decided_is_approved_by_itself(self, simulator):
        request = simulator.request("Ann", ("movie", FILM))
        simulator.arrive(request)
        assert request.status is (RequestStatus.COMPLETED if simulator.world.seerr else RequestStatus.APPROVED)

    def test_what_was_deleted_can_be_asked_for_again(self, simulator, call):
        request = simulator.approve(simulator.request("Ann", ("movie", FILM)))
        simulator.arrive(request)
        simulator.put_status(request, MediaStatus.DELETED)
        listed = call("GET", "/request?filter=deleted")
        if not simulator.world.seerr:
            assert listed.status_code == 400, "Overseerr knows no such thing"
            return
        assert listed.json()["results"][0]["id"] == request.id
        assert call("POST", "/request", "Bob", json=wanting()).json()["media"]["status"] == MediaStatus.PENDING

    def test_a_refused_download_fails_and_can_be_tried_again(self, simulator, call):
        simulator.world.broken_downloader = True
        request = simulator.approve(simulator.request("Ann", ("movie", FILM)))
        assert (request.status, request.media.status) == (RequestStatus.FAILED, MediaStatus.UNKNOWN)
        assert call("GET", "/request?filter=failed").json()["pageInfo"]["results"] == 1
        simulator.world.broken_downloader = False
        assert call("POST", f"/request/{request.id}/retry").json()["status"] == 2

    def test_a_download_shows_its_progress_and_where_it_is_fetched(self, simulator, call):
        simulator.world.downloader = "http://192.0.2.7:7878"
        request = simulator.approve(simulator.request("Ann", ("movie", FILM)))
        simulator.download(request, size=1000, left=250)
        media = call("GET", f"/movie/{FILM}").json()["mediaInfo"]
        assert (media["downloadStatus"][0]["sizeLeft"], media["serviceUrl"]) == (
            250,
            f"http://192.0.2.7:7878/movie/{FILM}",
        )
        row = call("GET", "/request").json()["results"][0]
        assert row.get("canRemove") is (True if simulator.world.seerr else None)


class TestIssues:
    def test_they_are_opened_talked_about_closed_and_opened_again(self, simulator, call):
        simulator.arrive(("movie", FILM))
        simulator.change_user("Ann", permissions=int(P.REQUEST | P.CREATE_ISSUES))
        made = call("POST", "/issue", "Ann", json={"issueType": 2, "message": "No sound.", "mediaId": 1}).json()
        url = f"/issue/{made['id']}"
        assert call("POST", f"{url}/comment", "Ann", json={"message": "At all."}).status_code == 200
        assert call("POST", f"{url}/comment", json={"message": "Fixed?"}).status_code == 200
        assert call("POST", f"{url}/resolved", "Ann").json() == FORBIDDEN
        assert call("POST", f"{url}/resolved").json()["status"] == 2
        assert call("GET", "/issue?filter=open").json()["results"] == []
        assert call("POST", f"{url}/open").json()["modifiedBy"]["id"] == 1

        read = call("GET", url, "Ann").json()
        assert [(one["user"]["displayName"], one["message"]) for one in read["comments"]] == [
            ("Ann", "No sound."), ("Ann", "At all."), ("owner", "Fixed?"),
        ]  # fmt: skip
        assert call("GET", f"/movie/{FILM}").json()["mediaInfo"]["issues"][0]["issueType"] == 2

    def test_others_issues_need_the_permission(self, simulator, call):
        theirs = simulator.open_issue("Bob", ("movie", FILM), "Dark.", IssueType.VIDEO)
        assert call("GET", "/issue", "Ann").json() == FORBIDDEN
        simulator.change_user("Ann", permissions=int(P.CREATE_ISSUES))
        assert call("GET", "/issue", "Ann").json()["results"] == []
        for method, path in (("GET", f"/issue/{theirs.id}"), ("POST", f"/issue/{theirs.id}/comment")):
            answer = call(method, path, "Ann", **({"json": {"message": "x"}} if method == "POST" else {}))
            assert (answer.status_code, answer.json().get("error")) == (403, None)
        simulator.change_user("Ann", permissions=int(P.VIEW_ISSUES))
        assert len(call("GET", "/issue", "Ann").json()["results"]) == 1
        assert call("GET", "/issue?createdBy=2", "Ann").status_code == 400, "described is requestedBy alone"

    def test_those_nobody_knows(self, call):
        assert call("GET", "/issue/9").status_code == 500
        assert call("GET", "/issue/nine").status_code == 400
        assert call("POST", "/issue", json={"issueType": 1, "message": "x", "mediaId": 9}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/request/%C2%B2", None, 404),
        ("GET", "/request/" + "9" * 5000, None, 404),
        ("GET", "/search?query=tmdb%3A" + "9" * 5000, None, 200),
        ("GET", "/movie/1e999", None, 500),
        ("GET", "/user/1e999", None, 404),
        ("GET", "/request?take=1e999&skip=-3", None, 200),
        ("GET", "/issue/1e999", None, 500),
        ("POST", "/request", {"mediaType": "tv", "mediaId": SERIES, "seasons": ["x"]}, 400),
        ("POST", "/request", {"mediaType": "tv", "mediaId": SERIES, "seasons": [-1]}, 400),
        ("POST", "/request", {"mediaType": "tv", "mediaId": SERIES}, 500),
        ("POST", "/request", {"mediaType": "movie", "mediaId": True}, 400),
        ("POST", "/request", {"mediaId": FILM}, 400),
        ("POST", "/request", [], 400),
        ("PUT", "/request/1", {"mediaType": "tv", "seasons": "x"}, 404),
        ("POST", "/issue", {"issueType": 9, "message": "x", "mediaId": 1e30}, 404),
        ("POST", "/settings/notifications/webhook", {"options": {"jsonPayload": "{"}}, 500),
    ],
)  # fmt: skip
def test_hostile_calls_are_refused_and_break_nothing(call, method, path, body, status):
    assert call(method, path, **({} if body is None else {"json": body})).status_code == status


def test_csrf_protection_refuses_every_change_even_with_the_key(simulator, call):
    simulator.world.settings.csrf_protection = True
    refused = call("POST", "/request", "Ann", json=wanting())
    assert (refused.status_code, refused.json()) == (403, {"message": "invalid csrf token"})
    assert "_csrf=" in refused.headers["Set-Cookie"]
    assert call("GET", "/request").status_code == 200
