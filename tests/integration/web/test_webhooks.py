"""What outside services tell: the secret decides, what was heard is not done twice, and the secret is never written down."""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from typing import Any

import aiohttp
import pytest
import structlog

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.plugin_api import Role

from .conftest import Install, Reply, Site, StartSite

PLUGIN = """
import asyncio
from pydantic import BaseModel

heard = []
faults = []

class Storm(BaseModel):
    region: str
    level: int = 0

class Account(BaseModel):
    title: str

class Played(BaseModel):
    event: str
    Account: Account

async def storm(ctx: Context[PluginSettings], payload: Storm) -> None:
    if faults:
        fault = faults.pop()
        if isinstance(fault, asyncio.Event):
            heard.append("waiting")
            await fault.wait()
        else:
            raise fault
    heard.append(payload)

@hookimpl
def hub_webhooks():
    return [
        Webhook("storm", storm, Storm, body_limit=2000),
        Webhook("plex", storm, Played, secret_in_path=True, multipart_field="payload", body_limit=300_000),
    ]
"""
STORM = "/api/v1/hooks/station/storm"
PLEX = "/api/v1/hooks/station/plex"
ADMIN = "/api/v1/plugins/station/webhooks"


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("station", PLUGIN)
    return await start_site()


def plugin() -> Any:
    return sys.modules["synthetic_station.plugin"]


async def secret_of(site: Site, hook: str = "storm") -> str:
    ada = await site.person("ada", Role.ADMIN)
    made = await site.post(f"{ADMIN}/{hook}/secret", by=ada)
    assert made.status == 201, made.body
    return str(made.json()["secret"])


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def tell(site: Site, secret: str, region: str = "north", **more: Any) -> Reply:
    return await site.post(STORM, headers=bearer(secret), json={"region": region, **more})


def verdict(reply: Reply) -> tuple[int, str]:
    said = reply.json()
    return reply.status, said.get("code") or said.get("status")


async def test_with_its_secret_a_service_is_heard(site: Site) -> None:
    secret = await secret_of(site)
    assert secret.startswith("mnw_")
    assert verdict(await tell(site, secret, level=3)) == (200, "ok")
    assert [(one.region, one.level) for one in plugin().heard] == [("north", 3)]
    # As Overseerr sends what the admin typed: no scheme before it.
    bare = await site.post(STORM, headers={"Authorization": secret}, json={"region": "south"})
    assert verdict(bare) == (200, "ok")


async def test_without_it_nobody_is(site: Site) -> None:
    assert verdict(await site.post(STORM, json={"region": "north"})) == (404, "no_such_webhook")  # none was made yet
    secret = await secret_of(site)
    ada = await site.person("ada", Role.ADMIN)
    other = await secret_of(site, "plex")
    for headers in ({}, {"Authorization": ""}, bearer(secret[:-1]), bearer(other), bearer("ä"), ada.headers):
        reply = await site.post(STORM, headers=headers, json={"region": "north"})
        assert verdict(reply) == (401, "webhook_secret")
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    for path in (f"{STORM}/{secret}", f"{PLEX}/wrong", f"{PLEX}/{'x' * 300}", f"{PLEX}/%00", f"{PLEX}/%ff"):
        assert (await site.post(path, json={"region": "north"})).status == 404
    assert (await site.get(STORM, headers=bearer(secret))).status == 405
    assert plugin().heard == []


