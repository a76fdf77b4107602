"""Opens websockets: one attempt within its deadline, settled with the service's breaker. It does not know what they are for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
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


class Wire(aiohttp.ClientWebSocketResponse):
    """aiohttp's end of a websocket, and a way to let go of it that waits for nobody."""

    def __init__(
        self, reader: Any, writer: Any, protocol: Any, response: aiohttp.ClientResponse, *rest: Any, **named: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *rest, **named)
        self._opened_by = response
        self._transport = None if response.connection is None else response.connection.transport

    def abort(self) -> None:
        """Drop the connection, with what could not be sent."""
        self._opened_by.close()
        if self._transport is not None:
            self._transport.abort()


def websocket_session(connector: aiohttp.BaseConnector, **options: Any) -> aiohttp.ClientSession:
    """A session whose `ws_connect` makes `Wire`s and goes nowhere else than it was sent."""
    watcher = aiohttp.TraceConfig()
    watcher.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=connector, trace_configs=[watcher], ws_response_class=Wire, trust_env=False, **options
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
    try:
        wire = await session.ws_connect(
            wanted.url,
            headers=wanted.headers,
            # Pings are seen by whoever counts the silence.
            autoping=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            max_msg_size=wanted.cap + 1,
            compress=0,
            ssl=context_for(wanted.tls) if wanted.tls else True,
        )
    except _Redirected:
        raise redirected_handshake(service) from None
    except aiohttp.WSServerHandshakeError as error:
        raise unfit_handshake(error.status, error.headers or {}, service) from None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise broken_connection(error, service, tls=wanted.tls) from None
    if not isinstance(wire, Wire):
        raise TypeError("this session does not open websockets of ours")
    return wire


class _Redirected(Exception):
    """The answer to a handshake points elsewhere."""


async def _refuse_redirect(
    session: aiohttp.ClientSession, context: object, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    """What is said over the connection, passwords too, must not follow to wherever an answer points."""
    redirect.response.close()
    raise _Redirected
