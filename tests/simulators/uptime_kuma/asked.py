"""What came in, for tests to read and to wait for; secrets of calls over the socket are left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SECRET_FIELDS = frozenset(
    {"password", "token", "pushToken", "basic_auth_pass", "headers", "currentPassword", "newPassword"}
)
HIDDEN = "***"


@dataclass(frozen=True)
class Asked:
    """One HTTP request or, with the method SOCKET, one call over the socket; `route` is its name in the simulator."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    event: str = ""
    args: tuple[Any, ...] = ()


class Log:
    """`entries` are what came in, `broken` are mistakes of the simulator itself."""

    def __init__(self) -> None:
        self.entries: list[Asked] = []
        self.broken: list[BaseException] = []
        self._news = threading.Condition()

    def add(self, entry: Asked) -> None:
        """Note it, and wake who waits."""
        self.entries.append(entry)
        self.changed()

    def changed(self) -> None:
        """Something happened that one may wait for."""
        with self._news:
            self._news.notify_all()

    def wait_for(self, check: Callable[[], bool], timeout: float) -> None:
        """Until the check holds. Raises TimeoutError."""
        ends = time.monotonic() + timeout
        with self._news:
            while not check():
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the simulator waited in vain")
                self._news.wait(min(left, 0.05))


def without_secrets(event: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a call with passwords and tokens hidden."""
    if event == "loginByToken":
        return tuple(HIDDEN for _ in args)
    return tuple(_hidden(one) for one in args)


def _hidden(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: HIDDEN if name in _SECRET_FIELDS and one else one for name, one in value.items()}