async def test_a_new_secret_ends_the_old_one_and_without_one_it_is_off(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    old = await secret_of(site)
    new = await secret_of(site)
    assert (await tell(site, old)).status == 401
    assert (await tell(site, new)).status == 200
    assert (await site.call("DELETE", f"{ADMIN}/storm/secret", by=ada)).status == 204
    assert verdict(await tell(site, new, "south")) == (404, "no_such_webhook")
    again = await site.call("DELETE", f"{ADMIN}/storm/secret", by=ada)
    assert verdict(again) == (404, "no_webhook_secret")


async def test_a_plugin_that_is_off_hears_nothing(site: Site) -> None:
    secret = await secret_of(site)
    await site.parts.host.wanted.set_enabled("station", False)
    await site.parts.host.reconcile()
    assert verdict(await tell(site, secret)) == (404, "plugin_disabled")
    assert (await site.post("/api/v1/hooks/nobody/storm", headers=bearer(secret))).status == 404


async def test_what_does_not_fit_is_refused_field_by_field(site: Site) -> None:
    secret = await secret_of(site)
    wrong = await tell(site, secret, level="high")
    assert verdict(wrong) == (400, "validation_failed")
    assert [problem["field"] for problem in wrong.json()["errors"]] == ["body.level"]
    for body in (b"{", b"", b"\xff", b'{"region": "\\u0000"}', b"[" * 1900):
        assert (await site.post(STORM, headers=bearer(secret), data=body)).status == 400, body
    huge = await tell(site, secret, "x" * 3000)
    assert verdict(huge) == (413, "too_large")
    packed = {**bearer(secret), "Content-Encoding": "gzip"}
    assert (await site.post(STORM, headers=packed, data=b"{}")).status == 415
    assert plugin().heard == []


def form(payload: str | None, picture: bytes = b"", **fields: str) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    if payload is not None:
        made.add_field("payload", payload, content_type="application/json")
    if picture:
        made.add_field("thumb", picture, filename="thumb.jpg", content_type="image/jpeg")
    for name, value in fields.items():
        made.add_field(name, value)
    return made


async def test_a_form_is_read_as_plex_sends_it(site: Site) -> None:
    """As on https://support.plex.tv/articles/115002267687-webhooks/: a form, with a picture beside the JSON at times."""
    secret = await secret_of(site, "plex")
    payload = {"event": "media.play", "user": True, "Account": {"id": 1, "title": "Élan \U0001f3ac"}}
    reply = await site.post(f"{PLEX}/{secret}", data=form(json.dumps(payload), picture=bytes(range(256)) * 400))
    assert verdict(reply) == (200, "ok")
    assert plugin().heard[0].Account.title == "Élan \U0001f3ac"
    assert verdict(await site.post(f"{PLEX}/{secret}", json=payload)) == (200, "ok")
    assert verdict(await site.post(PLEX, headers=bearer(secret), data=form(json.dumps(payload)))) == (200, "ok")


async def test_a_form_that_is_none_is_refused(site: Site) -> None:
    secret = await secret_of(site, "plex")
    path = f"{PLEX}/{secret}"
    for made in (form(None, other="x"), form("{"), form("{}"), form(None, picture=b"x")):
        assert (await site.post(path, data=made)).status == 400
    kind = "multipart/form-data"
    raw = b'--b\r\nContent-Disposition: form-data; name="payload"\r\n\r\n{}\r\n--b--\r\n'
    for content_type, body in (
        (kind, raw),
        (f"{kind}; boundary=", raw),
        (f"{kind}; boundary={'x' * 71}", raw),
        (f"{kind}; boundary=-", raw),
        (f"{kind}; boundary=b", raw.replace(b"form-data", b"\xff\xfe")),
        (f"{kind}; boundary=b", b"--b\r\nno header at all\r\n\r\n{}\r\n--b--\r\n"),
        (f"{kind}; boundary=b", b"--b" * 20_000),
        (f"{kind}; boundary=b", raw.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=klingon\r\n\r\n")),
    ):
        reply = await site.post(path, headers={"Content-Type": content_type}, data=body)
        assert reply.status == 400, (content_type, body[:40])
    for content_type in ("multipart/mixed; boundary=b", "application/x-www-form-urlencoded"):
        assert (await site.post(path, headers={"Content-Type": content_type}, data=raw)).status == 415
    assert plugin().heard == []


async def test_the_same_message_sent_twice_is_heard_once_over_all_replicas(site: Site, start_site: StartSite) -> None:
    other = await start_site()
    secret = await secret_of(site)
    replies = await asyncio.gather(*(tell(one, secret) for one in (site, other) * 5))
    assert sorted(verdict(reply) for reply in replies) == [(200, "duplicate")] * 9 + [(200, "ok")]
    assert len(plugin().heard) == 1
    assert verdict(await tell(site, secret, "south")) == (200, "ok")


async def test_without_redis_a_process_still_notices_what_it_heard(
    install: Install, start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    install("station", PLUGIN)
    site = await start_site(redis=valkey_server.url)
    secret = await secret_of(site)
    valkey_server.stop()
    assert [verdict(await tell(site, secret))[1] for _ in range(3)] == ["ok", "duplicate", "duplicate"]


async def test_what_failed_may_be_sent_again(site: Site) -> None:
    secret = await secret_of(site)
    plugin().faults[:] = [ValueError("broken"), ValueError("broken")]
    statuses = [(await tell(site, secret)).status for _ in range(3)]
    assert statuses == [500, 500, 200]


async def test_a_sender_that_hung_up_may_send_again(site: Site) -> None:
    secret = await secret_of(site)
    plugin().faults[:] = [asyncio.Event()]
    call = asyncio.create_task(tell(site, secret))
    while not plugin().heard:
        await asyncio.sleep(0.01)
    call.cancel()
    async with asyncio.timeout(5):
        while verdict(await tell(site, secret)) != (200, "ok"):
            await asyncio.sleep(0.05)


def signed(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {**bearer(secret), "X-MediaNest-Timestamp": stamp, "X-MediaNest-Signature": signature}


async def test_a_signature_is_good_once_and_not_for_long(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medianest_hub.web.webhooks.endpoint.SAME_BODY_SECONDS", 1)
    secret = await secret_of(site)
    body = b'{"region": "north"}'
    headers = signed(secret, body)
    assert verdict(await site.post(STORM, headers=headers, data=body)) == (200, "ok")
    assert verdict(await site.post(STORM, headers=headers, data=body)) == (200, "duplicate")
    async with asyncio.timeout(5):  # once it is no repetition of a moment ago, it is a replay
        while (again := verdict(await site.post(STORM, headers=headers, data=body))) == (200, "duplicate"):
            await asyncio.sleep(0.1)
    assert again == (409, "signature_used")
    for at in (time.time() - 310, time.time() + 310):
        assert verdict(await site.post(STORM, headers=signed(secret, body, at), data=body))[0] == 401
    # A signature for another body, one without its time, a time without signature.
    for bad in (
        signed(secret, b"other"),
        {name: value for name, value in headers.items() if name != "X-MediaNest-Timestamp"},
        {name: value for name, value in headers.items() if name != "X-MediaNest-Signature"},
        {**headers, "X-MediaNest-Timestamp": "now"},
        {**headers, "X-MediaNest-Signature": "ä"},
    ):
        assert verdict(await site.post(STORM, headers=bad, data=body)) == (401, "signature_invalid")
    assert len(plugin().heard) == 1


async def test_admins_see_what_was_heard_and_never_the_secret(site: Site) -> None:
    ada, mia = await site.person("ada", Role.ADMIN), await site.person("mia")
    assert (await site.get(ADMIN, by=mia)).status == 403
    assert (await site.post(f"{ADMIN}/storm/secret", by=mia)).status == 403
    before = (await site.get(ADMIN, by=ada)).json()["items"]
    assert [(one["name"], one["created_at"], one["secret_in_path"]) for one in before] == [
        ("storm", None, False),
        ("plex", None, True),
    ]
    made = (await site.post(f"{ADMIN}/plex/secret", by=ada)).json()
    assert made["address"] == f"{site.url}{PLEX}/{made['secret']}"
    secret = await secret_of(site)
    await tell(site, secret, level="high")
    (storm, _) = (await site.get(ADMIN, by=ada)).json()["items"]
    assert storm["last_result"] == "validation_failed"
    await tell(site, secret)
    listed = await site.get(ADMIN, by=ada)
    (storm, plex) = listed.json()["items"]
    assert storm["last_result"] == "ok"
    assert storm["last_received_at"] is not None
    assert plex["last_received_at"] is None
    assert made["secret"].encode() not in listed.body
    for path in (f"{ADMIN}/other/secret", "/api/v1/plugins/nobody/webhooks/storm/secret"):
        assert (await site.post(path, by=ada)).status == 404
    kept = await site.parts.db.fetchval("SELECT string_agg(w::text, ' ') FROM medianest.webhooks AS w")
    assert secret not in kept


async def test_that_something_came_is_written_once_a_minute(site: Site) -> None:
    secret = await secret_of(site)

    async def last() -> Any:
        return await site.parts.db.fetchval("SELECT last_received_at FROM medianest.webhooks")

    await tell(site, secret, "one")
    first = await last()
    await tell(site, secret, "two")
    assert first is not None
    assert await last() == first


async def test_webhooks_have_a_limit_of_their_own(install: Install, start_site: StartSite) -> None:
    install("station", PLUGIN)
    site = await start_site(limits__webhooks="3/hour", limits__api="4/hour")
    assert [(await site.post(STORM, json={})).status for _ in range(4)] == [404, 404, 404, 429]
    assert (await site.get("/api/v1/setup")).status == 200  # nothing of `api` was used


async def test_a_slow_handler_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = await secret_of(site)
    for one in site.mounted:
        if one.template == STORM:
            object.__setattr__(one.route, "deadline", 0.2)
    plugin().faults[:] = [asyncio.Event()]
    assert verdict(await tell(site, secret)) == (504, "deadline_exceeded")


async def test_a_secret_in_the_path_is_written_down_nowhere(
    capfd: pytest.CaptureFixture[str], install: Install, start_site: StartSite
) -> None:
    install("station", PLUGIN)
    site = await start_site(log__level="debug")
    configure_logs("debug", "json")
    secret = await secret_of(site, "plex")
    payload = json.dumps({"event": "x", "Account": {"title": "y"}})
    path = f"{PLEX}/{secret}"
    plugin().faults[:] = [ValueError("broken")]
    replies = [
        await site.post(path, data=form(payload)),
        await site.post(path, data=form(payload)),
        await site.post(path, data=form("{")),
        await site.post(path + "/more", data=b"x"),
        await site.get(path),
        await site.call("OPTIONS", path),
        await site.post(path, data=b"x" * 400_000),
        await site.post(path + "?a=%ff", data=b"x"),
    ]
    assert [reply.status for reply in replies[:3]] == [500, 200, 400]
    ada = await site.person("ada", Role.ADMIN)
    pages = ("/api/openapi.json", "/metrics", "/api/v1/audit", ADMIN, "/api/v1/plugins/station/diagnostics")
    replies += [await site.get(page, by=ada) for page in pages]
    written = capfd.readouterr()
    structlog.reset_defaults()  # the site outlives what is caught here
    assert '"route": "/api/v1/hooks/station/plex/{secret}"' in written.err
    assert secret not in written.err + written.out
    for reply in replies:
        assert secret not in reply.body.decode() + str(reply.headers)
    entries = await site.parts.db.fetch("SELECT to_jsonb(e)::text AS text FROM medianest.audit AS e")
    assert not [entry for entry in entries if secret in entry["text"]]
