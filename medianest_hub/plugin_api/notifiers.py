"""Notifiers: a way to reach a person outside the hub's own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

from medianest_hub.plugin_api.people import Person


class Notification(BaseModel):
    """A message to one person: a stable `kind` (`youtube.download_done`) with parameters, and words in their language."""

    kind: str
    title: str
    body: str = ""
    href: str | None = None
    params: dict[str, str | int | float | bool] = {}


Deliver: TypeAlias = Callable[[Any, Person, Notification], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Notifier:
    """`async def deliver(ctx: Context[S], person: Person, notification: Notification) -> None`, run as a job."""

    name: str
    title: str
    deliver: Deliver
    timeout: float = 20.0
    retries: int = 5
