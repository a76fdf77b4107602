"""Notifiers: a way to reach a person outside the hub's own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api.people import Person


class Notification(BaseModel):
    """A message to one person: a stable `kind` (`youtube.download_done`) with parameters, and words in their language.

    `id` and `at` are those of what happened; a digest (`hub.digest`) has no `id`, `at` is its latest. `href` is a whole address
    where the hub knows its own (`server.public_url`), else a path of the hub; so is `image`, which is good for a day or two.
    """

    kind: str
    title: str
    body: str = ""
    href: str | None = None
    image: str | None = None
    params: dict[str, str | int | float | bool] = {}
    id: UUID | None = None
    at: datetime | None = None


Deliver: TypeAlias = Callable[[Any, Person, Notification], Awaitable[None]]
Reaches: TypeAlias = Callable[[Any, Person], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Notifier:
    """`async def deliver(ctx: Context[S], person: Person, notification: Notification) -> None`, called in the worker.

    Returning means delivered. Raising means that nothing was: it is called again later, at most `retries` times and for a day,
    unless the error says that a repeat is no use. One that takes longer than `timeout` seconds may have got through, and is not
    called again for that message. `title` is what people choose it by: by language, as of a notification kind, or one text for
    all. `reaches(ctx, person) -> bool`: whether the person has set up this way; without it everybody has.
    """

    name: str
    title: str | Mapping[str, str] = field(hash=False)
    deliver: Deliver
    timeout: float = 20.0
    retries: int = 5
    reaches: Reaches | None = None

    def titled(self, language: str) -> str:
        """What it is called in that language, in English where that is missing."""
        if isinstance(self.title, str):
            return self.title
        return self.title.get(language) or self.title["en"]
