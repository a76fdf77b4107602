"""Runs a handler within its deadline, in a task of its own, and shows it no more of the request than the contract says."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import structlog
from sanic import Request

from medianest_hub.accounts.tokens import Tokens
from medianest_hub.infrastructure.database import is_transient
from medianest_hub.plugin_api.errors import HubError, Unavailable
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.web.client_address import ClientAddresses, base_url, last_said
from medianest_hub.web.plain_text import cleaned
from medianest_hub.web.problems import HandlerTooSlow

log = structlog.get_logger(__name__)

ResultT = TypeVar("ResultT")

_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_abandoned: set[asyncio.Task[Any]] = set()


class RequestFacts:
    """What a handler sees of the raw request (`plugin_api.routes.RequestView`)."""

    __slots__ = ("_addresses", "_public_url", "_request")

    def __init__(self, request: Request[Any, Any], addresses: ClientAddresses, public_url: str | None) -> None:
        self._request = request
        self._addresses = addresses
        self._public_url = public_url

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

    def session_id(self, tokens: Tokens) -> UUID | None:
        """The session behind the token that came with the request: for signing out, which only the core can do."""
        header = self._request.headers.get("authorization")
        return None if header is None else tokens.read(header[len("bearer ") :].strip()).session_id


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
