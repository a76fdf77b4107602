"""`ctx.http` of one plugin instance: one call with its deadline, cap, retries and words for each way it fails."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from medianest_hub.infrastructure.http_client.answer import HttpAnswer
from medianest_hub.infrastructure.http_client.breaker import BreakerOpen, Ticket
from medianest_hub.infrastructure.http_client.failures import (
    Failure,
    broken_connection,
    held_back,
    unfit_status,
)
from medianest_hub.infrastructure.http_client.outgoing import (
    address,
    outgoing_headers,
    redirected,
    websocket_address,
)
from medianest_hub.infrastructure.http_client.trust import context_for
from medianest_hub.plugin_api.errors import HubError, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.plugin_api.tls import TlsTrust

if TYPE_CHECKING:
    from yarl import URL

    from medianest_hub.infrastructure.http_client.clients import HttpClients, Service
    from medianest_hub.infrastructure.http_client.websocket import HttpWebSocket

_HARMLESS = frozenset({"GET", "HEAD"})
_HARMLESS_RETRIES = 2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_REDIRECTS = 3
_CHUNK = 64 * 1024


@dataclass(slots=True)
class _Exchange:
    """One call on its way. `ticket` is held while an attempt is under way."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None
    cap: int
    ok: Collection[int]
    ends: float
    tls: TlsTrust | None
    ticket: Ticket | None = field(default=None)


