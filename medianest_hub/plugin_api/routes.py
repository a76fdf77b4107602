"""Routes as declarations: method, path, handler, and everything the host must check before calling it.

A handler is `async def handler(ctx: Context[S], call: Call[Path, Query, Body]) -> Answer`. The models of path, query and
body come from `Call`'s parameters (`Empty` where left out), the answer's from the return annotation: a Pydantic model,
`Page[Model]`, `FileAnswer`, `StreamAnswer` or `None` (204). Paths are relative to `/api/v1/<plugin>`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypeVar as DefaultTypeVar

from medianest_hub.plugin_api.people import Person

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Empty(BaseModel):
    """No fields at all; sending any is an error."""

    model_config = ConfigDict(extra="forbid")


PathT = DefaultTypeVar("PathT", bound=BaseModel, default=Empty)
QueryT = DefaultTypeVar("QueryT", bound=BaseModel, default=Empty)
BodyT = DefaultTypeVar("BodyT", bound=BaseModel, default=Empty)


class RequestView(Protocol):
    """What a handler may see of the raw request."""

    @property
    def method(self) -> str:
        """The HTTP method in capitals."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case; credentials are left out."""

    @property
    def address(self) -> str:
        """The caller's address, through trusted proxies only."""

    @property
    def base_url(self) -> str:
        """Where this hub is reached from outside, without a trailing slash: `server.public_url` if set."""

    @property
    def public_url(self) -> str:
        """`server.public_url` without a trailing slash, or empty. For what others follow: no request can forge it."""


@dataclass(frozen=True, slots=True)
class Call(Generic[PathT, QueryT, BodyT]):
    """One validated call. `person` is None only on routes declared `public`."""

    path: PathT
    query: QueryT
    body: BodyT
    request_id: str
    request: RequestView
    person: Person | None = None

    @property
    def caller(self) -> Person:
        """The person, where the route is not public (there always is one)."""
        if self.person is None:
            raise LookupError("a public route has no caller; declare a permission")
        return self.person


Handler: TypeAlias = Callable[[Any, Any], Awaitable[Any]]
Owner: TypeAlias = Callable[[Any, Any], Awaitable[UUID | None]]
HandlerT = TypeVar("HandlerT", bound=Handler)


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """Keep a GET route's whole answer for `ttl` seconds, per scope, until one of its `tags` is bumped.

    `per` is `person` (default) or `everyone`. Tags are local names (`items`), bumped by `ctx.cache.bump("items")`.
    """

    ttl: float
    per: Literal["person", "everyone"] = "person"
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One route. Either `permission` or `public=True` must be given: nothing is open by omission.

    - `permission`: a local name (`read`), or a full one (`hub.signed_in`, `hub.admin`).
    - `limit`: a limit zone counted besides `api`: one of the plugin's own `Limit`s, by local name.
    - `body_limit`: bytes; more is refused with 413 before it is read.
    - `owner`: names whose object the path speaks of; anyone else but an admin gets 404 before the handler runs. `None`
      from it means there is no such object: 404 as well.
    - `status`: the code of a good answer (204 when the handler returns None).
    - `deadline`: seconds the handler may take, then 504.
    """

    method: Method
    path: str
    handler: Handler
    permission: str | None = None
    public: bool = False
    limit: str | None = None
    body_limit: int = 64 * 1024
    owner: Owner | None = None
    status: int = 200
    deadline: float = 30.0
    cache: AnswerCache | None = None
    summary: str = ""
    description: str = ""

    @property
    def name(self) -> str:
        """The handler's name, used as the operation's id."""
        return self.handler.__name__


class Router:
    """Collects routes; `@router.get("/items/{id}", permission="read")` and so on. Immutable for the host: it reads `routes`."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes in the order they were declared."""
        return tuple(self._routes)

    def add(self, route: Route) -> None:
        """Add a ready-made declaration."""
        self._routes.append(route)

    def route(self, method: Method, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """Declare the decorated function as handler; `options` are those of `Route`."""

        def declare(handler: HandlerT) -> HandlerT:
            words = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            options.setdefault("summary", words[0].rstrip("."))
            options.setdefault("description", words[2].strip())
            self.add(Route(method=method, path=path, handler=handler, **options))
            return handler

        return declare

    def get(self, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """A route that reads."""
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """A route that makes or does something."""
        return self.route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """A route that replaces."""
        return self.route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """A route that changes a part."""
        return self.route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """A route that removes."""
        return self.route("DELETE", path, **options)
