"""What plugins learn of people: whose outside account is whose, as long as the provider stands for it. And the test double."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_hub.plugin_api import LinkedIdentity, Role
from medianest_hub.plugin_api.sign_in import Identity
from medianest_hub.testing.makers import make_person
from medianest_hub.testing.memory_people import MemoryPeople

from .conftest import Install, Site, StartSite

PLUGIN = """
from uuid import UUID
from pydantic import BaseModel
from medianest_hub.plugin_api import Identity, SignInProvider, SignInStart

router = Router()

class At(BaseModel):
    id: UUID

class Of(BaseModel):
    provider: str | None = None

class Whose(Of):
    subject: str

class Found(BaseModel):
    name: str | None

@router.get("/identity/{id}", permission="look")
async def identity(ctx, call: Call[At, Of]) -> Found:
    found = await ctx.people.identity(call.path.id, call.query.provider)
    return Found(name=found and f"{found.provider}:{found.subject}:{found.username}:{found.email}")

@router.get("/whose", permission="look")
async def whose(ctx, call: Call[Empty, Whose]) -> Found:
    person = await ctx.people.by_identity(call.query.subject, call.query.provider)
    return Found(name=person and person.username)

@router.get("/linked", permission="look")
async def linked(ctx, call: Call[Empty, Of]) -> Found:
    found = await ctx.people.linked(call.query.provider)
    return Found(name=",".join(f"{person}:{one.subject}" for person, one in found.items()))

@router.get("/email/{id}", permission="look")
async def email(ctx, call: Call[At]) -> Found:
    return Found(name=await ctx.people.verified_email(call.path.id))

async def begin(ctx, return_url):
    return SignInStart(url="https://lookup.example")

async def complete(ctx, state, answer):
    return None

@hookimpl
def hub_plugin():
    return PluginInfo(title="Lookup", api_version=1, permissions=[Permission("look", default=Role.GUEST)])

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_sign_in():
    return [SignInProvider("lookup", "Lookup", begin, complete)]
"""


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("lookup", PLUGIN)
    return await start_site()


async def test_a_plugin_learns_of_linked_identities_as_long_as_they_stand(site: Site) -> None:
    root = await site.person("root", Role.ADMIN)
    mia, tom = await site.person("mia"), await site.person("tom")
    identities = site.parts.identities
    own = await identities.link(mia.id, "lookup", Identity(subject="m-1", username="mia_k", email="mia@home.test"))
    await identities.link(mia.id, "oidc", Identity(subject="o-1", username="mia.k"))

    async def identity(person_id: UUID, **query: str) -> Any:
        return (await site.get(f"/api/v1/lookup/identity/{person_id}", by=root, params=query)).json()["name"]

    async def whose(subject: str, **query: str) -> Any:
        return (await site.get("/api/v1/lookup/whose", by=root, params={"subject": subject, **query})).json()["name"]

    async def linked(**query: str) -> Any:
        return (await site.get("/api/v1/lookup/linked", by=root, params=query)).json()["name"]

    assert (await linked(), await linked(provider="oidc")) == (f"{mia.id}:m-1", f"{mia.id}:o-1")
    assert await identity(mia.id) == "lookup:m-1:mia_k:mia@home.test"
    assert await identity(mia.id, provider="oidc") == "oidc:o-1:mia.k:None"
    assert (await whose("m-1"), await whose("o-1", provider="oidc")) == ("mia", "mia")
    # Of nobody, of another provider, of somebody who has none, of somebody there is not.
    assert (await whose("o-1"), await whose("m-1", provider="oidc"), await whose("?")) == (None, None, None)
    assert (await identity(mia.id, provider="gone"), await identity(tom.id), await identity(uuid4())) == (None,) * 3

    await site.parts.db.execute("UPDATE medianest.identities SET withdrawn = 'revoked' WHERE id = $1", own.id)
    assert (await identity(mia.id), await whose("m-1"), await linked()) == (None, None, "")
    await identities.used("lookup", Identity(subject="m-1", username="mia_k"))  # signed in by it again
    assert await whose("m-1") == "mia"

    await site.call("PATCH", f"/api/v1/users/{mia.id}", by=root, json={"status": "disabled"})
    assert (await whose("m-1"), await linked()) == (None, "")
    await site.call("PATCH", f"/api/v1/users/{mia.id}", by=root, json={"status": "active"})
    assert await whose("m-1") == "mia"
    await identities.unlink(mia.id, own.id)
    assert (await identity(mia.id), await whose("m-1")) == (None, None)
    assert await identity(mia.id, provider="oidc") is not None


async def test_a_plugin_learns_of_addresses_somebody_vouches_for(site: Site) -> None:
    root, mia = await site.person("root", Role.ADMIN), await site.person("mia")

    async def email() -> Any:
        return (await site.get(f"/api/v1/lookup/email/{mia.id}", by=root)).json()["name"]

    async def write(address: str, *, verified: bool) -> None:
        update = "UPDATE medianest.users SET email = $2, email_verified = $3 WHERE id = $1"
        await site.parts.db.execute(update, mia.id, address, verified)

    assert await email() is None
    await write("Mia@Home.Test", verified=False)
    assert await email() is None
    await write("Mia@Home.Test", verified=True)
    assert await email() == "mia@home.test"
    await site.call("PATCH", f"/api/v1/users/{mia.id}", by=root, json={"status": "disabled"})
    assert await email() is None
    assert (await site.get(f"/api/v1/lookup/email/{uuid4()}", by=root)).json()["name"] is None


async def test_the_double_in_memory_answers_alike() -> None:
    people = MemoryPeople("lookup")
    mia = people.add(make_person("mia"))
    people.link(mia.id, LinkedIdentity(provider="lookup", subject="m-1", username="mia_k"))
    people.link(mia.id, LinkedIdentity(provider="oidc", subject="o-1", username="mia.k"))

    async def known() -> tuple[bool, bool]:
        assert (mia.id in await people.linked()) == (await people.by_identity("m-1") is not None)
        return await people.identity(mia.id) is not None, await people.by_identity("m-1") is not None

    assert await known() == (True, True)
    assert (await people.by_identity("o-1"), await people.by_identity("o-1", "oidc")) == (None, mia)
    people.withdraw(mia.id)
    assert await known() == (False, False)
    assert await people.identity(mia.id, "oidc") is not None
    people.link(mia.id, LinkedIdentity(provider="lookup", subject="m-1", username="mia_k"))
    people.emails[mia.id] = "Mia@home.test"
    assert await people.verified_email(mia.id) == "mia@home.test"
    people.disable(mia.id)
    assert await people.verified_email(mia.id) is None
    assert await known() == (True, False)
    disabled = await people.get(mia.id)
    assert disabled is not None
    assert not disabled.permissions
