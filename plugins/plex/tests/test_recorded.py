"""The simulator answers in the shapes Plex publishes and others recorded, and our models read what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp
import jsonschema
import pytest
import yaml

from medianest_plex.models import Account, Devices

RECORDED = Path(__file__).parents[4] / "shared" / "captures" / "plex"

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings of real services are not here")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return dict(yaml.load((RECORDED / "openapi.yml").read_text(), Loader=loader))


async def asked(plex, path: str, accept: str = "application/json") -> aiohttp.ClientResponse:
    token = plex.world.token(plex.world.find("friend"))
    headers = {"Accept": accept, "X-Plex-Client-Identifier": "test", "X-Plex-Token": token}
    async with aiohttp.ClientSession() as session, session.get(plex.plex_tv_url + path, headers=headers) as answer:
        await answer.read()
        return answer


def wrong(document: dict[str, Any], name: str, value: Any) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return [
        f"{error.json_path}: {error.message}" for error in jsonschema.Draft202012Validator(schema).iter_errors(value)
    ]


async def test_accounts_and_resources_are_as_plexs_openapi_document_has_them(plex, schemas):
    account = await (await asked(plex, "/api/v2/user")).json()
    assert wrong(schemas, "UserPlexAccount", account) == []
    for device in await (await asked(plex, "/api/v2/resources")).json():
        assert wrong(schemas, "PlexDevice", device) == []


async def test_an_account_has_every_attribute_of_the_recorded_one(plex):
    recorded = ElementTree.parse(RECORDED / "home-assistant" / "plextv_account.xml").getroot()
    ours = ElementTree.fromstring(await (await asked(plex, "/api/v2/user", "*/*")).text())

    assert ours.tag == recorded.tag
    assert recorded.attrib.keys() - ours.attrib.keys() == set()


def test_the_recorded_account_and_devices_are_read():
    folder = RECORDED / "home-assistant"
    account = Account.model_validate(ElementTree.parse(folder / "plextv_account.xml").getroot().attrib)
    assert (account.id, account.name, account.confirmed) == (12345, "User 1", True)

    recorded = [dict(one.attrib) for one in ElementTree.parse(folder / "plextv_resources_two_servers.xml").getroot()]
    devices = Devices.model_validate(recorded).root
    assert [one.client_identifier for one in devices if one.is_server] == ["unique_id_123", "unique_id_456"]
    assert len(devices) == 6
