"""The processes Apprise runs in, as few as needed and never more than two; starts and ends them, and judges nothing they say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from medianest_hub.plugin_api import Context, errors
from medianest_notify.addresses.catalogue import SERVICES
from medianest_notify.outcomes import Outcome
from medianest_notify.settings import NotifySettings

MOST_SECONDS: Final = 25
"""For one message, Apprise's own pauses included."""

START_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 60.0
MOST_PROCESSES: Final = 2
MOST_WAITING: Final = 20
_LINE: Final = 64 * 1024
_KEY: Final = "senders"


class _Child:
    """One process; `ask` it one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, start: Mapping[str, Any]) -> _Child:
        """Once it is ready. Raises `OSError`, `TimeoutError` or `EOFError`."""
        child = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "medianest_notify.apprise_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Apprise logs what it sends and where.
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                # Nothing of ours: no proxies, no keys, no folder with passwords in it.
                env={"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PATH": "", "NO_PROXY": "*"},
                start_new_session=True,
                limit=_LINE,
            )
        )
        try:
            await child.ask(start, START_SECONDS)
        except BaseException:
            await asyncio.shield(child.end())
            raise
        return child

    async def ask(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer. Raises `TimeoutError`, or `EOFError` when it ended instead."""
        if self._process.stdin is None or self._process.stdout is None:
            raise EOFError
        async with asyncio.timeout(seconds):
            try:
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                await self._process.stdin.drain()
                answer = json.loads(await self._process.stdout.readline())
            except (OSError, ValueError):
                raise EOFError from None
        return answer if isinstance(answer, dict) else {}

    async def end(self) -> None:
        """Made to, as it has nothing to finish."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


class Senders:
    """`send` and `is_readable`, by a process that is kept for a minute and then ended. `close` ends all of them.

    `most_seconds`: how long one message may take. The process ends itself then, and is ended two seconds later.
    """

    def __init__(self, settings: NotifySettings, *, most_seconds: int = MOST_SECONDS) -> None:
        schemas = [schema for name in settings.services for schema in SERVICES[name].schemas]
        self._start = {
            "schemas": schemas,
            "openings": list(settings.private_addresses),
            "ca": settings.tls.ca,
            "most_seconds": most_seconds,
        }
        self._patience = most_seconds + 2.0
        self._mail = None
        if settings.mail_sender:
            password = settings.mail_password
            self._mail = settings.mail.model_dump(exclude={"sender"}) | {
                "password": password.get_secret_value() if password is not None else "",
                "sender": settings.mail_sender,
            }
        self._slots = asyncio.Semaphore(MOST_PROCESSES)
        self._idle: dict[_Child, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._closed = False

    async def is_readable(self, address: str) -> bool:
        """Whether Apprise understands the address. Nobody is asked. Raises `Unavailable`."""
        answer = await self._ask({"do": "read", "address": address})
        return answer is not None and answer.get("outcome") == "readable"

    async def send(self, address: str, title: str, body: str) -> Outcome:
        """One message by Apprise. Raises `Unavailable` where it was not even tried."""
        return self._judged(await self._ask({"do": "send", "address": address, "title": title, "body": body}))

    async def send_mail(self, recipient: str, title: str, body: str) -> Outcome:
        """One message by the operator's mail server. Raises `Unavailable` where it was not even tried."""
        if self._mail is None:
            return Outcome("refused", "not_offered")
        order = {"do": "mail", "mail": self._mail, "recipient": recipient, "title": title, "body": body}
        return self._judged(await self._ask(order))

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        idle, self._idle = self._idle, {}
        for child, timer in idle.items():
            timer.cancel()
            await child.end()
        await asyncio.gather(*self._ending)

    @staticmethod
    def _judged(answer: dict[str, Any] | None) -> Outcome:
        return Outcome("uncertain", "no_answer") if answer is None else Outcome.read(answer)

    async def _ask(self, order: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer, or None where the process gave none in time."""
        if self._waiting >= MOST_WAITING:
            raise errors.Unavailable("Too much is being sent just now. Try again in a minute.", retry_after=60)
        self._waiting += 1
        try:
            async with self._slots:
                return await self._ask_one(order)
        finally:
            self._waiting -= 1

    async def _ask_one(self, order: Mapping[str, Any]) -> dict[str, Any] | None:
        child = await self._taken()
        try:
            answer = await child.ask(order, self._patience)
        except (TimeoutError, EOFError):
            await asyncio.shield(child.end())
            return None
        except BaseException:
            await asyncio.shield(child.end())
            raise
        await self._put_back(child)
        return answer

    async def _taken(self) -> _Child:
        if self._closed:
            raise errors.Unavailable("The plugin notify is being stopped.")
        if self._idle:
            child, timer = self._idle.popitem()
            timer.cancel()
            return child
        try:
            return await _Child.started(self._start)
        except (OSError, TimeoutError, EOFError):
            raise errors.Unavailable("The process that sends notifications does not start.", retry_after=60) from None

    async def _put_back(self, child: _Child) -> None:
        if self._closed:
            await child.end()
            return
        self._idle[child] = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._let_go, child)

    def _let_go(self, child: _Child) -> None:
        if self._idle.pop(child, None) is not None:
            task = asyncio.get_running_loop().create_task(child.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


def make_senders(ctx: Context[NotifySettings]) -> None:
    """For this generation of settings; no process is started before it is needed."""
    ctx.state[_KEY] = Senders(ctx.settings)


async def close_senders(ctx: Context[NotifySettings]) -> None:
    """End what was started."""
    senders = ctx.state.pop(_KEY, None)
    if isinstance(senders, Senders):
        await senders.close()


def senders_of(ctx: Context[NotifySettings]) -> Senders:
    """Those of this context. Raises `Unavailable` while the plugin is not started."""
    senders = ctx.state.get(_KEY)
    if not isinstance(senders, Senders):
        raise errors.Unavailable("The plugin notify is not running yet.", retry_after=5)
    return senders
