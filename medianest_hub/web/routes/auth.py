"""Signing in with a local password, staying signed in, signing out, and one's sessions; decides nothing itself."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from medianest_hub.accounts.devices import device_words
from medianest_hub.accounts.refresh import RefreshReused
from medianest_hub.accounts.sessions import IDLE_SECONDS, Session
from medianest_hub.accounts.sign_in import SignedIn
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import HubError, Unauthorized, Unavailable
from medianest_hub.plugin_api.people import ACCOUNT, SIGNED_IN, Person, Role
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import leave_out_of_audit, note_for_audit
from medianest_hub.web.calling import facts
from medianest_hub.web.cookies import REFRESH

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""

Client = Literal["browser", "native"]
"""Browsers keep the refresh token in a cookie no script can read; native apps get it in the answer."""

_LONGEST_TOKEN = 256


class Credentials(BaseModel):
    """What somebody signs in with. `remember` keeps an unused session for 90 days rather than one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, max_length=256)
    password: SecretStr = Field(min_length=1, max_length=1024)
    remember: bool = False
    client: Client = "browser"


class RefreshWanted(BaseModel):
    """The refresh token of a native client; a browser sends nothing, its cookie comes by itself."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    refresh_token: SecretStr | None = Field(default=None, max_length=_LONGEST_TOKEN)


class LogoutAll(BaseModel):
    """`keep`: leave the session this is asked in."""

    model_config = ConfigDict(extra="forbid")

    keep: bool = False


class User(BaseModel):
    """Somebody, as they are shown to themselves."""

    id: UUID
    username: str
    display_name: str
    role: Role


class Token(BaseModel):
    """Send `access_token` as `Authorization: Bearer …`; it is good for `expires_in` seconds.

    `refresh_token` is for native clients only; browsers have it in a cookie.
    """

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # nosec B105 # noqa: S105 - not a password
    expires_in: int
    user: User
    refresh_token: str | None = None


class CurrentSession(BaseModel):
    """Who is signed in and what they may, by full permission names."""

    user: User
    permissions: list[str]


class OneSession(BaseModel):
    """One of the caller's sessions; `device` is what the browser or app said of itself, in words.

    Like `address` it is that of the latest refresh, at most as long ago as an access token is good for, while in use.
    """

    id: UUID
    device: str
    address: str | None
    provider: str
    remember: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    current: bool


class Sessions(BaseModel):
    """All live sessions, lately used first."""

    items: list[OneSession]
    next_cursor: str | None = None


class Ended(BaseModel):
    """How many sessions were ended."""

    ended: int


class SessionPath(BaseModel):
    """The part of a path that names a session."""

    id: UUID


@local_router.post("/api/v1/auth/login", public=True, limit="auth", body_limit=8 * 1024)
async def login(parts: HubParts, call: Call[Empty, Empty, Credentials]) -> Token:
    """Sign in with a username and a password.

    An unknown username and a wrong password are answered alike (401 `wrong_credentials`); somebody disabled is told so
    (403 `account_inactive`). After several failures for one account from one address, 429 says how long to wait. 403
    `origin_refused` to a page of another site.
    """
    body = call.body
    facts(call).check_origin()
    try:
        signed_in = await parts.sign_in.with_password(
            body.username,
            body.password.get_secret_value(),
            address=call.request.address,
            user_agent=call.request.headers.get("user-agent", ""),
            remember=body.remember,
        )
    except HubError:
        await _note_account(parts, body.username)
        raise
    return await token_answer(parts, call, signed_in, body.client)


@router.post("/api/v1/auth/refresh", public=True, body_limit=4 * 1024)
async def refresh(parts: HubParts, call: Call[Empty, Empty, RefreshWanted]) -> Token:
    """A new access token for a session that goes on, by its refresh token (the cookie's, or the body's).

    Each is good once, and the answer brings the next. 401 `refresh_invalid`: sign in again. 401 `refresh_reused`: it was
    used before, which ends the session. 409 `refresh_raced`: another request at the same moment was quicker, and has the
    next token. 401 `cookie_ambiguous`: two cookies came, of which neither is used; both are cleared. 403 `origin_refused`
    to a page of another site.
    """
    request = facts(call)
    request.check_origin()
    given = call.body.refresh_token
    token = given.get_secret_value() if given is not None else request.one_cookie(REFRESH)
    try:
        signed_in = await parts.sign_in.renew(
            token,
            time.monotonic() - request.age,
            address=call.request.address,
            user_agent=call.request.headers.get("user-agent", ""),
        )
    except Unauthorized as refused:
        if given is None and request.has_cookie(REFRESH):
            request.clear_cookie(REFRESH)
        if isinstance(refused, RefreshReused):
            person = await parts.people.get(refused.person_id)
            note_for_audit(target=person, target_kind="session", target_id=refused.session_id)
        raise
    if given is not None:
        return _token(signed_in, signed_in.refresh_token)
    request.set_cookie(REFRESH, signed_in.refresh_token, IDLE_SECONDS[signed_in.remember])
    return _token(signed_in)


@router.post("/api/v1/auth/logout", public=True, body_limit=4 * 1024)
async def logout(parts: HubParts, call: Call[Empty, Empty, RefreshWanted]) -> None:
    """Sign out: the session of the access token, of the cookie or of the refresh token ends everywhere at once.

    Its live connections end too. Whoever is not signed in is answered alike: 204. 403 `origin_refused` to a page of
    another site.
    """
    request = facts(call)
    request.check_origin()
    given = call.body.refresh_token
    sessions = {
        await parts.refresh.session_of(token)
        for token in (given.get_secret_value() if given is not None else "", request.cookie(REFRESH))
        if token
    }
    claims = request.claims
    if claims is not None and not claims.is_key:  # an API key cannot end itself: its owner revokes it
        sessions.add(claims.session_id)
    if request.has_cookie(REFRESH):
        request.clear_cookie(REFRESH)
    if sessions <= {None}:
        leave_out_of_audit()
    for session_id in sessions - {None}:
        if session_id is not None:
            await _note_session(parts, session_id)
            await parts.sessions.end(session_id)


@router.post("/api/v1/auth/logout-all", permission=ACCOUNT, body_limit=4 * 1024)
async def logout_all(parts: HubParts, call: Call[Empty, Empty, LogoutAll]) -> Ended:
    """End all sessions of the caller, everywhere at once; with `keep` all but this one. API keys are left alone."""
    request = facts(call)
    request.check_origin()
    claims = request.claims
    keep = claims.session_id if call.body.keep and claims is not None else None
    ended = await parts.sessions.end_all(call.caller.id, keep=keep)
    if keep is None and request.has_cookie(REFRESH):
        request.clear_cookie(REFRESH)
    return Ended(ended=ended)


@router.get("/api/v1/auth/session", permission=SIGNED_IN)
async def session(parts: HubParts, call: Call) -> CurrentSession:
    """Who am I, and what may I do."""
    return CurrentSession(user=user_answer(call.caller), permissions=sorted(call.caller.permissions))


@router.get("/api/v1/auth/sessions", permission=ACCOUNT)
async def sessions(parts: HubParts, call: Call) -> Sessions:
    """The caller's live sessions, lately used first."""
    claims = facts(call).claims
    current = claims.session_id if claims is not None else None
    found = await parts.sessions.of_person(call.caller.id)
    return Sessions(items=[session_answer(one, current) for one in found])


