"""Sign-in providers: an outside service that can say who somebody is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

SIGN_IN_SECRET: Final = "sign_in"  # nosec B105 # noqa: S105 - a name, not a secret
"""The name under which `ctx.people.secret` gives a provider's plugin what `Identity.secret` brought."""


class SignInStart(BaseModel):
    """Where to send the browser, and what the provider needs back; `state` stays on the server, sealed.

    `poll_seconds`: nothing comes back to us by the browser; ask `complete` again every so many seconds.
    """

    url: str
    state: dict[str, str] = {}
    poll_seconds: float | None = None


class Identity(BaseModel):
    """Who the provider says it is. `secret` (a token) is sealed by the host under the person, never shown.

    `subject` never changes for one account; `email` counts as the same person only where `email_verified`.
    `role` is the role the provider's claims stand for, where the operator mapped them.
    """

    subject: str
    username: str
    display_name: str = ""
    email: str | None = None
    email_verified: bool = False
    avatar: str | None = None
    secret: str | None = None
    role: str | None = None


class LinkedIdentity(BaseModel):
    """An outside account a person signs in with. `provider` is the provider's id (`plex`, `oidc`)."""

    provider: str
    subject: str
    username: str
    email: str | None = None


class Standing(StrEnum):
    """What a provider says of an identity asked about again."""

    GOOD = "good"
    REVOKED = "revoked"
    """What we hold for the person is no longer honoured; they must sign in again."""

    REMOVED = "removed"
    """The account is no longer one of those that are let in."""


SignInBegin: TypeAlias = Callable[[Any, str], Awaitable[SignInStart]]
SignInComplete: TypeAlias = Callable[[Any, dict[str, str], dict[str, str]], Awaitable[Identity | None]]
SignInRecheck: TypeAlias = Callable[[Any, LinkedIdentity, str | None], Awaitable[Standing]]


@dataclass(frozen=True, slots=True)
class SignInProvider:
    """`begin(ctx, return_url)`, `complete(ctx, state, answer)` and, now and then, `recheck(ctx, identity, secret)`.

    - `begin` and `complete` run in the web process that was asked. `answer` is what the browser brought back, text by
      name; None from `complete` means: not finished yet, poll on. It raises `Forbidden` for somebody who is not let in.
    - `recheck` runs in a worker every `auth.recheck_hours` for each identity; anything but `GOOD` ends the sessions that
      began by it. An exception means "cannot say now".
    - The provider's id is the plugin's name where `name` equals it, else `<plugin>-<name>`.
    - `polls`: nothing brings the browser back, so a page opens the provider in a window of its own and polls meanwhile.
    """

    name: str
    title: str
    begin: SignInBegin
    complete: SignInComplete
    recheck: SignInRecheck | None = None
    icon: str = ""
    polls: bool = False
