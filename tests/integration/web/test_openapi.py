"""The OpenAPI document: valid, complete, as the routes really are; and the page that shows it."""

import re
from typing import Any

import pytest
import pytest_asyncio
from openapi_spec_validator import OpenAPIV31SpecValidator

from medianest_hub import __version__

from .conftest import Install, Site, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from pydantic import BaseModel, Field

router = Router()

class Colour(StrEnum):
    RED = "red"

class At(BaseModel):
    id: UUID = Field(description="Which one.")

class Q(BaseModel):
    limit: int = Field(default=10, ge=1, le=9_007_199_254_740_993)
    colour: list[Colour] = []

class Item(BaseModel):
    name: str
    size: int | None = None
    at: datetime | None = None
    colour: Colour = Colour.RED
    children: list["Item"] = []

class Thing:
    pass

class Odd(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    thing: Thing

async def owner(ctx, call):
    return None

@router.get("/items", permission="read")
async def items(ctx, call: Call[Empty, Q]) -> Page[Item]:
    \"\"\"All items.

    Newest first.
      Indented.
    \"\"\"

@router.put("/items/{id}", permission="read", owner=owner, status=202)
async def change(ctx, call: Call[At, Empty, Item]) -> Item: ...

@router.delete("/items/{id}", permission="read", owner=owner)
async def remove(ctx, call: Call[At]) -> None: ...

@router.get("/items/{id}/file", public=True)
async def file(ctx, call: Call[At]) -> FileAnswer: ...

@router.get("/odd", public=True)
async def odd(ctx, call: Call) -> ODD: ...

@hookimpl
def hub_plugin():
    return PluginInfo(title="Things", summary="Many.", api_version=1, permissions=[Permission("read")])

@hookimpl
def hub_routes():
    return router
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    for name in ("things", "others"):
        install_once(name, PLUGIN.replace("ODD", "Item"))
    install_once("strange", PLUGIN.replace("ODD", "Odd"))
    return await start_once(plugins__blocked='["youtube", "hello", "strange"]')


async def document(site: Site) -> dict[str, Any]:
    reply = await site.get("/api/openapi.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = reply.json()
    return found


async def test_the_document_is_valid_and_speaks_of_every_route(site: Site) -> None:
    found = await document(site)
    OpenAPIV31SpecValidator(found).validate()
    described = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    hidden = {name for name, runtime in site.hub.host.runtimes.items() if runtime.state.is_hidden}
    assert described == {(one.route.method, one.template) for one in site.mounted if one.needs not in hidden}
    ids = [operation["operationId"] for methods in found["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


async def test_models_are_shared_components_and_two_plugins_may_name_theirs_alike(site: Site) -> None:
    found = await document(site)
    schemas = found["components"]["schemas"]
    assert len([name for name in schemas if name.endswith(("Item", "Item-Output"))]) >= 2
    used = set(re.findall(r"#/components/schemas/([^\"']+)", str(found)))
    assert used == set(schemas)
    for path in ("/api/v1/things/items", "/api/v1/others/items"):
        answer = found["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert set(answer) == {"$ref"}


async def test_an_operation_says_what_the_declaration_says(site: Site) -> None:
    paths = (await document(site))["paths"]
    items, item = paths["/api/v1/things/items"]["get"], paths["/api/v1/things/items/{id}"]
    assert (items["summary"], items["description"]) == ("All items", "Newest first.\n  Indented.")
    assert items["x-permission"] == "things.read"
    assert items["security"] == [{"bearer": []}]
    limit, colour = items["parameters"]
    assert (limit["name"], limit["in"], limit["required"], limit["schema"]["maximum"]) == (
        "limit",
        "query",
        False,
        9_007_199_254_740_993,
    )
    assert colour["schema"]["type"] == "array"
    assert item["put"]["parameters"][0] == {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "Which one.",
        "schema": {"type": "string", "format": "uuid", "description": "Which one.", "title": "Id"},
    }
    assert item["put"]["requestBody"]["required"]
    assert {"202", "400", "401", "403", "404", "413", "415", "429"} <= set(item["put"]["responses"])
    assert "204" in item["delete"]["responses"]
    assert paths["/api/v1/things/items/{id}/file"]["get"]["security"] == []
    assert "206" in paths["/api/v1/things/items/{id}/file"]["get"]["responses"]


async def test_a_switched_off_plugin_is_left_out_until_it_is_back(site: Site) -> None:
    tag = (await site.get("/api/openapi.json")).headers["ETag"]
    assert (await site.get("/api/openapi.json", headers={"If-None-Match": tag})).status == 304
    await site.parts.host.wanted.set_enabled("things", False)
    await site.parts.host.reconcile()
    paths = (await document(site))["paths"]
    assert not [path for path in paths if path.startswith("/api/v1/things")]
    assert [path for path in paths if path.startswith("/api/v1/others")]
    await site.parts.host.wanted.set_enabled("things", True)
    await site.parts.host.reconcile()
    assert (await site.get("/api/openapi.json")).headers["ETag"] == tag


async def test_a_model_without_a_schema_costs_only_its_own_route(site: Site, start_once: StartSite) -> None:
    site = await start_once()
    found = await document(site)
    OpenAPIV31SpecValidator(found).validate()
    assert "/api/v1/strange/odd" not in found["paths"]
    assert "/api/v1/strange/items" in found["paths"]
    assert (await site.get("/api/v1/strange/odd")).status == 500


async def test_no_stranger_is_told_which_version_of_the_program_runs(site: Site) -> None:
    found = await document(site)
    assert found["info"]["version"] == "1"
    assert all(path.startswith("/api/v1/") for path in found["paths"] if "/v" in path)
    pages = [(await site.get(path)).body.decode() for path in ("/api/openapi.json", "/api/docs", "/api/docs/docs.js")]
    answers = [(await site.get(path)).body.decode() for path in ("/api/health", "/api/health/live", "/sign-in")]
    assert not [text for text in (*pages, *answers) if re.search(rf"\b{re.escape(__version__)}\b(?!\.)", text)]


async def test_the_page_needs_nothing_from_elsewhere_and_nothing_unsafe(site: Site) -> None:
    reply = await site.get("/api/docs")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = reply.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    page = reply.body.decode()
    for address in re.findall(r"(?:href|src)=\"([^\"]+)\"", page):
        if not address.startswith("#"):
            assert address.startswith(("/api/", "/ui/"))
            assert (await site.get(address)).status == 200
    for text in (
        page,
        (await site.get("/api/docs/docs.js")).body.decode(),
        (await site.get("/api/docs/docs.css")).body.decode(),
    ):
        assert not re.search(r"https?://|\son\w+=|style=|innerHTML|eval\(", text)


async def test_metrics_count_requests_by_template_and_may_be_kept_behind_a_token(
    site: Site, start_once: StartSite
) -> None:
    for number in range(3):
        await site.get(f"/api/v1/things/items/{number}/file")
    lines = (await site.get("/metrics")).body.decode().splitlines()
    route = 'method="GET",route="/api/v1/things/items/{id}/file"'
    assert f'medianest_http_requests_total{{{route},status="400"}} 3.0' in lines
    assert f'medianest_http_request_seconds_bucket{{le="+Inf",{route}}} 3.0' in lines
    assert not [line for line in lines if "items/1/file" in line]
    guarded = await start_once(metrics__token="let-me-see")
    assert (await guarded.get("/metrics")).status == 401
    assert (await guarded.get("/metrics", headers={"Authorization": "Bearer wrong"})).status == 401
    assert (await guarded.get("/metrics", headers={"Authorization": "Bearer let-me-see"})).status == 200
