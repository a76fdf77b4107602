"""Signing in with a local password, signing out, and who somebody is; decides nothing itself."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from medianest_hub.accounts.sign_in import SignedIn
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import Unauthorized
from medianest_hub.plugin_api.people import SIGNED_IN, Person, Role
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.calling import RequestFacts

router = Router()


class Credentials(BaseModel):
    """What somebody signs in with. `remember` keeps an unused session for 90 days rather than one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, max_length=256)
    password: SecretStr = Field(min_length=1, max_length=1024)
    remember: bool = False


class User(BaseModel):
    """Somebody, as they are shown to themselves."""

    id: UUID
    username: str
    display_name: str
    role: Role


class Token(BaseModel):
    """Send `access_token` as `Authorization: Bearer …`; it is good for `expires_in` seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - not a password
    expires_in: int
    user: User


class CurrentSession(BaseModel):
    """Who is signed in and what they may, by full permission names."""

    user: User
    permissions: list[str]


@router.post("/api/v1/auth/login", public=True, limit="auth", body_limit=8 * 1024)
async def login(parts: HubParts, call: Call[Empty, Empty, Credentials]) -> Token:
    """Sign in with a username and a password.

    An unknown username and a wrong password are answered alike (401 `wrong_credentials`). After several failures for
    one account from one address, 429 says how long to wait.
    """
    body = call.body
    signed_in = await parts.sign_in.with_password(
        body.username,
        body.password.get_secret_value(),
        address=call.request.address,
        user_agent=call.request.headers.get("user-agent", ""),
        remember=body.remember,
    )
    return token_answer(signed_in)


@router.get("/api/v1/auth/session", permission=SIGNED_IN, limit="api")
async def session(parts: HubParts, call: Call) -> CurrentSession:
    """Who am I, and what may I do."""
    return CurrentSession(user=user_answer(call.caller), permissions=sorted(call.caller.permissions))


@router.post("/api/v1/auth/logout", permission=SIGNED_IN, limit="api")
async def logout(parts: HubParts, call: Call) -> None:
    """Sign out: the session ends everywhere at once, its live connections too."""
    await parts.sessions.end(_session_id(parts, call))


def user_answer(person: Person) -> User:
    """Somebody as an answer."""
    return User(id=person.id, username=person.username, display_name=person.display_name, role=person.role)


def token_answer(signed_in: SignedIn) -> Token:
    """A fresh sign-in as an answer."""
    token = signed_in.token
    return Token(access_token=token.access_token, expires_in=token.expires_in, user=user_answer(signed_in.person))


def _session_id(parts: HubParts, call: Call) -> UUID:
    """The session of the token that came with this request; the gate has let it in already."""
    found = call.request.session_id(parts.tokens) if isinstance(call.request, RequestFacts) else None
    if found is None:
        raise Unauthorized("Sign in first.")
    return found
