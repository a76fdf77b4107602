"""What a plugin's context offers, each as a Protocol: the host implements them, `medianest_hub.testing` too."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api.events import EventData
from medianest_hub.plugin_api.notifications import Notify
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.sign_in import LinkedIdentity
from medianest_hub.plugin_api.tasks import JobState, Progress, Task
from medianest_hub.plugin_api.tls import TlsTrust

ModelT = TypeVar("ModelT", bound=BaseModel)
ValueT = TypeVar("ValueT")


class Log(Protocol):
    """A structured log; every line carries plugin, instance and request id. Values under secret-looking names are masked."""

    def debug(self, event: str, /, **fields: Any) -> Any:
        """Details for developers."""

    def info(self, event: str, /, **fields: Any) -> Any:
        """Something worth knowing."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Something to look at."""

    def error(self, event: str, /, **fields: Any) -> Any:
        """Something that failed."""

    def exception(self, event: str, /, **fields: Any) -> Any:
        """Something that failed, with its traceback; only inside `except`."""


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """The time of day, UTC, with zone."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""


class Record(Protocol):
    """A row of a query: by column name, by position, or as a mapping."""

    def __getitem__(self, key: str | int) -> Any:
        """One value."""

    def keys(self) -> Any:
        """The column names."""


class Queries(Protocol):
    """SQL with `$1` parameters. Tables are named with their schema: `plugin_<name>.<table>`."""

    async def fetch(self, sql: str, *args: Any) -> Sequence[Record]:
        """All rows."""

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """The first row, or None."""

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first value of the first row, or None."""

    async def execute(self, sql: str, *args: Any) -> str:
        """Run it; returns the command tag (`UPDATE 3`)."""


class Database(Queries, Protocol):
    """The hub's Postgres. The plugin's Piccolo tables are bound to the same pool and may be used as well.

    Every statement waits at most a few seconds for a connection, then raises `Unavailable`.
    """

    def transaction(self) -> AbstractAsyncContextManager[Queries]:
        """All or nothing; hand the yielded object as `tx` to `jobs.enqueue` and `events.emit`."""


class Cache(Protocol):
    """JSON values kept for a while, shared by all replicas, the plugin's own. May be empty at any moment; never the truth."""

    async def get(self, key: str) -> Any | None:
        """The value, or None."""

    async def set(self, key: str, value: Any, ttl: float) -> None:
        """Keep a JSON-able value for `ttl` seconds."""

    async def delete(self, key: str) -> None:
        """Forget it."""

    async def remember(self, key: str, ttl: float, load: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """The value, loading it at most once over all replicas when missing."""

    async def bump(self, tag: str) -> None:
        """Make every answer cached under this tag (`AnswerCache.tags`) out of date."""


class HttpResponse(Protocol):
    """An answer read whole, at most `cap` bytes."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, names case-insensitive."""

    @property
    def body(self) -> bytes:
        """The bytes."""

    def json(self) -> Any:
        """The parsed JSON; `UpstreamError` if it is not JSON (HTML error pages are common)."""

    def parse(self, model: type[ModelT]) -> ModelT:
        """The body as that model; `UpstreamError` naming the first field that does not fit."""


class WebSocket(Protocol):
    """A websocket while its block lasts. Pings of the other side are answered whether or not somebody receives.

    When the plugin's context is closed it ends, and both methods raise `Unavailable`.
    """

    async def receive(self) -> str | bytes:
        """The next message, in the order they came; may be cancelled without losing one.

        Raises `UpstreamError`, each time anew, once the other side has ended the connection, sent a message larger than `cap`
        bytes or broken the protocol; `UpstreamTimeout` once it has been silent too long.
        """

    async def send(self, text: str) -> None:
        """Send one message. Raises `UpstreamError` when the connection is over, `UpstreamTimeout` when the other side takes
        nothing in for `deadline` seconds.
        """


class Http(Protocol):
    """Outside calls: a deadline, a cap, a breaker per service, retries of harmless calls, metrics and the request id."""

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
    ) -> HttpResponse:
        """One call. `service` names breaker and metrics (default: the host).

        `retries`: by default 2 for GET and HEAD, 0 for others. `ok`: acceptable statuses (default 200–299); another
        raises `UpstreamError`, a 401 or 403 raises `AuthFailed`. Redirects are not followed across hosts.
        `tls`: whom to trust besides the public CAs, from your settings; nothing is ever left unverified.
        `params` go as forms send them, with `+` for a space; a query in `url` with a `%` in it goes as it is.
        Raises `UpstreamTimeout` after `deadline` seconds, `UpstreamError` when larger than `cap` bytes or unreachable,
        `Unavailable` while the breaker is open.
        """

    def websocket(
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
    ) -> AbstractAsyncContextManager[WebSocket]:
        """A websocket, for `async with`: open inside the block, closed within a second on leaving it.

        `url`: http, https, ws or wss. `deadline`: seconds for opening it, and for each `send`. `cap`: bytes of one message.
        `silence`: seconds without a word, not even a pong, after which the other side counts as gone. `ping`: seconds between
        our own pings; `silence` is then three times as long unless you give it. Redirects are not followed; no cookies, no
        `Origin`, no compression.
        Opening is one call to `service` for breaker and metrics, and never repeated. It raises as `request` does: `AuthFailed`
        for a 401 or 403, `UpstreamTimeout`, `UpstreamError`, `Unavailable` while the breaker is open.
        """

    def ssl_context(self, tls: TlsTrust | None) -> ssl.SSLContext:
        """For a connection another library makes; the same one each time. Do not change it.

        What fails to be verified then raises `ssl.SSLCertVerificationError`, or what that library makes of it.
        """


