"""`medianest serve --role web`: one web process from its start to its exit code; what it answers is in `app.py`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
import uvloop

from medianest_hub.infrastructure.database import is_transient
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.lifetime import exit_code_of, stop_on_signals
from medianest_hub.infrastructure.listening import check_free
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.infrastructure.notices import Notices
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.jobs.process_listeners import ProcessListeners
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.wanted import NOTIFY
from medianest_hub.settings import LoadedSettings
from medianest_hub.web.app import GRACEFUL_SECONDS, create_app
from medianest_hub.web.crowd import raise_file_limit
from medianest_hub.web.hub import WebHub
from medianest_hub.web.protocol import WebProtocol
from medianest_hub.web.realtime import Realtime
from medianest_hub.web.setup_link import announce_first_run
from medianest_hub.web.way_in import require_way_in

log = structlog.get_logger(__name__)

CLOSE_SECONDS: Final = 5.0
"""How long connections, plugins and sockets may take to close after the last request."""

STOP_SECONDS: Final = GRACEFUL_SECONDS + CLOSE_SECONDS + 2.0
"""From the signal to the end: whatever holds the process up longer is left behind."""

BACKLOG: Final = 1024

SUBSCRIBE_SECONDS: Final = 1.0
"""How long the start waits for Redis' channels; a Redis that is away does not keep people out."""


def run(loaded: LoadedSettings) -> int:
    """Run until SIGTERM or SIGINT. 0 stopped as asked · 2 the operator must act (one line says what) · 75 schema behind."""
    configure_logs(loaded.settings.log.level, loaded.settings.log.format, process="web")
    raise_file_limit()

    def work() -> None:
        host = PluginHost(loaded, "web")
        listener = _listen(loaded)
        host.load()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(WebHub(loaded, host), listener))

    return exit_code_of(work)


def _listen(loaded: LoadedSettings) -> socket.socket:
    """The socket, bound and not listening yet: whoever connects too early is refused rather than left waiting."""
    server = loaded.settings.server
    check_free(server.host, server.port, "server")
    family, kind, protocol, _, address = socket.getaddrinfo(
        server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise OperatorError(f"server.port {server.port} cannot be listened on: {error.strerror}") from error
    return listener


async def serve(hub: WebHub, listener: socket.socket) -> None:
    """Serve on that socket until a signal, or until the parts cannot be opened, which raises what `HubParts.open` does."""
    stop = stop_on_signals(STOP_SECONDS, "the web process did not stop in time and was ended")
    app = create_app(hub)
    hub.hosts.learn_own_name()
    server: Any = await app.create_server(
        sock=listener,
        protocol=WebProtocol,
        return_asyncio_server=True,
        backlog=BACKLOG,
        asyncio_server_kwargs={"start_serving": False},
    )
    await server.startup()
    await server.before_start()
    await server.start_serving()
    await server.after_start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.after_stop)
        opening = asyncio.create_task(open_hub(hub, app.ctx.realtime, stack), name="open-hub")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
                gc.collect()
                gc.freeze()  # what start-up made stays: no need to look at it in every collection
                await stop.wait()
        finally:
            stopping.cancel()
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
            await server.before_stop()
            server.server.close()
            await app.ctx.realtime.close()
            await _drain(server)


async def open_hub(hub: WebHub, realtime: Realtime, stack: contextlib.AsyncExitStack) -> None:
    """Connect the parts, run the plugins and let requests in; `stack` closes what was opened."""
    parts = await HubParts.open(hub.loaded, "web", hub.host)
    stack.push_async_callback(_close, parts)
    ProcessListeners(parts.host, parts.redis)
    await _patiently(parts.host.start)
    await _patiently(lambda: realtime.open(parts))
    await parts.redis.wait_subscribed(SUBSCRIBE_SECONDS)  # else whoever is thrown out now keeps their socket here
    url = hub.settings.database.url
    notices = Notices(url.get_secret_value() if url is not None else "", {NOTIFY: parts.host.look})
    listening = asyncio.create_task(notices.run(), name="notices")
    stack.callback(listening.cancel)
    await parts.health.start()
    await _patiently(lambda: require_way_in(parts))
    await _patiently(lambda: announce_first_run(parts))  # before it is ready: whoever waits for that finds the link
    hub.open(parts)
    log.info("web_ready", host=hub.settings.server.host, port=hub.settings.server.port)


async def _patiently(step: Callable[[], Awaitable[object]]) -> None:
    """A step of the start, again and again while the database is away."""
    while True:
        try:
            await step()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("start_waits_for_database", error=type(error).__name__)
            await asyncio.sleep(0.5)
        else:
            return


async def _close(parts: HubParts) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await parts.close()
    except TimeoutError:
        log.warning("parts_not_closed_in_time")


async def _drain(server: Any) -> None:
    """Let requests under way finish for a while, then end what is left."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + GRACEFUL_SECONDS
    while True:
        for connection in list(server.connections):
            if getattr(connection, "websocket", None):
                connection.websocket.fail_connection(code=1001)
            elif not connection.close_if_idle() and connection.http is not None:
                connection.http.keep_alive = False
        if not server.connections or loop.time() > ends:
            break
        await asyncio.sleep(0.05)
    if server.connections:
        log.warning("requests_cut_off", count=len(server.connections))
    for connection in list(server.connections):
        connection.abort()
