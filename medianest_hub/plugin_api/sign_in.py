"""Sign-in providers: an outside service that can say who somebody is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel


class SignInStart(BaseModel):
    """Where to send the browser, and what the provider needs back; `state` stays on the server, sealed."""

    url: str
    state: dict[str, str] = {}
    poll_seconds: float | None = None


class Identity(BaseModel):
    """Who the provider says it is. `secret` (a token) is sealed by the host under the person, never shown."""

    subject: str
    username: str
    display_name: str = ""
    email: str | None = None
    email_verified: bool = False
    avatar: str | None = None
    secret: str | None = None


SignInBegin: TypeAlias = Callable[[Any, str], Awaitable[SignInStart]]
SignInComplete: TypeAlias = Callable[[Any, dict[str, str], dict[str, str]], Awaitable[Identity | None]]


@dataclass(frozen=True, slots=True)
class SignInProvider:
    """`begin(ctx, return_url)` and `complete(ctx, state, answer)`; None from the latter means: not finished yet, poll on."""

    name: str
    title: str
    begin: SignInBegin
    complete: SignInComplete
    icon: str = ""