class JobView(BaseModel):
    """A job as people see it."""

    id: UUID
    plugin: str
    instance: str
    task: str
    state: JobState
    progress: Progress
    attempt: int
    person_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error_code: str | None
    error_message: str | None


class Jobs(Protocol):
    """Background work of this plugin."""

    async def enqueue(
        self,
        task: Task | str,
        args: BaseModel | None = None,
        *,
        person: UUID | None = None,
        delay: float = 0.0,
        unique: str | None = None,
        tx: Queries | None = None,
    ) -> UUID:
        """Queue one job and return its id. Written to Postgres: it survives an emptied Redis.

        `unique`: while a job of this task with the same text is queued or running, its id is returned instead.
        `tx`: take part in a transaction; the job starts only if it commits.
        """

    async def cancel(self, job_id: UUID) -> bool:
        """Cancel it wherever it runs; False if it had ended already."""

    async def get(self, job_id: UUID) -> JobView | None:
        """One job of this plugin, or None."""


class Events(Protocol):
    """Telling others what happened."""

    async def emit(self, data: EventData, *, person: UUID | None = None, tx: Queries | None = None) -> UUID:
        """Write the event to the outbox (with `tx`, in that transaction); its listeners are called soon after."""


class Realtime(Protocol):
    """Pushing to people's open pages."""

    async def send(
        self,
        event: str,
        data: BaseModel | Mapping[str, Any],
        *,
        person: UUID | None = None,
        permission: str | None = None,
        keep: bool = True,
    ) -> None:
        """Send `<plugin>:<event>` to one person, or to everybody with that permission (one of the two must be given).

        `keep`: a page that was asleep gets it later; False for what is worthless afterwards, such as progress.
        """

    async def widget_changed(self, widget: str, *, person: UUID | None = None) -> None:
        """The widget would now load something else: forget the cached tile (of that person, or all) and tell open pages."""


class People(Protocol):
    """Who people are, and the secrets kept for them by this plugin."""

    async def get(self, person_id: UUID) -> Person | None:
        """The person with all permissions in force, or None."""

    async def identity(self, person_id: UUID, provider: str | None = None) -> LinkedIdentity | None:
        """The outside account the person signs in with at that provider (by default this plugin's own), or None.

        None also for one the provider no longer stands for (`Standing`), until the person signs in by it again.
        """

    async def by_identity(self, subject: str, provider: str | None = None) -> Person | None:
        """The active person who signs in with that outside account, or None: for one nobody has or stands for, and for
        somebody who is disabled or not let in yet.
        """

    async def linked(self, provider: str | None = None) -> dict[UUID, LinkedIdentity]:
        """Of each active person who signs in at that provider (by default this plugin's own), the account; as `identity` does."""

    async def verified_email(self, person_id: UUID) -> str | None:
        """The person's e-mail address, in small letters, where it is known to be theirs; else None, and for who is not active."""

    async def secret(self, person_id: UUID, name: str) -> str | None:
        """A secret this plugin keeps for that person (a token), or None."""

    async def set_secret(self, person_id: UUID, name: str, value: str | None) -> None:
        """Seal and keep it; None removes it."""


class Images(Protocol):
    """Links by which a page may show this plugin's pictures."""

    def link(self, source: str, ref: str, *, width: int = 0, height: int = 0) -> str:
        """The path of that picture, fitted into about that many pixels (0: as it is), good for one day at least, two at most.

        `source` is the name of one of the plugin's `ImageSource`s. Sizes are rounded up to one of a few steps. The same
        arguments give the same link for a day. `BadInput` for a source the plugin does not declare, or a `ref` of more
        than 1000 bytes.
        """


class Secrets(Protocol):
    """Sealing and signing under keys of this plugin's own."""

    def seal(self, value: str) -> str:
        """Encrypt; the result is text and safe to store."""

    def open(self, sealed: str) -> str:
        """Decrypt; `ValueError` if it was not sealed here."""

    def sign(self, claims: Mapping[str, str | int], ttl: float) -> str:
        """A URL-safe token that proves `claims` for `ttl` seconds."""

    def verify(self, token: str) -> dict[str, str | int]:
        """The claims; `Forbidden` if forged, `Gone` if expired."""


class Counter(Protocol):
    """Something that only grows."""

    def inc(self, amount: float = 1, **labels: str) -> None:
        """Count."""


class Gauge(Protocol):
    """Something that goes up and down."""

    def set(self, value: float, **labels: str) -> None:
        """Say what it is now."""


class Histogram(Protocol):
    """How something is spread."""

    def observe(self, value: float, **labels: str) -> None:
        """Add one value."""


class Metrics(Protocol):
    """Prometheus metrics named `medianest_<plugin>_<name>`; asking twice for one name gives the same one."""

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """A counter."""

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge."""

    def histogram(self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()) -> Histogram:
        """A histogram; seconds-sized buckets by default."""


__all__ = [
    "Cache",
    "Clock",
    "Counter",
    "Database",
    "Events",
    "Gauge",
    "Histogram",
    "Http",
    "HttpResponse",
    "Images",
    "JobView",
    "Jobs",
    "Log",
    "Metrics",
    "Notify",
    "People",
    "Queries",
    "Realtime",
    "Record",
    "Secrets",
    "WebSocket",
]
