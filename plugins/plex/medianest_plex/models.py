"""What plex.tv and a Plex server answer, as far as it is used here; anything unknown is let pass, nothing is fetched.

Shapes: Plex's own OpenAPI document and public clients. Text but addresses is made fit for a database on the way in.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONGEST_NAME: Final = 200


def _clean(text: Any) -> Any:
    """Without control characters and marks that turn the direction of writing: names are shown to others."""
    return _CONTROLS.sub("", text).strip()[:_LONGEST_NAME] if isinstance(text, str) else text


Name = Annotated[str, BeforeValidator(lambda value: _clean("" if value is None else value))]
"""A name that may be missing, null or empty."""

Address = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
"""An e-mail address as it was sent: cleaned, it might be another one. The hub decides whether it is fit to be used."""

Secret = Annotated[str, Field(min_length=4, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
"""A token: fit for a header."""


def _nothing(value: Any) -> Any:
    return None if value == "" else value


class Answer(BaseModel):
    """Base of all answers. Unknown fields are Plex's business."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Pin(Answer):
    """A sign-in under way at plex.tv; `auth_token` is there once its person has said yes."""

    id: Annotated[int, Field(gt=0)]
    code: Annotated[str, Field(min_length=4, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
    expires_at: Annotated[datetime | None, Field(alias="expiresAt")] = None
    auth_token: Annotated[Secret | None, BeforeValidator(_nothing), Field(alias="authToken", repr=False)] = None


class Account(Answer):
    """A Plex account. A managed user of a Plex Home has neither `username` nor `email`."""

    id: Annotated[int, Field(gt=0)]
    username: Name = ""
    title: Name = ""
    friendly_name: Annotated[Name, Field(alias="friendlyName")] = ""
    email: Address = ""
    confirmed: bool | None = False
    thumb: Annotated[str | None, Field(max_length=2048)] = None

    @property
    def name(self) -> str:
        """What to call the account: there always is something."""
        return self.username or self.title or self.friendly_name or f"plex-{self.id}"


class Device(Answer):
    """A server or player an account may use. `owner_id` is null where the asking account owns it itself."""

    client_identifier: Annotated[Name, Field(alias="clientIdentifier")] = ""
    provides: Name = ""
    owned: bool | None = False
    owner_id: Annotated[int | None, Field(alias="ownerId")] = None
    access_token: Annotated[Secret | None, BeforeValidator(_nothing), Field(alias="accessToken", repr=False)] = None

    @property
    def is_server(self) -> bool:
        """Whether it has libraries."""
        return "server" in self.provides.split(",")


class Devices(RootModel[list[Device]]):
    """The answer of `/api/v2/resources`."""


class ServerIdentity(Answer):
    """Who a Plex server is. `claimed`: whether it belongs to an account."""

    machine_identifier: Annotated[
        str, Field(alias="machineIdentifier", min_length=8, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")
    ]
    version: Name = ""
    claimed: bool | None = None


class IdentityAnswer(Answer):
    """The answer of `/identity`."""

    container: Annotated[ServerIdentity, Field(alias="MediaContainer")]


class PlexProblem(Answer):
    """One entry of plex.tv's errors."""

    code: int | None = None
    message: Name = ""


class PlexProblems(Answer):
    """plex.tv's answer when it refuses; its errors are JSON only sometimes."""

    errors: Annotated[list[PlexProblem], Field(min_length=1)]
