"""One process's link to Redis: commands of one turn in one pipeline, channels that survive restarts, and knowing it is away.

Nothing here is the truth: every caller must go on when `RedisAway` is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

import redis.asyncio as aioredis
import structlog
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

log = structlog.get_logger(__name__)

TRIP_SECONDS = 1.0
"""How long one pipeline may take before Redis counts as away."""

_LOST = (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError, asyncio.IncompleteReadError)

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[None]]
Command = tuple[Any, ...]


class RedisAway(Exception):
    """Redis cannot be reached for now; use what is left without it."""


class Script:
    """A Lua script, sent by its hash. Every connection loads all there are; one the server forgot since is sent whole."""

    known: ClassVar[list[Script]] = []

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self.known.append(self)


def web_redis(url: str, socket_timeout: float | None = TRIP_SECONDS) -> aioredis.Redis:
    """A client that fails fast: a request must not wait for an outage to end."""
    return aioredis.Redis.from_url(
        url, socket_timeout=socket_timeout, socket_connect_timeout=1.0, retry=Retry(ExponentialBackoff(), 0)
    )


def worker_redis(url: str) -> aioredis.Redis:
    """A client that waits out an outage with back-off, for blocking reads of a queue."""
    return aioredis.Redis.from_url(
        url,
        socket_timeout=None,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 30),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )


class RedisLink:
    """Open with `open`, then `await start()`. Commands answer raw bytes, ints and lists."""

    def __init__(self, url: str, *, worker: bool) -> None:
        self.url = url
        self.client = worker_redis(url) if worker else web_redis(url)
        self._fast = web_redis(url, None)  # each trip has a deadline of its own; two would cost twice
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._pump: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._handlers: dict[str, list[Handler]] = {}
        self._back: list[Callable[[], Any]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._subscribed = asyncio.Event()
        self._channels_changed = asyncio.Event()
        self._away = False
        self._closing = False

    @classmethod
    def open(cls, url: str, *, worker: bool) -> RedisLink:
        """A link that has not connected yet; makes no connection."""
        return cls(url, worker=worker)

    @property
    def is_away(self) -> bool:
        """Whether the last trip failed and none has succeeded since."""
        return self._away

    @property
    def hears(self) -> bool:
        """Whether messages of other processes are being received; without, what they changed is found by asking."""
        return not self._away and self._subscribed.is_set()

    def on_back(self, callback: Callable[[], Any]) -> None:
        """Call this (a function or coroutine function) whenever Redis is there again after an outage."""
        self._back.append(callback)

    async def start(self) -> None:
        """Begin listening to channels and watching for the end of outages."""
        self._spawn(self._listen())
        self._spawn(self._watch())

    async def close(self) -> None:
        """Stop listening and drop all connections; never raises for a Redis that is away."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        if self._pump is not None:
            self._pump.cancel()
        await asyncio.gather(*self._tasks, *([self._pump] if self._pump else []), return_exceptions=True)
        await self._drop_connection()
        for client in (self.client, self._fast):
            with contextlib.suppress(*_LOST, RedisError):
                await client.aclose()

    async def call(self, *command: Any) -> Any:
        """One command, sent together with all others of this loop turn. Raises `RedisAway`, or `ResponseError`."""
        if self._away or self._closing:
            raise RedisAway
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._send_waiting(), name="redis-pipeline")
        return await future

    async def eval(self, script: Script, keys: Sequence[Any], args: Sequence[Any] = ()) -> Any:
        """Run a script, in the same pipeline as all other commands of this turn."""
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self.call("EVAL", script.source, len(keys), *keys, *args)

    async def publish(self, channel: str, message: Message) -> bool:
        """Tell every process listening; False (and nothing else) when Redis is away."""
        try:
            await self.call("PUBLISH", channel, json.dumps(message, separators=(",", ":"), default=str))
        except (RedisAway, RedisError):
            return False
        return True

    def subscribe(self, channel: str, handler: Handler) -> None:
        """Call the coroutine for each message on the channel, also after Redis was restarted. Messages in between are lost."""
        if channel not in self._handlers:
            self._subscribed.clear()
        self._handlers.setdefault(channel, []).append(handler)
        self._channels_changed.set()

    async def wait_subscribed(self, timeout: float = 5.0) -> bool:
        """Wait until messages of every channel are being received; False when that did not happen in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._subscribed.wait()
        return self._subscribed.is_set()

    def _spawn(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_waiting(self) -> None:
        """Send all that waits as one pipeline; what arrives meanwhile goes with the next one."""
        await asyncio.sleep(0)  # let the rest of this turn join
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(TRIP_SECONDS):
                    answers = await self._trip([command for command, _ in batch])
            except (*_LOST, RedisError) as error:
                await self._went_away(error, batch)
                return
            except asyncio.CancelledError:
                self._fail(batch)
                raise
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _trip(self, commands: list[Command]) -> list[Any]:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._fast.connection_pool.make_connection()  # type: ignore[no-untyped-call]
            # Sent whole later, a script would run after commands of the turns in between: a write after a read of it.
            await self._converse(connection, [("SCRIPT", "LOAD", script.source) for script in Script.known])
        return await self._converse(connection, commands)

    @staticmethod
    async def _converse(connection: AbstractConnection, commands: list[Command]) -> list[Any]:
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except ResponseError as error:
                answers.append(error)
        return answers

    def _fail(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        waiting, self._waiting = self._waiting, []
        for _, future in (*batch, *waiting):
            if not future.done():
                future.set_exception(RedisAway())

    async def _went_away(self, error: BaseException, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        if not self._away:
            self._away = True
            log.warning("redis_away", error=type(error).__name__)
        self._fail(batch)
        await self._drop_connection()

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_LOST, RedisError):
                await connection.disconnect(nowait=True)

    async def _watch(self) -> None:
        """Ask again and again while Redis is away; tell those who want to know when it is back."""
        delay = 0.1
        while True:
            await asyncio.sleep(delay if self._away else 0.25)
            if not self._away:
                delay = 0.1
                continue
            try:
                async with asyncio.timeout(TRIP_SECONDS):
                    await self._trip([("PING",)])
            except (*_LOST, RedisError):
                await self._drop_connection()
                delay = min(delay * 1.5, 2.0) * (0.8 + 0.4 * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret
            else:
                self._away = False
                log.info("redis_back")
                await self._tell_back()

    async def _tell_back(self) -> None:
        for callback in self._back:
            try:
                result = callback()
                if asyncio.iscoroutine(result):
                    await result
            except Exception:
                log.exception("redis_back_callback_failed")

    async def _listen(self) -> None:
        """Receive messages for ever; each reconnection counts as "back", since messages may have been missed."""
        client = aioredis.Redis.from_url(self.url, socket_timeout=None, socket_connect_timeout=1.0)
        delay, first = 0.1, True
        try:
            while True:
                try:
                    await self._listen_once(client, first)
                except (*_LOST, RedisError):
                    self._subscribed.clear()
                    await asyncio.sleep(delay * (0.8 + 0.4 * random.random()))  # nosec B311 # noqa: S311 - jitter, not a secret
                    delay = min(delay * 1.5, 2.0)
                else:
                    delay = 0.1
                first = False
        finally:
            with contextlib.suppress(*_LOST, RedisError):
                await client.aclose()

    async def _listen_once(self, client: aioredis.Redis, first: bool) -> None:
        while not self._handlers:
            self._channels_changed.clear()
            await self._channels_changed.wait()
        confirmed: set[str] = set()
        async with client.pubsub() as pubsub:
            known = set(self._handlers)
            await pubsub.subscribe(*known)
            adding = asyncio.create_task(self._subscribe_later(pubsub, known), name="redis-subscribe")
            try:
                while True:
                    message = await pubsub.get_message(timeout=None)
                    if message is None:
                        continue
                    if message["type"] == "message":
                        self._deliver(message)
                    elif message["type"] == "subscribe":
                        confirmed.add(message["channel"].decode())
                        if confirmed >= set(self._handlers):
                            self._subscribed.set()
                            if not first and not self._away:
                                await self._tell_back()
                            first = True
            finally:
                adding.cancel()

    async def _subscribe_later(self, pubsub: PubSub, known: set[str]) -> None:
        """Subscribe at once to channels that are added while messages are being waited for."""
        while True:
            if new := set(self._handlers) - known:
                await pubsub.subscribe(*new)
                known |= new
            self._channels_changed.clear()
            await self._channels_changed.wait()

    def _deliver(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        try:
            content = json.loads(message["data"])
        except (ValueError, TypeError):
            log.warning("redis_message_unreadable", channel=channel)
            return
        for handler in self._handlers.get(channel, ()):
            self._spawn(self._guarded(handler, content, channel))

    async def _guarded(self, handler: Handler, content: Message, channel: str) -> None:
        try:
            await handler(content)
        except Exception:
            log.exception("redis_handler_failed", channel=channel)
