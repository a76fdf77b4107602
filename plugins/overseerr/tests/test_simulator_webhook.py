"""What the simulator posts to a webhook of its own accord: every kind once, in the template's words, with the header."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.server import OVERSEERR, SEERR, IssueType, Kind, OverseerrSimulator, Permission
from tests.simulators.overseerr.webhook import USUAL_TEMPLATE

FILM, SERIES = 910001, 210004


class Receiver:
    """Keeps what was posted; answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), json.loads(await request.text())))
        return web.Response(status=self.status)

    @property
    def kinds(self) -> list[str]:
        return [said["notification_type"] for _, said in self.got]

    async def until(self, count: int) -> None:
        """Wait until so many came."""
        async with asyncio.timeout(10):
            while len(self.got) < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made, app = Receiver(), web.Application()
    app.router.add_post("/hook", made.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture(params=[OVERSEERR, SEERR])
def simulator(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    made = OverseerrSimulator(request.param)
    made.add_user("Ann", plex_id=1002, permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    with made.running():
        yield made


async def test_every_step_of_a_request_is_posted_once(simulator, receiver):
    simulator.set_webhook(receiver.url, "Bearer of-the-hub")
    request = await asyncio.to_thread(simulator.request, "Ann", ("movie", FILM))
    await receiver.until(1)
    await asyncio.to_thread(simulator.approve, request)
    await receiver.until(2)
    await asyncio.to_thread(simulator.arrive, request)
    await receiver.until(3)
    await asyncio.to_thread(simulator.arrive, request)
    declined = await asyncio.to_thread(simulator.request, "Ann", ("tv", SERIES), seasons=[1, 2])
    await receiver.until(4)
    await asyncio.to_thread(simulator.decline, declined)
    await receiver.until(5)
    auto = await asyncio.to_thread(simulator.request, 1, ("movie", 910002))
    await receiver.until(6)
    await asyncio.to_thread(simulator.fail, auto)
    await receiver.until(7)

    assert receiver.kinds[:5] == [
        "MEDIA_PENDING", "MEDIA_APPROVED", "MEDIA_AVAILABLE", "MEDIA_PENDING", "MEDIA_DECLINED",
    ]  # fmt: skip
    assert receiver.kinds[5:] == ["MEDIA_AUTO_APPROVED", "MEDIA_FAILED"]
    assert {headers["Authorization"] for headers, _ in receiver.got} == {"Bearer of-the-hub"}
    await simulator.reached(lambda: len(simulator.world.webhook.sent) == 7)
    assert simulator.world.webhook.sent == [(kind, 200) for kind in receiver.kinds]


async def test_the_usual_template_has_everything_as_text_and_null_for_what_there_is_nothing_of(simulator, receiver):
    simulator.set_webhook(receiver.url)
    request = await asyncio.to_thread(simulator.request, "Ann", ("tv", SERIES), seasons=[1, 2])
    await receiver.until(1)
    headers, said = receiver.got[0]

    assert "Authorization" not in headers
    assert said == {
        "notification_type": "MEDIA_PENDING",
        "event": "New Series Request",
        "subject": "Walnut & Sons (2016)",
        "message": "A family of furniture makers through five hard years.",
        "image": f"https://image.tmdb.org/t/p/w600_and_h900_bestv2/pt{SERIES}.jpg",
        "media": {
            "media_type": "tv", "tmdbId": str(SERIES), "tvdbId": str(SERIES + 500_000),
            "status": "PENDING", "status4k": "UNKNOWN",
        },
        "request": {
            "request_id": str(request.id),
            "requestedBy_email": "ann@home.example",
            "requestedBy_username": "Ann",
            "requestedBy_avatar": "https://plex.tv/users/1002/avatar?c=1",
            "requestedBy_settings_discordId": "",
            "requestedBy_settings_telegramChatId": "",
        },
        "issue": None,
        "comment": None,
        "extra": [{"name": "Requested Seasons", "value": "1, 2"}],
    }  # fmt: skip


async def test_issues_are_posted_with_who_said_what(simulator, receiver):
    simulator.set_webhook(receiver.url)
    opened = await asyncio.to_thread(
        simulator.open_issue, "Ann", ("tv", SERIES), "Too dark.", IssueType.VIDEO, season=2, episode=3
    )
    await receiver.until(1)
    await asyncio.to_thread(simulator.comment, opened, 1, "Looking.")
    await receiver.until(2)
    await asyncio.to_thread(simulator.close_issue, opened)
    await receiver.until(3)
    await asyncio.to_thread(simulator.close_issue, opened)
    await asyncio.to_thread(simulator.reopen_issue, opened)
    await receiver.until(4)

    assert receiver.kinds == ["ISSUE_CREATED", "ISSUE_COMMENT", "ISSUE_RESOLVED", "ISSUE_REOPENED"]
    bodies = [said for _, said in receiver.got]
    assert [one["event"] for one in bodies] == [
        "New Video Issue Reported", "New Comment on Video Issue", "Video Issue Resolved", "Video Issue Reopened",
    ]  # fmt: skip
    assert {one["message"] for one in bodies} == {"Too dark."}
    assert [one["issue"]["issue_status"] for one in bodies] == ["OPEN", "OPEN", "RESOLVED", "OPEN"]
    assert bodies[1]["comment"] == {
        "comment_message": "Looking.",
        "commentedBy_email": "owner@home.example",
        "commentedBy_username": "owner",
        "commentedBy_avatar": "https://plex.tv/users/1001/avatar?c=1",
        "commentedBy_settings_discordId": "",
        "commentedBy_settings_telegramChatId": "",
    }
    assert bodies[0]["extra"][1] == {"name": "Affected Episode", "value": "3"}
    assert bodies[0]["request"] is None


async def test_only_chosen_kinds_are_posted_and_a_template_of_ones_own_is_filled(simulator, receiver):
    own = '{"kind": "{{notification_type}}", "who": "{{notifyuser_username}}", "n": 1, "list": ["{{subject}}", true]}'
    simulator.set_webhook(receiver.url, template=own, types=int(Kind.MEDIA_APPROVED))
    request = await asyncio.to_thread(simulator.request, "Ann", ("movie", FILM))
    await asyncio.to_thread(simulator.approve, request)
    await receiver.until(1)
    assert [said for _, said in receiver.got] == [
        {"kind": "MEDIA_APPROVED", "who": "Ann", "n": 1, "list": ["The Salt Cartographer (2024)", True]}
    ]
    simulator.set_webhook(receiver.url, on=False)
    await asyncio.to_thread(simulator.arrive, request)
    await simulator.reached(lambda: simulator.world.webhook.sent)
    assert len(simulator.world.webhook.sent) == len(receiver.got) == 1


async def test_a_single_notice_can_be_posted_by_hand_and_as_often_as_one_likes(simulator, receiver):
    request = simulator.request("Ann", ("movie", FILM))
    for _ in range(2):
        assert await simulator.notify(Kind.MEDIA_AVAILABLE, receiver.url, "secret", request=request) == 200
    assert receiver.kinds == ["MEDIA_AVAILABLE"] * 2
    receiver.status = 401
    assert await simulator.notify(Kind.TEST_NOTIFICATION, receiver.url) == 401
    assert (receiver.got[-1][1]["subject"], receiver.got[-1][1]["media"]) == ("Test Notification", None)
    assert await simulator.notify(Kind.TEST_NOTIFICATION, "http://127.0.0.1:1/") == 0


async def test_the_test_button_and_a_refusal_are_noted(simulator, receiver):
    simulator.set_webhook(receiver.url)
    receiver.status = 500
    simulator.test_webhook()
    await simulator.reached(lambda: simulator.world.webhook.sent)
    assert simulator.world.webhook.sent == [("TEST_NOTIFICATION", 500)]


def test_the_usual_template_is_json_with_every_part():
    assert {"{{media}}", "{{request}}", "{{issue}}", "{{comment}}", "{{extra}}"} <= json.loads(USUAL_TEMPLATE).keys()
