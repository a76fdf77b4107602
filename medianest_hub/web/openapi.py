"""The OpenAPI 3.1 document of every mounted route, made from the declarations; made once, and again when plugins change."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from medianest_hub.plugin_api.answers import FileAnswer, StreamAnswer
from medianest_hub.plugin_api.routes import Empty
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.web.binding import needs_body
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.problems import Problem

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]
Key = tuple[type[BaseModel], Mode]

API_VERSION: Final = "1"
"""As in `/api/v1`. The program's own version is told to no stranger: it says which known faults to try."""

_REF: Final = "#/components/schemas/{model}"
_REFUSALS: Final[Mapping[str, str]] = {
    "400": "What was sent cannot be used; `errors` names each bad field.",
    "401": "Nobody is signed in, or the session has ended.",
    "403": "The person may not do this.",
    "404": "There is no such thing, or it is somebody else's, or its plugin is switched off.",
    "413": "The body is larger than this takes.",
    "415": "The body is not JSON.",
    "429": "A limit is used up; `Retry-After` says when to come again.",
    "503": "Something needed is away for now.",
    "default": "Any other refusal or failure.",
}


@dataclass(frozen=True, slots=True)
class Document:
    """The document as JSON, and its version."""

    content: bytes
    etag: str


class OpenApiDocument:
    """Makes the document when it is first asked for; `forget` when the set of plugins has changed."""

    def __init__(self, mounted: Sequence[Mounted], server_url: str | None) -> None:
        self._mounted = mounted
        self._server_url = server_url
        self._making: asyncio.Task[Document] | None = None

    def forget(self) -> None:
        """Make it anew at the next request."""
        self._making = None

    async def get(self, plugins: Mapping[str, LoadedPlugin], hidden: Iterable[str]) -> Document:
        """The document with all routes but those of `hidden` plugins."""
        if self._making is None:
            # In a thread: the schemas of many plugins take longer than other requests should wait.
            left_out = frozenset(hidden)
            shown = [one for one in self._mounted if one.needs not in left_out]
            self._making = asyncio.ensure_future(asyncio.to_thread(build, shown, plugins, self._server_url))
        making = self._making
        try:
            return await asyncio.shield(making)
        except Exception:
            if self._making is making:
                self._making = None
            raise


