"""Runs a handler within its deadline, in a task of its own, and shows it no more of the request than the contract says."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import asyncpg
import structlog
from sanic import Request

from medianest_hub.accounts.tokens import Claims
from medianest_hub.infrastructure.database import is_transient
from medianest_hub.plugin_api.errors import Forbidden, HubError, Unauthorized, Unavailable
from medianest_hub.plugin_api.routes import Call
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.web.client_address import ClientAddresses, base_url, last_said
from medianest_hub.web.cookies import CookieRules, SameSite
from medianest_hub.web.plain_text import cleaned
from medianest_hub.web.problems import HandlerTooSlow

log = structlog.get_logger(__name__)

ResultT = TypeVar("ResultT")

_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_abandoned: set[asyncio.Task[Any]] = set()


class Carrier(Protocol):
    """The exchange a handler of the core answers: what its answer gets besides, and what the gate found out."""

    lines: bytes
    began: float
    claims: Claims | None


class RequestFacts:
    """What a handler sees of the raw request (`plugin_api.routes.RequestView`), and what only the core's own may use.

    Without `carrier` and `rules`, as plugins get it, there are no cookies and no claims.
    """

    __slots__ = ("_addresses", "_carrier", "_public_url", "_request", "_rules")

    def __init__(
        self,
        request: Request[Any, Any],
        addresses: ClientAddresses,
        public_url: str | None,
        carrier: Carrier | None = None,
        rules: CookieRules | None = None,
    ) -> None:
        self._request = request
        self._addresses = addresses
        self._public_url = public_url
        self._carrier = carrier
        self._rules = rules

    @property
    def method(self) -> str:
        """The HTTP method in capitals."""
        return self._request.method

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case; credentials are left out, and bytes that are no text."""
        pairs = ((cleaned(name.lower()), cleaned(value)) for name, value in self._request.headers.items())
        return MappingProxyType({name: value for name, value in pairs if name not in _CREDENTIALS})

    @property
    def address(self) -> str:
        """The caller's address, through trusted proxies only."""
        return self._addresses.of(self._request)

    @property
    def is_from_home(self) -> bool:
        """Whether the caller is on this machine or in a private network, as far as proxies on the way can be believed."""
        return self._addresses.is_from_home(self._request)

    @property
    def bearer_token(self) -> str | None:
        """The access token, for the core's own handlers; plugins are not shown it."""
        kind, _, token = cleaned(self._request.headers.get("authorization", "")).partition(" ")
        return token.strip() if kind.lower() == "bearer" else None

    @property
    def base_url(self) -> str:
        """Where this hub is reached from outside; empty when the request does not say so credibly."""
        scheme: str | None = self._request.scheme
        host = self._request.headers.get("host")
        if self._addresses.trusts(self._request.ip):
            scheme = last_said(self._request, "x-forwarded-proto", scheme)
            host = last_said(self._request, "x-forwarded-host", host)
        return base_url(self._public_url, scheme, host)

    @property
    def public_url(self) -> str:
        """What the operator set; empty when nothing."""
        return self._public_url or ""

    @property
    def claims(self) -> Claims | None:
        """Of the token or key that signs this request in; None for a stranger, whose token may be a bad one."""
        return self._carrier.claims if self._carrier is not None else None

    @property
    def age(self) -> float:
        """Seconds since the request came."""
        return perf_counter() - self._carrier.began if self._carrier is not None else 0.0

    def _cookies(self, name: str) -> list[str]:
        if self._rules is None:
            return []
        wanted = self._rules.name(name)
        pairs = (pair.partition("=") for line in self._request.headers.getall("cookie", ()) for pair in line.split(";"))
        return [cleaned(value.strip()) for found, equals, value in pairs if equals and found.strip() == wanted]

    def has_cookie(self, name: str) -> bool:
        """Whether the hub's cookie of that name came, or several."""
        return bool(self._cookies(name))

    def cookie(self, name: str) -> str:
        """The hub's cookie of that name; empty for none, and for several, of which nobody can tell who set which.

        Cookies know no ports: any program at the same host name can set one, with a path that puts it first.
        """
        found = self._cookies(name)
        return found[0] if len(found) == 1 else ""

    def one_cookie(self, name: str) -> str:
        """As `cookie`. Raises `Unauthorized` `cookie_ambiguous` for several, which the answer clears."""
        if len(self._cookies(name)) > 1:
            self.clear_cookie(name)
            raise Unauthorized(
                "Your browser sent two sign-in cookies, one of them set by another program at this host name. Both are "
                "cleared now: begin again.",
                code="cookie_ambiguous",
            )
        return self.cookie(name)

    def set_cookie(self, name: str, value: str, max_age: int, same_site: SameSite = "Strict") -> None:
        """Let the answer, whatever it will be, set the cookie for `max_age` seconds; see `web.cookies` for the names."""
        if self._carrier is None or self._rules is None:
            raise RuntimeError("only the core's own routes set cookies")
        self._carrier.lines += self._rules.line(name, value, max_age, same_site)

    def clear_cookie(self, name: str) -> None:
        """Let the answer, whatever it will be, make the browser forget the cookie; of several all, whoever set them."""
        if self._carrier is not None and self._rules is not None and len(self._cookies(name)) > 1:
            host = urlsplit(self.base_url).hostname or ""
            self._carrier.lines += self._rules.clearing_lines(name, self._request.path, host)
        self.set_cookie(name, "", 0)

    def check_origin(self) -> None:
        """Raises `Forbidden` `origin_refused` when a page of another site caused this request, cookies and all."""
        headers = self._request.headers
        origin = headers.get("origin")
        if origin is None:
            if cleaned(headers.get("sec-fetch-site", "")).strip().lower() in ("cross-site", "same-site"):
                raise _foreign()
        elif self._rules is None or len(headers.getall("origin")) > 1:
            raise _foreign()
        else:
            here = RequestFacts(self._request, self._addresses, None).base_url
            if not self._rules.may_come_from(cleaned(origin), urlsplit(here.lower()).netloc):
                raise _foreign()


