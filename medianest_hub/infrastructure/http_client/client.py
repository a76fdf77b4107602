"""`ctx.http` of one plugin instance: one call with its deadline, cap, retries and words for each way it fails."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from pydantic_core import to_json

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.http_client.answer import HttpAnswer
from medianest_hub.infrastructure.http_client.breaker import BreakerOpen, Ticket
from medianest_hub.infrastructure.http_client.failures import Failure, broken_connection, unfit_status
from medianest_hub.infrastructure.http_client.trust import context_for
from medianest_hub.plugin_api.errors import ConfigInvalid, HubError, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.plugin_api.tls import TlsTrust

if TYPE_CHECKING:
    from yarl import URL

    from medianest_hub.infrastructure.http_client.clients import HttpClients, Service

log = structlog.get_logger(__name__)

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

    async def close(self) -> None:
        """Refuse further calls; those under way end by their own deadlines."""
        self._closed = True

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
        if self._closed:
            raise Unavailable(f"The plugin {self._plugin} has been stopped.", code="plugin_stopped")
        method = method.upper()
        target = _address(url, service or self._plugin)
        state = self._clients.service(self._plugin, self._instance, service or target.host_port_subcomponent or url)
        exchange = _Exchange(
            method,
            target.update_query({name: str(value) for name, value in params.items()}) if params else target,
            _headers(headers, json is not None),
            to_json(json) if json is not None else data,
            cap,
            frozenset(ok) if ok is not None else range(200, 300),
            asyncio.get_running_loop().time() + deadline,
            tls,
        )
        if retries is None:
            retries = _HARMLESS_RETRIES if method in _HARMLESS else 0
        return await self._measured(exchange, state, retries, deadline)

    def ssl_context(self, tls: TlsTrust | None) -> ssl.SSLContext:
        """The context for a connection another library makes, as `plugin_api.services.Http` describes it."""
        return context_for(tls)

    async def _measured(self, exchange: _Exchange, service: Service, retries: int, deadline: float) -> HttpAnswer:
        began, outcome = time.perf_counter(), "cancelled"
        try:
            answer = await self._within_deadline(exchange, service, retries, deadline)
            outcome = "ok"
        except HubError as error:
            outcome = error.error_code
            raise
        else:
            return answer
        finally:
            took = time.perf_counter() - began
            metrics.upstream_calls.labels(self._plugin, service.label, outcome).inc()
            metrics.upstream_seconds.labels(self._plugin, service.label).observe(took)
            # Neither path nor query is written down: both may carry secrets.
            log.debug(
                "outside_call",
                plugin=self._plugin,
                service=service.name,
                method=exchange.method,
                outcome=outcome,
                seconds=round(took, 4),
            )

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
            except BreakerOpen as held_back:
                if last is not None:
                    raise last from None
                raise Unavailable(
                    f"{service.name} has failed repeatedly; it is tried again shortly.",
                    code="service_down",
                    params={"service": service.name},
                    retry_after=held_back.retry_after,
                ) from None
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
            url = _redirected(url, location, service)
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


def _address(url: str, service: str) -> URL:
    from yarl import URL

    try:
        target = URL(url)
        usable = target.scheme in ("http", "https") and bool(target.host)
    except ValueError:
        usable = False
    if not usable:
        # The text may hold a secret, so it is not repeated.
        raise UpstreamError(f"The address of {service} is not a web address (http://… or https://…).", service=service)
    return target.with_fragment(None)


def _redirected(origin: URL, location: str, service: str) -> URL:
    from yarl import URL

    try:
        target = origin.join(URL(location))
    except ValueError:
        raise Failure(UpstreamError(f"{service} redirects to something unreadable.", service=service)) from None
    same = (target.scheme, target.host, target.port) == (origin.scheme, origin.host, origin.port)
    upgraded = (
        target.host == origin.host
        and (origin.scheme, target.scheme) == ("http", "https")
        and origin.is_default_port()
        and target.is_default_port()
    )
    if not (same or upgraded):
        # Credentials in headers must not follow to another host.
        where = f"{target.scheme}://{target.host_port_subcomponent}"
        raise Failure(UpstreamError(f"{service} redirects to another address, {where}.", service=service))
    return target


def _headers(given: Mapping[str, str] | None, is_json: bool) -> dict[str, str]:
    headers = {"Content-Type": "application/json"} if is_json else {}
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        headers["X-Request-ID"] = str(request_id)
    for name, value in (given or {}).items():
        if any(bad in name + value for bad in "\r\n\0"):
            raise ConfigInvalid(f"The value for the header {name!r} contains a line break; remove it.")
        for other in [known for known in headers if known.lower() == name.lower()]:
            del headers[other]
        headers[name] = value
    return headers


def _pause(attempt: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the service asked for, or a random part of a growing span."""
    spread = random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
    if asked is not None:
        return asked * (1 + 0.1 * spread)
    return float(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)) * (0.5 + 0.5 * spread)
