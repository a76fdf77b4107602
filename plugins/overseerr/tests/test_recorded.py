"""What real services answered: every recorded answer parses, or is put into words. Skipped where the recordings are not."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.plugin_api import TlsTrust
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.client.refusals import ActingRefused
from medianest_overseerr.connection import dialect_of
from medianest_overseerr.requests.rows import state_in
from medianest_overseerr.settings import OverseerrSettings
from medianest_overseerr.states import Dialect

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
FOLDERS = ("overseerr", "seerr")
pytestmark = pytest.mark.skipif(
    not (RECORDED / FOLDERS[0]).is_dir(), reason="the recordings of real services are not here"
)
FILES = [path for folder in FOLDERS for path in sorted((RECORDED / folder).glob("[0-9]*.json"))]

Ask = Callable[[Overseerr, re.Match[str], int | None, dict[str, Any]], Awaitable[Any]]
CALLS: dict[str, Ask] = {
    r"GET /status": lambda to, _, __, ___: to.status(),
    r"GET /settings/public": lambda to, _, __, ___: to.public(),
    r"GET /auth/me": lambda to, _, user, ___: to.me(user),
    r"GET /user": lambda to, _, __, ___: to.users(0),
    r"GET /user/(\d+)": lambda to, at, _, __: to.user(int(at[1])),
    r"GET /user/(\d+)/quota": lambda to, at, _, __: to.quota(int(at[1])),
    r"GET /search.*": lambda to, _, __, ___: to.search("matrix"),
    r"GET /discover/trending": lambda to, _, __, ___: to.trending(),
    r"GET /movie/(\d+)": lambda to, at, _, __: to.movie(int(at[1])),
    r"GET /tv/(\d+)": lambda to, at, _, __: to.series(int(at[1])),
    r"GET /request": lambda to, _, __, ___: to.requests(0),
    r"GET /request/(\d+)": lambda to, at, _, __: to.request(int(at[1])),
    r"POST /request": lambda to, _, user, body: to.ask_for(
        user or 1, body["mediaType"], body["mediaId"], is4k=False, seasons=[1]
    ),
    r"POST /request/(\d+)/approve": lambda to, at, user, _: to.decide(int(at[1]), "approve", user),
    r"POST /request/(\d+)/decline": lambda to, at, user, _: to.decide(int(at[1]), "decline", user),
    r"POST /request/(\d+)/retry": lambda to, at, user, _: to.retry(int(at[1]), user),
    r"DELETE /request/(\d+)": lambda to, at, user, _: to.cancel(int(at[1]), user),
}
"""What this plugin asks, by how it was asked when it was recorded."""

SAID = {
    "04-request-nokey": "auth_failed",
    "05-request-badkey": "auth_failed",
    "06-user-nokey": "auth_failed",
    "08-auth-me-nokey": "auth_failed",
    "09-request-key-before-any-user": "auth_failed",
    "27-search-space-plus": "upstream_error",
    "31-movie-404": "overseerr_no_such_title",
    "39-request-bad-body": "upstream_error",
    "40-request-unknown-media": "overseerr_no_such_title",
    "44-request-approve-as-alice": "acting_refused",
    "70-x-api-user-unknown": "acting_refused",
    "71-apikey-as-query": "auth_failed",
    "72-apikey-bearer": "auth_failed",
    "74-take-bad": "upstream_error",
    "75-dup-with-is4k-false": "overseerr_already_requested",
    "76-no-seasons-left": "overseerr_no_seasons_left",
    "overseerr/82-request-list-completed": "upstream_error",
    "83-request-list-bogus-filter": "upstream_error",
    "85-request-list-as-alice-requestedBy-bob": "overseerr_no_right",
}
"""What people hear of the recorded refusals, as a problem's code."""

