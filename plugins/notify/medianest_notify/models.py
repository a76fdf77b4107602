"""What the routes take and answer. No model that is answered has a field an address or a key could stand in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _visible(text: str) -> str:
    text = " ".join(text.split())
    if not text.isprintable():
        raise ValueError("write it in letters, digits and signs")
    return text


Label = Annotated[str, StringConstraints(max_length=60), AfterValidator(_visible)]


class Way(StrEnum):
    """The two ways to reach somebody; the names of the notifiers."""

    APPRISE = "apprise"
    WEB_PUSH = "web_push"


class OfferedService(BaseModel):
    """A service people may enter addresses of. `example` shows what one looks like; `names_server`: it may be one at home."""

    name: str
    title: str
    example: str
    names_server: bool


class Trouble(BaseModel):
    """Why the last message did not arrive: a stable `code`, words, and since when it is so."""

    code: str
    message: str
    since: datetime


class Address(BaseModel):
    """An address of one's own; the address itself is never shown again. `server` is where it leads, if that is no secret."""

    id: UUID
    service: str
    service_title: str
    label: str
    server: str
    offered: bool
    created_at: datetime
    delivered_at: datetime | None
    trouble: Trouble | None


class Device(BaseModel):
    """A browser that lets the hub push. `service` is whose push service it uses."""

    id: UUID
    service: str
    label: str
    created_at: datetime
    delivered_at: datetime | None
    trouble: Trouble | None


class Target(BaseModel):
    """Which address or device of one's own."""

    id: UUID


class NewAddress(BaseModel):
    """An address as Apprise writes it (`ntfys://server/topic`), or an e-mail address."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    address: Annotated[str, StringConstraints(min_length=3, max_length=4000)]
    label: Label = ""


class NewLabel(BaseModel):
    """What to call it."""

    model_config = ConfigDict(extra="forbid")

    label: Label


class SubscriptionKeys(BaseModel):
    """The browser's public key and shared secret, base64url, as `PushSubscription.toJSON()` gives them."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    p256dh: Annotated[str, StringConstraints(min_length=80, max_length=100)]
    auth: Annotated[str, StringConstraints(min_length=20, max_length=40)]


class NewDevice(BaseModel):
    """A `PushSubscription` as JSON, and what to call the device."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    endpoint: Annotated[str, StringConstraints(min_length=10, max_length=4000)]
    keys: SubscriptionKeys
    expirationTime: float | None = None  # noqa: N815 - the name browsers give it
    label: Label = ""


class PushKey(BaseModel):
    """`applicationServerKey` for `pushManager.subscribe`, base64url without padding."""

    public_key: str


class Tested(BaseModel):
    """What became of a test message: `delivered`, or a code and words. `uncertain`: it may have arrived all the same."""

    outcome: Literal["delivered", "failed", "uncertain"]
    code: str = ""
    message: str = ""


class Push(BaseModel):
    """The payload a service worker gets, as JSON. `id` is the same for a message that came twice: use it as `tag`."""

    v: int = 1
    id: str
    kind: str
    title: str
    body: str = ""
    href: str | None = Field(default=None, description="a path of the hub, or a whole web address")


class Send(BaseModel):
    """The arguments of the job that sends: which message. Its words lie in the plugin's own table, not in the job."""

    message: UUID
