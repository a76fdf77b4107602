"""Opens websockets: one attempt within its deadline, settled with the service's breaker. It does not know what they are for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from medianest_hub.infrastructure.http_client.breaker import BreakerOpen, Ticket
from medianest_hub.infrastructure.http_client.clients import Service
from medianest_hub.infrastructure.http_client.failures import (
    Failure,
    broken_connection,
    held_back,
    redirected_handshake,
    unfit_handshake,
)
from medianest_hub.infrastructure.http_client.trust import context_for
from medianest_hub.plugin_api.errors import UpstreamTimeout
from medianest_hub.plugin_api.tls import TlsTrust

CLOSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Handshake:
    """A websocket to be opened. `deadline` in seconds, `cap` in bytes of one message."""

    url: URL
    headers: dict[str, str]
    tls: TlsTrust | None
    deadline: float
    cap: int


class Line:
    """The connection under a websocket, to be let go of without waiting for the other side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transport = connection.transport

    def drop(self) -> None:
        """Close it at once, with what could not be sent. By itself, TLS would wait for the other side."""
        self._connection.close()
        if self._transport is not None:
            self._transport.abort()


@dataclass(frozen=True, slots=True)
class Wire:
    """An open websocket of aiohttp, and what it runs over."""

    socket: aiohttp.ClientWebSocketResponse
    line: Line


def websocket_session(headers: Mapping[str, str], connect_seconds: float) -> aiohttp.ClientSession:
    """A session to open websockets with. Those kept for good must not use up the connections of other calls."""
    return aiohttp.ClientSession(
        connector=_Connector(limit=0, ttl_dns_cache=30),
        middlewares=[_once],
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
        trust_env=False,
    )


async def opened(session: aiohttp.ClientSession, wanted: Handshake, service: Service) -> Wire:
    """The open websocket. Raises what `plugin_api.services.Http.websocket` says; then nothing is left open."""
    ticket: Ticket | None = None
    try:
        async with asyncio.timeout(wanted.deadline), service.slots:
            ticket = service.breaker.admit()
            wire = await _connect(session, wanted, service.name)
    except BreakerOpen as error:
        raise held_back(error.retry_after, service.name) from None
    except Failure as failure:
        if ticket is not None:
            settle = service.breaker.failed if failure.of_service else service.breaker.succeeded
            settle(ticket)
        raise failure.error from None
    except TimeoutError:
        if ticket is not None:
            service.breaker.failed(ticket)
        raise UpstreamTimeout(
            f"{service.name} opened no live connection within {wanted.deadline:g} seconds.", service=service.name
        ) from None
    except BaseException:
        if ticket is not None:
            service.breaker.abandoned(ticket)
        raise
    service.breaker.succeeded(ticket)
    return wire


async def _connect(session: aiohttp.ClientSession, wanted: Handshake, service: str) -> Wire:
    lines: list[Line] = []
    known = _lines.set(lines)
    try:
        socket = await session.ws_connect(
            wanted.url,
            headers=wanted.headers,
            # Pings are seen by whoever counts the silence.
            autoping=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            max_msg_size=wanted.cap + 1,
            compress=0,
            ssl=context_for(wanted.tls) if wanted.tls else True,
        )
    except BaseException as error:
        for line in lines:
            line.drop()
        failure = _failure(error, service, wanted.tls)
        if failure is None:
            raise
        raise failure from None
    finally:
        _lines.reset(known)
    return Wire(socket, lines[-1])


def _failure(error: BaseException, service: str, tls: TlsTrust | None) -> Failure | None:
    """What to say of it; None for what is not the service's, such as being cancelled."""
    if isinstance(error, _Redirected):
        return redirected_handshake(service)
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return unfit_handshake(error.status, error.headers or {}, service)
    if isinstance(error, _Broken):
        error = error.error
    if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError, ValueError)):
        return broken_connection(error, service, tls=tls)
    return None


_lines: ContextVar[list[Line]] = ContextVar("lines of the websocket being opened")


class _Connector(aiohttp.TCPConnector):
    """Tells whoever is opening a websocket over which line."""

    async def connect(self, req: aiohttp.ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _lines.get().append(Line(connection))
        return connection


class _Redirected(Exception):
    """The answer to a handshake points elsewhere."""


class _Broken(Exception):
    """No answer came, because of `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """One attempt, and nowhere else than it was sent: aiohttp would repeat some by itself, and follow."""
    try:
        response = await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Broken(error) from None
    if response.status in (301, 302, 303, 307, 308):
        # What is said over the connection, passwords too, must not follow to wherever an answer points.
        response.close()
        raise _Redirected
    return response
