"""How somebody's own thing of each kind comes to be, for the authorization matrix: a new kind needs a line here."""

import itertools
import sys
import uuid
from collections.abc import Awaitable, Callable
from uuid import UUID

from medianest_hub.plugin_api.sign_in import Identity

from .conftest import Site, Somebody

MIA_AT_PLEX = "1002"


async def of_mia_things(site: Site, mia: Somebody) -> UUID:
    thing = uuid.uuid4()
    sys.modules["synthetic_matrix.plugin"].owners[thing] = mia.id
    return thing


async def of_mia_sessions(site: Site, mia: Somebody) -> UUID:
    return (await site.parts.sessions.start(mia.id)).id


async def of_mia_keys(site: Site, mia: Somebody) -> UUID:
    person = await site.parts.people.get(mia.id)
    assert person is not None
    key = (await site.parts.api_keys.create(person, "hers", ["matrix.use"]))[0]
    return key.id


async def of_mia_identities(site: Site, mia: Somebody) -> UUID:
    identity = await site.parts.identities.link(
        mia.id, f"p{uuid.uuid4().hex}", Identity(subject=uuid.uuid4().hex, username="mia")
    )
    return identity.id


async def of_mia_downloads(site: Site, mia: Somebody) -> UUID:
    body = {"url": f"https://www.youtube.com/watch?v={uuid.uuid4().hex[:11]}"}
    reply = await site.post("/api/v1/youtube/downloads", by=mia, json=body)
    assert reply.status == 202, reply.body
    return UUID(reply.json()["id"])


async def of_mia_addresses(site: Site, mia: Somebody) -> UUID:
    address = uuid.uuid4()
    await site.parts.db.execute(
        """INSERT INTO plugin_notify.address (id, instance, person_id, service, created_at)
           VALUES ($1, 'main', $2, 'ntfy', now())""",
        *(address, mia.id),
    )
    return address


async def of_mia_devices(site: Site, mia: Somebody) -> UUID:
    device = uuid.uuid4()
    await site.parts.db.execute(
        """INSERT INTO plugin_notify.device (id, instance, person_id, endpoint_hash, service, created_at)
           VALUES ($1, 'main', $2, $3, 'Mozilla', now())""",
        *(device, mia.id, device.hex),
    )
    return device


_FILMS = itertools.count(2_000_000)


async def of_mia_requests(site: Site, mia: Somebody) -> int:
    if await site.parts.identities.find("plex", MIA_AT_PLEX) is None:
        await site.parts.identities.link(mia.id, "plex", Identity(subject=MIA_AT_PLEX, username="mia"))
    wish = {"kind": "movie", "tmdb_id": next(_FILMS)}
    reply = await site.post("/api/v1/overseerr/requests", by=mia, json=wish)
    assert reply.status == 201, reply.body
    return int(reply.json()["id"])


async def of_mia_issues(site: Site, mia: Somebody) -> int:
    asked = await site.get(f"/api/v1/overseerr/requests/{await of_mia_requests(site, mia)}", by=mia)
    wrong = {"kind": "movie", "tmdb_id": asked.json()["tmdb_id"], "about": "other", "message": "It is not there."}
    reply = await site.post("/api/v1/overseerr/issues", by=mia, json=wrong)
    assert reply.status == 201, reply.body
    return int(reply.json()["id"])


OBJECTS: dict[str, Callable[[Site, Somebody], Awaitable[UUID | int]]] = {
    "/api/v1/matrix/things/{id}": of_mia_things,
    "/api/v1/auth/sessions/{id}": of_mia_sessions,
    "/api/v1/api-keys/{id}": of_mia_keys,
    "/api/v1/auth/identities/{id}": of_mia_identities,
    "/api/v1/youtube/downloads/{id}": of_mia_downloads,
    "/api/v1/notify/addresses/{id}": of_mia_addresses,
    "/api/v1/overseerr/requests/{id}": of_mia_requests,
    "/api/v1/overseerr/issues/{id}": of_mia_issues,
    "/api/v1/notify/push/devices/{id}": of_mia_devices,
}
"""How somebody's own thing comes to be, for every kind that has an owner: by how its routes' paths begin."""