class HttpClient:
    """Implements `plugin_api.services.Http`; the session, breakers and bounds belong to `HttpClients`."""

    def __init__(self, clients: HttpClients, plugin: str, instance: str) -> None:
        self._clients = clients
        self._plugin = plugin
        self._instance = instance
        self._closed = False
        self._sockets: set[HttpWebSocket] = set()

    async def close(self) -> None:
        """Refuse further calls and end every websocket; calls under way end by their own deadlines."""
        self._closed = True
        await asyncio.gather(*(socket.close(self._stopped()) for socket in list(self._sockets)))

    async def request(
        self,
        method: str,
        url: str,
        *,
        service: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int | float] | None = None,
        json: Any = None,
        data: bytes | None = None,
        deadline: float = 10.0,
        cap: int = 8 * 1024 * 1024,
        retries: int | None = None,
        ok: Sequence[int] | None = None,
        tls: TlsTrust | None = None,
    ) -> HttpAnswer:
        """One call, as `plugin_api.services.Http` describes it."""
        self._check_open()
        method = method.upper()
        target = address(url, service or self._plugin)
        state = self._clients.service(self._plugin, self._instance, service or target.host_port_subcomponent or url)
        exchange = _Exchange(
            method,
            target.update_query({name: str(value) for name, value in params.items()}) if params else target,
            outgoing_headers(headers, is_json=json is not None),
            to_json(json) if json is not None else data,
            cap,
            frozenset(ok) if ok is not None else range(200, 300),
            asyncio.get_running_loop().time() + deadline,
            tls,
        )
        if retries is None:
            retries = _HARMLESS_RETRIES if method in _HARMLESS else 0
        with state.measured(method):
            return await self._within_deadline(exchange, state, retries, deadline)

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        service: str | None = None,
        headers: Mapping[str, str] | None = None,
        tls: TlsTrust | None = None,
        deadline: float = 10.0,
        cap: int = 8 * 1024 * 1024,
        silence: float | None = None,
        ping: float | None = None,
    ) -> AsyncIterator[HttpWebSocket]:
        """A websocket, as `plugin_api.services.Http` describes it."""
        from medianest_hub.infrastructure.http_client.handshake import Handshake, opened
        from medianest_hub.infrastructure.http_client.websocket import HttpWebSocket

        self._check_open()
        target = websocket_address(url, service or self._plugin)
        state = self._clients.service(self._plugin, self._instance, service or target.host_port_subcomponent or url)
        wanted = Handshake(target, outgoing_headers(headers), tls, deadline, cap)
        with state.measured("WEBSOCKET"):
            wire = await opened(self._clients.websockets(), wanted, state)
        socket = HttpWebSocket(wire, state.name, cap=cap, send_seconds=deadline, silence=silence, ping=ping)
        self._sockets.add(socket)
        try:
            self._check_open()  # it may have been closed meanwhile
            yield socket
        finally:
            self._sockets.discard(socket)
            await socket.close()

    def ssl_context(self, tls: TlsTrust | None) -> ssl.SSLContext:
        """The context for a connection another library makes, as `plugin_api.services.Http` describes it."""
        return context_for(tls)

    def _check_open(self) -> None:
        if self._closed:
            raise self._stopped()

    def _stopped(self) -> Unavailable:
        return Unavailable(f"The plugin {self._plugin} has been stopped.", code="plugin_stopped")

    async def _within_deadline(
        self, exchange: _Exchange, service: Service, retries: int, deadline: float
    ) -> HttpAnswer:
        try:
            async with asyncio.timeout_at(exchange.ends):
                return await self._with_retries(exchange, service, retries)
        except TimeoutError:
            if exchange.ticket is not None:
                service.breaker.failed(exchange.ticket)
            raise UpstreamTimeout(
                f"{service.name} did not answer within {deadline:g} seconds.", service=service.name
            ) from None
        except BaseException:
            if exchange.ticket is not None:
                service.breaker.abandoned(exchange.ticket)
            raise

    async def _with_retries(self, exchange: _Exchange, service: Service, retries: int) -> HttpAnswer:
        last: HubError | None = None
        for attempt in range(retries + 1):
            try:
                async with service.slots:
                    return await self._attempt(exchange, service)
            except BreakerOpen as error:
                raise last or held_back(error.retry_after, service.name) from None
            except Failure as failure:
                last = failure.error
                pause = _pause(attempt, failure.error.retry_after)
                time_left = exchange.ends - asyncio.get_running_loop().time()
                if not failure.passing or attempt == retries or pause >= time_left:
                    raise last from None
            await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, exchange: _Exchange, service: Service) -> HttpAnswer:
        exchange.ticket = service.breaker.admit()
        try:
            answer = await self._follow(exchange, service.name)
        except Failure as failure:
            settle = service.breaker.failed if failure.of_service else service.breaker.succeeded
            settle(exchange.ticket)
            exchange.ticket = None
            raise
        service.breaker.succeeded(exchange.ticket)
        exchange.ticket = None
        return answer

    async def _follow(self, exchange: _Exchange, service: str) -> HttpAnswer:
        url = exchange.url
        for _ in range(_REDIRECTS + 1):
            answer = await self._send(exchange, url, service)
            if answer.status in exchange.ok:
                return answer
            location = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None:
                raise unfit_status(answer)
            if exchange.method not in _HARMLESS and answer.status not in (307, 308):
                raise Failure(UpstreamError(f"{service} redirects instead of doing as told.", service=service))
            url = redirected(url, location, service)
        raise Failure(UpstreamError(f"{service} redirects in a circle.", service=service))

    async def _send(self, exchange: _Exchange, url: URL, service: str) -> HttpAnswer:
        import aiohttp

        try:
            async with self._clients.session().request(
                exchange.method,
                url,
                headers=exchange.headers,
                data=exchange.body,
                allow_redirects=False,
                ssl=context_for(exchange.tls) if exchange.tls else True,
            ) as response:
                body = await _read(response, exchange.cap, service)
                return HttpAnswer(response.status, response.headers, body, service)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise broken_connection(error, service, tls=exchange.tls) from None


async def _read(response: Any, cap: int, service: str) -> bytes:
    too_large = Failure(UpstreamError(f"{service} answered more than {cap} bytes.", service=service))
    if response.content_length is not None and response.content_length > cap and response.method != "HEAD":
        response.close()
        raise too_large
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > cap:
            response.close()
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def _pause(attempt: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the service asked for, or a random part of a growing span."""
    spread = random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
    if asked is not None:
        return asked * (1 + 0.1 * spread)
    return float(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)) * (0.5 + 0.5 * spread)
