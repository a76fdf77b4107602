"""A stranger's plugin in a running hub shows pictures and hears its service; the command line makes the secret."""

from __future__ import annotations

import re

from medianest_hub.testing import Hub, Reply

HOOK = ("plugins", "webhook", "station", "played")


def word(reply: Reply) -> str:
    said = reply.json()
    return str(said.get("code") or said.get("status"))


async def made(hub: Hub) -> str:
    """The path with the secret in it, as the command printed it."""
    done = await hub.command(*HOOK)
    found = re.search(r"^address: (http://\S+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    assert found[1].startswith(hub.url)
    return found[1].removeprefix(hub.url)


async def test_the_service_is_heard_with_the_secret_the_command_printed(hub: Hub) -> None:
    path = await made(hub)
    assert "no secret yet" not in (await hub.command("plugins", "webhook", "station")).stdout
    assert word(await hub.stranger.post(path, json={"event": "play"})) == "ok"
    assert (await hub.admin.get("/api/v1/station/latest")).json()["event"] == "play"
    assert "ok" in (await hub.command("plugins", "webhook", "station")).stdout
    before = path
    path = await made(hub)
    assert word(await hub.stranger.post(before, json={"event": "stop"})) == "no_such_webhook"
    crashed = await hub.stranger.post(path, json={"event": "crash"})
    assert (crashed.status, word(crashed)) == (500, "internal_error")
    assert word(await hub.stranger.post(path, json={"event": "stop"})) == "ok"
    for secret in (before.rpartition("/")[2], path.rpartition("/")[2]):
        assert secret not in hub.process.log
    assert "is off" in (await hub.command(*HOOK, "--off")).stdout
    assert word(await hub.stranger.post(path, json={"event": "play"})) == "no_such_webhook"


async def test_a_webhook_that_is_none_is_refused_in_words(hub: Hub) -> None:
    done = await hub.command("plugins", "webhook", "station", "other", check=False)
    assert done.returncode == 2
    assert "there are: played" in done.stderr
    assert (await hub.command("plugins", "webhook", "vault_typed")).stdout == "vault_typed has no webhooks\n"


async def test_its_pictures_are_shown_through_the_hub(hub: Hub) -> None:
    path = (await hub.admin.get("/api/v1/station/latest")).json()["picture"]
    shown = await hub.stranger.get(path)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/webp")
    again = await hub.stranger.get(path, headers={"If-None-Match": shown.headers["ETag"]})
    assert again.status == 304
