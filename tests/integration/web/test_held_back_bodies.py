"""Rights are those of the moment a body has arrived: whoever holds theirs back while being thrown out does nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role
from medianest_hub.web.endpoint import SLOW_BODY_SECONDS

from .conftest import Install, Site, Somebody, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from uuid import UUID
from pydantic import BaseModel

router = Router()
calls = []
owners = {}

class At(BaseModel):
    id: UUID

class Body(BaseModel):
    text: str

class Who(BaseModel):
    name: str | None

async def owner(ctx, call):
    return owners.get(call.path.id)

@router.post("/things/{id}", permission="use", owner=owner)
async def change(ctx, call: Call[At, Empty, Body]) -> Who:
    calls.append(call)
    return Who(name=call.caller.username)

@router.post("/use", permission="use")
async def use(ctx, call: Call[Empty, Empty, Body]) -> Who:
    calls.append(call)
    return Who(name=call.caller.username)

@router.post("/open", public=True)
async def open_to_all(ctx, call: Call[Empty, Empty, Body]) -> Who:
    return Who(name=call.person.username if call.person is not None else None)

@hookimpl
def hub_plugin():
    return PluginInfo(title="Held", api_version=1, permissions=[Permission("use", default=Role.MEMBER)])

@hookimpl
def hub_routes():
    return router
"""
BODY = {"text": "x"}
Verdict = tuple[int, Any]
Done = Callable[[Site, Somebody], Awaitable[object]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("held", PLUGIN)
    return await start_once()


class Held:
    """A request whose head was heard and whose body is still to come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        self._reader, self._writer, self._body = reader, writer, body

    async def finish(self) -> Verdict:
        """Send the body; the status, and the problem's code or the answer."""
        self._writer.write(self._body)
        async with asyncio.timeout(10):
            answer = await self._reader.read()
        self._writer.close()
        said = json.loads(answer.rpartition(b"\r\n\r\n")[2] or b"null")
        return int(answer.split(b" ", 2)[1]), said.get("code", said)


async def hold(site: Site, token: str, path: str, body: object, method: str = "POST") -> Held:
    """The hub has asked for the body (100), so that every verdict was spoken, and that is long enough ago to be old."""
    content = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = (
        f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Expect: 100-continue",
        "Content-Type: application/json", f"Content-Length: {len(content)}", "Connection: close", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    assert b"100" in await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(SLOW_BODY_SECONDS + 0.05)
    return Held(reader, writer, content)


async def end(site: Site, who: Somebody) -> None:
    await site.parts.sessions.end(who.session_id)


async def disable(site: Site, who: Somebody) -> None:
    await site.parts.leaving.change(who.id, status="disabled")


async def demote(site: Site, who: Somebody) -> None:
    await site.parts.people.set_role(who.id, Role.GUEST)


@pytest.mark.parametrize(
    ("thrown_out", "refusal"),
    [(end, (401, "session_ended")), (disable, (401, "session_ended")), (demote, (403, "forbidden"))],
)
async def test_a_body_held_back_while_its_sender_is_thrown_out_does_nothing(
    site: Site, thrown_out: Done, refusal: Verdict
) -> None:
    from synthetic_held import plugin as synthetic_held  # type: ignore[import-not-found]

    who = await site.person(f"held_{thrown_out.__name__}")
    synthetic_held.owners[who.id] = who.id
    synthetic_held.calls.clear()
    held = [await hold(site, who.token, path, BODY) for path in ("/api/v1/held/use", f"/api/v1/held/things/{who.id}")]
    public = await hold(site, who.token, "/api/v1/held/open", BODY)
    await thrown_out(site, who)
    assert [await one.finish() for one in held] == [refusal, refusal]
    assert not synthetic_held.calls
    known = thrown_out is demote  # a public route serves strangers, as which the others are seen now
    assert await public.finish() == (200, {"name": f"held_{thrown_out.__name__}" if known else None})


async def test_a_thing_given_away_while_the_body_is_held_back_is_somebody_elses(site: Site) -> None:
    from synthetic_held import plugin as synthetic_held

    who = await site.person("giver")
    synthetic_held.owners[who.id] = who.id
    held = await hold(site, who.token, f"/api/v1/held/things/{who.id}", BODY)
    synthetic_held.owners[who.id] = (await site.person("taker")).id
    assert await held.finish() == (404, "not_found")


async def test_whoever_stays_who_they_are_may_send_slowly(site: Site) -> None:
    who = await site.person("slow")
    assert await (await hold(site, who.token, "/api/v1/held/use", BODY)).finish() == (200, {"name": "slow"})


async def test_an_admin_thrown_out_makes_no_admin_no_link_and_no_key_by_a_body_held_back(site: Site) -> None:
    ada, bob = await site.person("ada", Role.ADMIN), await site.person("bob", Role.ADMIN)
    held = [
        await hold(site, bob.token, "/api/v1/users", {"username": "ghost", "role": "admin"}),
        await hold(site, bob.token, f"/api/v1/users/{ada.id}/password-link", {}),
        await hold(site, bob.token, "/api/v1/api-keys", {"name": "x", "permissions": ["hub.admin"]}),
        await hold(site, bob.token, f"/api/v1/users/{bob.id}", {"status": "active", "role": "admin"}, "PATCH"),
    ]
    await disable(site, bob)
    assert [(await one.finish())[0] for one in held] == [401] * 4
    assert await site.parts.people.by_username("ghost") is None


async def test_a_revoked_keys_body_held_back_does_nothing(site: Site) -> None:
    who = await site.person("keyed")
    person = await site.parts.people.get(who.id)
    assert person is not None
    key, token = await site.parts.api_keys.create(person, "k", ["held.use"])
    held = await hold(site, token, "/api/v1/held/use", BODY)
    await site.parts.api_keys.revoke(key.id)
    assert await held.finish() == (401, "api_key_invalid")


async def test_only_a_slow_body_is_asked_about_again_and_then_past_every_hint(site: Site) -> None:
    who = await site.person("hinted")
    assert (await site.post("/api/v1/held/use", by=who, json=BODY)).status == 200
    held = await hold(site, who.token, "/api/v1/held/use", BODY)
    # Ended without a word to Redis, which goes on saying that it lives.
    await site.parts.db.execute("UPDATE medianest.sessions SET ended_at = now() WHERE id = $1", who.session_id)
    assert (await site.post("/api/v1/held/use", by=who, json=BODY)).status == 200
    assert await held.finish() == (401, "session_ended")