NOT_ASKED = {
    *("03-root", "07-unknown", "10-auth-plex-badtoken", "11-auth-plex-owner", "13-plex-devices", "14-plex-save"),
    *(
        "15-plex-sync",
        "16-plex-enable",
        "17-initialize",
        "18-settings-main",
        "21-import-from-plex",
        "22-user-add-local",
    ),
    *("24-auth-local", "25-auth-local-wrong", "52-request-count", "57-request-count-as-alice", "59-user-requests"),
    *("62-media", "63-issue-count", "65-settings-about", "66-jobs", "67-job-run-full-scan", "68-media-after-scan"),
    *("77-job-run-full-scan-2", "79-count-after-available"),
}
"""Recordings of what this plugin never asks."""


def of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def recording(folder: str, name: str) -> Any:
    (path,) = (RECORDED / folder).glob(f"{name}-*.json")
    return of(path)["body"]


async def replayed(path: Path, fake_upstream: Any, http: Any) -> tuple[Any, str]:
    """What the client makes of the recorded answer: what it returned, or what it said of it."""
    found = of(path)
    request, status = found["request"], found["status"]
    plain = request["path"].partition("?")[0]
    body = found["body"]
    given = {} if status == 204 else {"json": body}
    fake_upstream.answer(request["method"], f"/api/v1{plain}", status=status, **given)
    asked = f"{request['method']} {plain}"
    pattern, call = next((key, call) for key, call in CALLS.items() if re.fullmatch(key, asked))
    matched = re.fullmatch(pattern, asked)
    assert matched is not None
    user = request["headers"].get("X-Api-User")
    client = Overseerr(http, fake_upstream.url, "k" * 20, TlsTrust())
    try:
        return await call(client, matched, int(user) if user else None, request["json"] or {}), ""
    except ActingRefused:
        return None, "acting_refused"
    except HubError as error:
        return None, error.error_code if error.message.endswith(".") else error.message


ASKED = [path for path in FILES if path.stem not in NOT_ASKED]


@pytest.mark.parametrize("path", ASKED, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_every_recorded_answer_parses_or_is_put_into_words(path, fake_upstream, context):
    ctx = await context(OverseerrSettings(url="http://o.test", api_key="k" * 20))
    answer, said = await replayed(path, fake_upstream, ctx.http)
    assert said == SAID.get(path.stem, SAID.get(f"{path.parent.name}/{path.stem}", ""))
    if of(path)["status"] == 404:
        assert answer is None
    elif not said and of(path)["status"] != 204:
        assert answer is not None


def test_nothing_recorded_is_left_out_without_a_word() -> None:
    names = {path.stem for path in FILES}
    assert {name.rpartition("/")[2] for name in SAID} | NOT_ASKED <= names


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_dialect_is_found_although_the_version_says_nothing(folder):
    for name in ("02", "19"):
        public = answers.Public.model_validate(recording(folder, name))
        assert dialect_of(recording(folder, "20")["version"], public) is Dialect(folder)


@pytest.mark.parametrize(("folder", "state"), [("overseerr", "available"), ("seerr", "completed")])
def test_what_arrived_is_so_in_both_dialects(folder, state):
    assert state_in(answers.Request.model_validate(recording(folder, "78"))) == state


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_states_of_all_recorded_requests(folder):
    before = answers.Requests.model_validate(recording(folder, "45"))
    assert {one.id: str(state_in(one)) for one in before.results} == {
        1: "pending", 2: "pending", 3: "processing", 4: "declined", 5: "pending", 6: "pending", 7: "processing",
    }  # fmt: skip


def test_a_change_by_key_with_csrf_protection_on_is_put_into_words() -> None:
    from medianest_overseerr.client.refusals import refusal

    text = (RECORDED / "overseerr" / "csrf-on-post-with-api-key.txt").read_text()

    class Answer:
        status = int(text.split()[1])
        body = text.partition("\n\n")[2].strip().encode()

    error = refusal(Answer(), acting=True)
    assert error.error_code == "overseerr_csrf"
    assert "CSRF protection" in error.message
