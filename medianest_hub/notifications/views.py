"""What people see of notifications and of the activity: the shapes of answers and events. Holds no logic."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api.notifications import Choice, Language

ParamValues = dict[str, str | int | float | bool]


class NotificationView(BaseModel):
    """Something the reader was told, in their language.

    `kind` is the full name; `params` are what the words were made of. `image` is a path, good for a day or two. `at` is when it
    happened. `quiet`: it is in the list without being counted as unread, for its reader wants such things gathered.
    """

    id: UUID
    kind: str
    plugin: str
    title: str
    body: str
    href: str | None
    image: str | None
    params: ParamValues
    at: datetime
    read_at: datetime | None
    quiet: bool


class About(BaseModel):
    """Whom an entry of the activity is about."""

    id: UUID
    name: str


class ActivityEntry(BaseModel):
    """Something that happened in the house, in the reader's language. `about` is set where it concerned one person alone."""

    id: UUID
    kind: str
    plugin: str
    title: str
    body: str
    href: str | None
    image: str | None
    params: ParamValues
    at: datetime
    about: About | None


class WayView(BaseModel):
    """A way to be reached: `hub` is the list of the hub's pages, others are `<plugin>.<notifier>`.

    `ready`: whether the reader has set it up; null where that could not be found out.
    """

    id: str
    title: str
    ready: bool | None


class KindView(BaseModel):
    """A kind the reader may be told by, and how they hear of it by each way; `default` is what holds where they chose nothing."""

    kind: str
    plugin: str
    title: str
    default: Choice
    choices: dict[str, Choice]


class QuietHours(BaseModel):
    """`from` and `to` as `22:30`; over midnight when `to` is earlier."""

    start: str
    end: str


class Preferences(BaseModel):
    """How somebody wants to hear of things. `language`, `time_zone` and `digest_at` are null where the operator's hold."""

    language: Language | None
    time_zone: str | None
    digest_at: str | None
    quiet_hours: QuietHours | None
    ways: list[WayView]
    kinds: list[KindView]
