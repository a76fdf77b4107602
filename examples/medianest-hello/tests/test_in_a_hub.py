"""The whole plugin in a running hub: web process, worker, PostgreSQL and Valkey, asked over HTTP as people would."""

from __future__ import annotations

from typing import Any

from medianest_hub.plugin_api import Role
from medianest_hub.testing import Hub


async def test_a_greeting_is_answered_by_the_worker(hub: Hub) -> None:
    grace = await hub.person("grace")
    left = await grace.post("/api/v1/hello/greetings", json={"text": "good morning"})
    assert left.status == 201
    path = f"/api/v1/hello/greetings/{left.json()['id']}"
    answered = await grace.until(path, lambda reply: bool(reply.json()["answer"]))
    assert answered.json()["answer"] == "Hello, grace!"
    # Listed, though the list was cached before: the answer bumped its tag.
    listed = await grace.get("/api/v1/hello/greetings")
    assert listed.json()["items"][0]["answer"] == "Hello, grace!"


async def test_nobody_removes_another_persons_greeting(hub: Hub) -> None:
    grace, alan = await hub.person("grace"), await hub.person("alan")
    left = (await grace.post("/api/v1/hello/greetings", json={"text": "mine"})).json()
    path = f"/api/v1/hello/greetings/{left['id']}"
    assert (await alan.delete(path)).status == 404
    assert (await grace.delete(path)).status == 204
    assert (await grace.get(path)).status == 404


async def test_guests_read_and_strangers_are_told_to_sign_in(hub: Hub) -> None:
    guest = await hub.person("guest", Role.GUEST)
    assert (await guest.get("/api/v1/hello/greetings")).status == 200
    assert (await guest.post("/api/v1/hello/greetings", json={"text": "hello"})).status == 403
    # Not 400, though the body is wrong: a stranger learns nothing of what a route takes.
    assert (await hub.stranger.post("/api/v1/hello/greetings", json={"wrong": 1})).status == 401
    assert (await hub.stranger.get("/api/v1/hello/about")).status == 200


async def test_a_bad_greeting_is_refused_naming_each_field(hub: Hub) -> None:
    reply = await hub.admin.post("/api/v1/hello/greetings", json={"text": "", "extra": 1})
    assert reply.status == 400
    assert "body.text" in {problem["field"] for problem in reply.json()["errors"]}


async def test_the_stream_beats_in_one_worker(hub: Hub) -> None:
    reply = await hub.stranger.until("/api/v1/hello/about", lambda reply: reply.json()["beats"] >= 2)
    assert reply.json()["fence"] >= 1


async def test_the_hub_shows_check_widgets_metrics_and_routes(hub: Hub) -> None:
    def has_check(reply: Any) -> bool:
        return "word_service" in reply.body.decode()

    await hub.admin.until("/api/health", has_check)
    tiles = (await hub.admin.get("/api/v1/dashboard")).json()["items"]
    assert {tile["title"] for tile in tiles if tile["plugin"] == "hello"} == {"Guest book", "My greetings"}
    await hub.admin.post("/api/v1/hello/greetings", json={"text": "count me"})
    assert "medianest_hello_greetings_left_total" in (await hub.stranger.get("/metrics")).body.decode()
    paths = (await hub.stranger.get("/api/openapi.json")).json()["paths"]
    assert "/api/v1/hello/greetings/{id}" in paths


async def test_the_periodic_task_ran_by_itself(hub: Hub) -> None:
    def has_run(reply: Any) -> bool:
        return any(job["task"] == "tidy" and job["state"] == "done" for job in reply.json()["items"])

    await hub.admin.until("/api/v1/jobs", has_run)


async def test_the_command_is_there(hub: Hub) -> None:
    done = await hub.command("hello", "say", "Anna")
    assert done.stdout == "Hello, Anna!\n"


async def test_a_postcard_needs_the_secret_and_has_a_badge(hub: Hub) -> None:
    path = "/api/v1/hooks/hello/postcard"
    card = {"name": "Vera", "text": "sunny here"}
    assert (await hub.stranger.post(path, json=card)).status == 404  # it has no secret yet
    made = (await hub.admin.post("/api/v1/plugins/hello/webhooks/postcard/secret")).json()
    wrong = await hub.stranger.post(path, json=card, headers={"Authorization": "Bearer guessed"})
    assert wrong.status == 401
    told = await hub.stranger.post(path, json=card, headers={"Authorization": made["authorization"]})
    assert (told.status, told.json()) == (200, {"status": "ok"})
    again = await hub.stranger.post(path, json=card, headers={"Authorization": made["authorization"]})
    assert again.json() == {"status": "duplicate"}

    def has_postcard(reply: Any) -> bool:
        return any(item["author_name"] == "Vera" and item["answer"] for item in reply.json()["items"])

    await hub.admin.until("/api/v1/hello/greetings", has_postcard)
    tile = (
        await hub.admin.until("/api/v1/dashboard/hello.main.latest", lambda reply: reply.json()["data"] is not None)
    ).json()
    picture = await hub.stranger.get(tile["data"]["items"][0]["image"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/webp")