def build(mounted: Sequence[Mounted], plugins: Mapping[str, LoadedPlugin], server_url: str | None) -> Document:
    """The document of those routes."""
    try:
        schemas = _Schemas(mounted)
    except Exception:  # find the culprits, which is slower, and leave them out
        mounted = [one for one in mounted if describable(one)]
        schemas = _Schemas(mounted)
    paths: dict[str, Json] = {}
    names: set[str] = set()
    for one in mounted:
        operation = _operation(one, schemas, _operation_id(one, names))
        paths.setdefault(one.template, {})[one.route.method.lower()] = operation
    refusals = {_refusal_name(code): _refusal(words, schemas) for code, words in _REFUSALS.items()}
    document: Json = {
        "openapi": "3.1.1",
        "info": {
            "title": "MediaNest Hub",
            "version": API_VERSION,
            "description": "Everything the hub and its plugins answer. Errors are `application/problem+json`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url or "/"}],
        "tags": _tags(mounted, plugins),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components(),
            "responses": refusals,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    _check(document)
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Document(content, hashlib.sha256(content).hexdigest()[:24])


def _check(document: Json) -> None:
    """Say so when the document is not as it should be; a plugin's odd schema must not take everybody's away."""
    # Loaded when somebody asks: it takes a tenth of a second and room that most processes never need.
    from openapi_pydantic.v3.v3_1 import OpenAPI

    try:
        OpenAPI.model_validate(document)
    except ValidationError as error:
        log.exception("openapi_not_valid", problems=[str(problem["loc"]) for problem in error.errors()[:5]])


def describable(one: Mounted) -> bool:
    """Whether its models have a JSON Schema; a plugin's may hold what has none, and then go without description."""
    try:
        models_json_schema(list(_keys(one)), ref_template=_REF)
    except Exception as error:
        route = f"{one.route.method} {one.template}"
        log.warning("route_not_described", source=one.source, route=route, error=str(error)[:500])
        return False
    return True


def _keys(one: Mounted) -> Iterator[Key]:
    models = one.models
    for model in (models.path, models.query, models.body):
        if model is not Empty:
            yield model, "validation"
    if isinstance(models.answer, type) and issubclass(models.answer, BaseModel):
        yield models.answer, "serialization"


class _Schemas:
    """The schemas of all models, each once, by reference."""

    def __init__(self, mounted: Sequence[Mounted]) -> None:
        keys: dict[Key, None] = {(Problem, "serialization"): None}
        for one in mounted:
            keys |= dict.fromkeys(_keys(one))
        self._refs, definitions = models_json_schema(list(keys), ref_template=_REF)
        self._definitions: dict[str, Json] = definitions.get("$defs", {})
        self._used: set[str] = set()

    def ref(self, model: type[BaseModel], mode: Mode) -> Json:
        """Where the model's schema is found."""
        schema = dict(self._refs[model, mode])
        self._use(schema)
        return schema

    def fields(self, model: type[BaseModel]) -> tuple[dict[str, Json], frozenset[str]]:
        """The schemas of a model's fields, and which are required; for parameters, which are no objects of their own."""
        if model is Empty:
            return {}, frozenset()
        schema = self._refs[model, "validation"]
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        properties: dict[str, Json] = schema.get("properties", {})
        self._use(properties)
        return properties, frozenset(schema.get("required", ()))

    def components(self) -> dict[str, Json]:
        """All schemas some operation speaks of."""
        return {name: self._definitions[name] for name in sorted(self._used)}

    def _use(self, node: Any) -> None:
        if isinstance(node, Mapping):
            ref = node.get("$ref")
            name = ref.rpartition("/")[2] if isinstance(ref, str) else None
            if name is not None and name in self._definitions and name not in self._used:
                self._used.add(name)
                self._use(self._definitions[name])
            for child in node.values():
                self._use(child)
        elif isinstance(node, list):
            for child in node:
                self._use(child)


def _operation(one: Mounted, schemas: _Schemas, name: str) -> Json:
    route, models = one.route, one.models
    operation: Json = {
        "operationId": name,
        "tags": [one.source],
        "summary": route.summary or route.name.replace("_", " "),
        "parameters": [*_parameters("path", models.path, schemas), *_parameters("query", models.query, schemas)],
        "responses": _responses(one, schemas),
        "security": [] if one.permission is None else [{"bearer": []}],
        "x-limits": [f"{zone.name}: {zone.rate}" for zone in one.zones],
    }
    if route.description:
        operation["description"] = route.description
    if one.permission is not None:
        operation["x-permission"] = one.permission
    if models.body is not Empty:
        content = {"application/json": {"schema": schemas.ref(models.body, "validation")}}
        operation["requestBody"] = {"required": needs_body(models.body), "content": content}
    return operation


def _parameters(place: str, model: type[BaseModel], schemas: _Schemas) -> list[Json]:
    properties, required = schemas.fields(model)
    parameters = []
    for name, schema in properties.items():
        parameter: Json = {"name": name, "in": place, "schema": schema, "required": place == "path" or name in required}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    return parameters


def _responses(one: Mounted, schemas: _Schemas) -> Json:
    route, answer = one.route, one.models.answer
    responses: dict[str, Json] = {}
    if answer is None:
        responses["204"] = {"description": "Done."}
    elif 300 <= route.status < 400:
        responses[str(route.status)] = {"description": "Elsewhere; `Location` says where."}
    elif issubclass(answer, FileAnswer | StreamAnswer):
        # What kind of bytes is known only once they are there: a film, a page, a picture.
        content: Json = {"*/*": {}}
        responses[str(route.status)] = {"description": "The bytes.", "content": content}
        if issubclass(answer, FileAnswer):
            responses["206"] = {"description": "The asked-for part.", "content": content}
            responses["304"] = {"description": "The file has not changed."}
            responses["416"] = {"$ref": "#/components/responses/Problem"}
    else:
        content = {"application/json": {"schema": schemas.ref(answer, "serialization")}}
        responses[str(route.status)] = {"description": "The answer.", "content": content}
        if route.cache is not None:
            responses["304"] = {"description": "The answer has not changed."}
    refusals = ["429"] if one.zones else []
    if one.models.path is not Empty or one.models.query is not Empty or one.models.body is not Empty:
        refusals.append("400")
    if one.permission is not None:
        refusals += ["401", "403"]
    if one.plugin is not None or route.owner is not None or "{" in route.path:
        refusals.append("404")
    if one.models.body is not Empty:
        refusals += ["413", "415"]
    for code in sorted([*refusals, "503"]):
        responses[code] = {"$ref": f"#/components/responses/{_refusal_name(code)}"}
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    return responses


def _refusal_name(code: str) -> str:
    return "Problem" if code == "default" else f"Problem{code}"


def _refusal(words: str, schemas: _Schemas) -> Json:
    return {
        "description": words,
        "content": {"application/problem+json": {"schema": schemas.ref(Problem, "serialization")}},
    }


def _operation_id(one: Mounted, taken: set[str]) -> str:
    name = wanted = re.sub(r"[^A-Za-z0-9_]", "_", one.name)
    number = 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    return name


def _tags(mounted: Sequence[Mounted], plugins: Mapping[str, LoadedPlugin]) -> list[Json]:
    tags: list[Json] = []
    for source in dict.fromkeys(one.source for one in mounted):
        plugin = plugins.get(source)
        words = f"{plugin.info.title}. {plugin.info.summary}".strip() if plugin is not None else "Part of the hub."
        tags.append({"name": source, "description": words})
    return tags