def facts(call: Call[Any, Any, Any]) -> RequestFacts:
    """The request behind a call, for the core's own handlers."""
    if not isinstance(call.request, RequestFacts):
        raise TypeError("this call did not come by HTTP")
    return call.request


def _foreign() -> Forbidden:
    return Forbidden(
        "A page of another site asked for this; add its origin to server.cors_origins if it is yours.",
        code="origin_refused",
    )


async def within(
    deadline: float,
    work: Callable[..., Awaitable[ResultT]],
    arguments: tuple[Any, ...],
    request_id: str,
    held: ExitStack,
    context: contextvars.Context | None = None,
) -> ResultT:
    """The result of `work(*arguments)`, or what it raised.

    Raises `HandlerTooSlow` after `deadline` seconds, whatever `work` does then.

    `held` is what must stay open while it runs: it moves to work that goes on after its deadline.
    """
    context = context or contextvars.copy_context()
    context.run(structlog.contextvars.bind_contextvars, request_id=request_id)
    task = asyncio.get_running_loop().create_task(_call(work, arguments), context=context)
    try:
        done, _ = await asyncio.wait((task,), timeout=deadline)
    except asyncio.CancelledError:  # the caller went away
        _abandon(task, held)
        raise
    if not done:
        _abandon(task, held)
        raise HandlerTooSlow(f"There was no answer within {deadline:g} s.", params={"seconds": deadline})
    if task.cancelled():
        raise RuntimeError("the handler cancelled itself")
    return task.result()


async def _call(work: Callable[..., Awaitable[ResultT]], arguments: tuple[Any, ...]) -> ResultT:
    return await contained(work(*arguments))


def _abandon(task: asyncio.Task[Any], held: ExitStack) -> None:
    """Cancel it and wait no longer; one that ignores that keeps what it holds until it ends."""
    kept = held.pop_all()
    task.cancel()
    _abandoned.add(task)

    def ended(ended_task: asyncio.Task[Any]) -> None:
        _abandoned.discard(ended_task)
        kept.close()
        if not ended_task.cancelled() and (error := ended_task.exception()) is not None:
            log.info("abandoned_handler_raised", error=type(error).__name__)

    task.add_done_callback(ended)


def foreseen(error: BaseException) -> HubError | None:
    """What an exception means to the caller, None when nobody foresaw it."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError) and is_transient(error):
        return Unavailable("The database is away; try again shortly.", code="database_away", retry_after=1)
    return None
