"""Runs one Uptime Kuma in a thread of its own: tests turn its knobs and read what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from ..threaded import in_a_thread
from . import webhook
from .asked import Asked, Log
from .faults import Faults
from .knobs import Knobs
from .life import Life
from .live import Script, beating
from .pushes import Event
from .world import Monitor, Status, World

__all__ = ["Asked", "KumaSimulator", "Monitor", "Status"]

T = TypeVar("T")
_PATIENCE = 30.0


class KumaSimulator(Knobs):
    """`url` is its root, without a trailing slash. Use it in `with sim.running():`.

    Controls may be called from any thread but the simulator's own, before and while it runs; they return once it is done.
    """

    def __init__(self, version: str = "2.5.3", *, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__(World(version))
        self.faults = Faults()
        self.url = ""
        self.pings = (25.0, 20.0)
        """Seconds between Socket.IO's pings, and how long it waits for the answer; read at the start."""
        self._log = Log()
        self._host, self._port = host, port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._life: Life | None = None
        self._end = asyncio.Event()
        self._live: tuple[Script, float] | None = None
        self._beating: asyncio.Task[None] | None = None

    # --- running

    @contextlib.contextmanager
    def running(self) -> Iterator[KumaSimulator]:
        """Serve until the block ends."""
        with in_a_thread("kuma-simulator", self._serve, lambda: self._end.set()) as self._loop:
            try:
                yield self
            finally:
                self._loop = None
        # A mistake here would look like a fault of Kuma, and pass as one.
        assert self._log.broken == []

    async def _serve(self, started: threading.Event) -> None:
        self._end = asyncio.Event()
        try:
            self.world.start()
            await self._begin()
            started.set()
            await self._end.wait()
        finally:
            await self._cease()

    async def _begin(self) -> None:
        life = Life(self.world, self.faults, self._log, self.pings)
        self._port = await life.begin(self._host, self._port)
        self.url = f"http://{self._host}:{self._port}"
        self._life = life
        self._start_beating()

    async def _cease(self) -> None:
        life, self._life = self._life, None
        if self._beating is not None:
            self._beating.cancel()
        if life is not None:
            await life.end()

    async def _beat(self, monitor: Monitor, status: int, msg: str | None, ping: float | None) -> None:
        if monitor.id in self.world.monitors:
            _, events = self._beat_change(monitor.id, status, msg, ping, None, None)
            await self._tell(events)

    def _start_beating(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        self._beating = None
        if self._live is not None and self._life is not None:
            script, speed = self._live
            self._beating = asyncio.create_task(beating(self.world, script, speed, self._beat))

    # --- what was asked

    @property
    def asked(self) -> list[Asked]:
        """Everything that came in."""
        return self._log.entries

    def asked_of(self, route: str) -> list[Asked]:
        """What came in for one route or call."""
        return [one for one in self.asked if one.route == route]

    @property
    def logins(self) -> int:
        """How many logins with a password came in."""
        return len(self.asked_of("login"))

    @property
    def token_logins(self) -> int:
        """How many logins with a token came in."""
        return len(self.asked_of("login_by_token"))

    @property
    def connected(self) -> int:
        """How many sockets are connected."""
        return len(self._life.sockets.known) if self._life else 0

    @property
    def logged_in(self) -> int:
        """How many of them are logged in."""
        return len(self._life.sockets.logged_in) if self._life else 0

    def until(self, check: Callable[[], bool], timeout: float = 5.0) -> None:
        """Wait until the check holds. Raises TimeoutError."""
        self._log.wait_for(check, timeout)

    async def reached(self, check: Callable[[], bool], timeout: float = 5.0) -> None:
        """The same for coroutines."""
        await asyncio.to_thread(self.until, check, timeout)

    # --- the service itself

    def live(self, script: Script | None, speed: float = 1.0) -> None:
        """Let active monitors beat by themselves, each at its interval (`speed` times as fast); None stops them.

        The script is called with the monitor and the time, and gives status, message (None: the usual one) and ping.
        """

        def change() -> tuple[None, list[Event]]:
            self._live = None if script is None else (script, speed)
            if self._loop is not None:
                self._start_beating()
            return None, []

        self._change(change)

    def kick(self) -> None:
        """All sockets break off."""
        self._do(self._kick)

    async def _kick(self) -> None:
        if self._life is not None:
            await self._life.sockets.kick()

    def silence(self, on: bool = True) -> None:
        """The process stands still: connections stay, nothing is said and nothing answered, not even a ping."""

        async def inside() -> None:
            if self._life is not None:
                self._life.silence(on)

        self._do(inside)

    def stop(self) -> None:
        """The process ends: the port is closed."""
        self._do(self._cease)

    def restart(self) -> None:
        """The process begins anew on the same port with what its database holds: gauges are empty until the next beats."""

        async def inside() -> None:
            await self._cease()
            self.world.restart()
            await self._begin()

        self._do(inside)

    def change_password(self, password: str) -> None:
        """An admin changes the password: tokens no longer hold, and all sockets are told to come back."""

        async def inside() -> None:
            self.world.change_password(password)
            if self._life is not None:
                await self._life.sockets.refresh()

        self._do(inside)

    async def notify(
        self, monitor_id: int | None, url: str, headers: dict[str, str] | None = None, form: bool = False
    ) -> int:
        """Post the webhook of the monitor's last beat, or for None that of the button "Test"; gives the answer's status."""
        monitor = None if monitor_id is None else self.world.monitors[monitor_id]
        return await webhook.post(url, webhook.message(self.world, monitor), headers or {}, form=form)

    def notify_now(
        self, monitor_id: int | None, url: str, headers: dict[str, str] | None = None, form: bool = False
    ) -> int:
        """The same for who is no coroutine and does not serve the URL in this thread."""
        return asyncio.run(self.notify(monitor_id, url, headers, form))

    # --- crossing over to the simulator's loop

    def _change(self, change: Callable[[], tuple[T, Iterable[Event]]]) -> T:
        async def inside() -> T:
            result, events = change()
            await self._tell(events)
            return result

        return self._do(inside)

    async def _tell(self, events: Iterable[Event]) -> None:
        if self._life is not None:
            await self._life.sockets.tell(events)

    def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        async def inside() -> T:
            return await work()

        if self._loop is None:
            return _at_once(inside())
        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(_PATIENCE)


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """Before it runs there is nobody to wait for, so no loop is needed, and none that runs here is in the way."""
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]
    raise AssertionError("something waits before the simulator runs")