async def _whose(parts: HubParts, call: Call[SessionPath]) -> UUID | None:
    return await parts.sessions.owner(call.path.id)


@router.delete("/api/v1/auth/sessions/{id}", permission=ACCOUNT, owner=_whose)
async def end_session(parts: HubParts, call: Call[SessionPath]) -> None:
    """End one session, everywhere at once, its live connections too; one that ended before stays so."""
    await parts.sessions.end(call.path.id, reason="ended_by_owner")


async def _note_account(parts: HubParts, username: str) -> None:
    """At whom a sign-in that failed was aimed. What was typed is written down only where somebody is called that."""
    with contextlib.suppress(Unavailable):
        person = await parts.people.by_username(username)
        if person is not None:
            note_for_audit(target=person)
        else:
            note_for_audit(account="unknown")


async def _note_session(parts: HubParts, session_id: UUID) -> None:
    """Who signs out: by cookie alone, nobody has said so yet."""
    owner = await parts.sessions.owner(session_id)
    person = await parts.people.get(owner) if owner is not None else None
    note_for_audit(actor=person, target_kind="session", target_id=session_id)


def user_answer(person: Person) -> User:
    """Somebody as an answer."""
    return User(id=person.id, username=person.username, display_name=person.display_name, role=person.role)


def session_answer(one: Session, current: UUID | None) -> OneSession:
    """A session as an answer; `current` is the one that asks."""
    return OneSession(
        id=one.id,
        device=device_words(one.user_agent),
        address=one.address,
        provider=one.provider,
        remember=one.remember,
        created_at=one.created_at,
        last_used_at=one.last_used_at,
        expires_at=one.expires_at,
        current=one.id == current,
    )


async def token_answer(
    parts: HubParts, call: Call[Any, Any, Any], signed_in: SignedIn, client: Client = "browser"
) -> Token:
    """A fresh sign-in as an answer: the one way any route gives out tokens.

    A browser gets the refresh token as a cookie; the session of the cookie it brought ends, so that nobody goes on in one
    that somebody else began.
    """
    note_for_audit(actor=signed_in.person, target_kind="session", target_id=signed_in.session_id)
    if client == "native":
        return _token(signed_in, signed_in.refresh_token)
    request = facts(call)
    brought = request.cookie(REFRESH)
    before = await parts.refresh.session_of(brought) if brought else None
    if before is not None and before != signed_in.session_id:
        await parts.sessions.end(before, reason="replaced")
    if not brought and request.has_cookie(
        REFRESH
    ):  # of several cookies none counts, and none may go before the new one
        request.clear_cookie(REFRESH)
    request.set_cookie(REFRESH, signed_in.refresh_token, IDLE_SECONDS[signed_in.remember])
    return _token(signed_in)


def _token(signed_in: SignedIn, refresh_token: str | None = None) -> Token:
    token = signed_in.token
    return Token(
        access_token=token.access_token,
        expires_in=token.expires_in,
        user=user_answer(signed_in.person),
        refresh_token=refresh_token,
    )
