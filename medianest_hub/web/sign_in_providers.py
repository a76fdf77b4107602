"""Two routes for each outside sign-in provider, start and complete; a provider that is off has none. Asks nobody who it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr, field_validator

from medianest_hub.accounts.attempts import LIFE_SECONDS, Attempt, Wishes, over
from medianest_hub.accounts.sign_in_providers import Provider
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import BadInput, Forbidden, HubError, NotFound, Unauthorized
from medianest_hub.plugin_api.people import ACCOUNT, Person
from medianest_hub.plugin_api.routes import Call, Empty, Handler, Router
from medianest_hub.plugin_api.sign_in import Identity
from medianest_hub.web import provider_calls
from medianest_hub.web.auditing import leave_out_of_audit, note_for_audit
from medianest_hub.web.calling import RequestFacts, facts
from medianest_hub.web.cookies import ATTEMPT
from medianest_hub.web.mounting import CoreRoutes
from medianest_hub.web.routes.auth import Client, Token, token_answer

DONE_PAGE: Final = "/sign-in/done"
_MOST_ANSWERS: Final = 20
_LONGEST_ANSWER: Final = 8192


class Start(BaseModel):
    """What somebody wants to come of it.

    `remember` as for a password; `invite` is the token of an invitation; `link` adds this way in to whoever is signed in;
    `return_to` is a path on this hub that `complete` gives back.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    remember: bool = False
    invite: SecretStr | None = Field(default=None, max_length=256)
    link: bool = False
    client: Client = "browser"
    return_to: str = Field(default="/", max_length=2000)

    @field_validator("return_to")
    @classmethod
    def _path(cls, value: str) -> str:
        # A browser takes `//host`, `/\\host` and a tab between the slashes for another site.
        if not value.startswith("/") or value[1:2] in ("/", "\\") or not value.isprintable() or "\\" in value:
            raise ValueError("must be a path on this hub, such as /account")
        return value


class Started(BaseModel):
    """Send the browser to `url`. With `poll_seconds`, ask `complete` that often; else it comes back with an answer.

    `attempt` is for native clients only; a browser has it in a cookie.
    """

    url: str
    poll_seconds: float | None = None
    attempt: str | None = None


class Complete(BaseModel):
    """`answer` is every query parameter the browser came back with, by name; nothing where the page polls."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    answer: dict[str, str] = Field(default={}, max_length=_MOST_ANSWERS)
    attempt: SecretStr | None = Field(default=None, max_length=256)
    client: Client = "browser"

    @field_validator("answer")
    @classmethod
    def _bounded(cls, value: dict[str, str]) -> dict[str, str]:
        if any(len(text) > _LONGEST_ANSWER for pair in value.items() for text in pair):
            raise ValueError(f"must not be longer than {_LONGEST_ANSWER} characters each")
        return value


class SignedInBy(Token):
    """Signed in: a `Token`, and where to go now."""

    state: Literal["signed_in"] = "signed_in"
    return_to: str


class Pending(BaseModel):
    """Not finished at the provider; ask again after so many seconds."""

    state: Literal["pending"] = "pending"
    poll_seconds: float


class AwaitingApproval(BaseModel):
    """It is known who this is; an admin has to let them in."""

    state: Literal["awaiting_approval"] = "awaiting_approval"


class Linked(BaseModel):
    """Whoever is signed in may from now on sign in this way, too."""

    state: Literal["linked"] = "linked"
    return_to: str


class Completion(RootModel[SignedInBy | Pending | AwaitingApproval | Linked]):
    """What came of it; `state` says which."""


def provider_routes(ids: Mapping[str, tuple[str, str]]) -> CoreRoutes:
    """The routes of the providers of these ids, as `provider_ids` gives them; a plugin's come and go with it."""
    router, follows = Router(), dict[str, str]()
    for identity, (plugin, _) in ids.items():
        path = f"/api/v1/auth/{identity}"
        router.post(f"{path}/start", public=True, limit="sign_in", body_limit=8 * 1024)(_starting(identity))
        router.post(f"{path}/complete", public=True, body_limit=64 * 1024)(_completing(identity))
        if plugin:
            follows |= dict.fromkeys((f"{path}/start", f"{path}/complete"), plugin)
    return CoreRoutes("auth", router, follows=follows)


def _starting(identity: str) -> Handler:
    async def start_sign_in(parts: HubParts, call: Call[Empty, Empty, Start]) -> Started:
        """Begin to sign in with this provider.

        404 `plugin_disabled` or 503 `plugin_unavailable` while its plugin does not run; 502 `upstream_error`, 503 or 504
        `upstream_timeout` while the provider is away. With `link`: 401 `unauthorized` for a stranger, 403
        `confirm_first` where the caller has not proven lately who they are. 403 `origin_refused` to a page of
        another site.
        """
        return await _start(parts, call, _provider(parts, identity))

    return start_sign_in


def _completing(identity: str) -> Handler:
    async def complete_sign_in(parts: HubParts, call: Call[Empty, Empty, Complete]) -> Completion:
        """Finish signing in with this provider, in the browser that began it; until it is finished, ask again.

        410 `attempt_over`: begin again; 409 `attempt_busy`: it is being completed this moment; 400 `state_mismatch`: the
        answer is of another sign-in; 401 `cookie_ambiguous`: two cookies came, of which neither is used. 403: not let in,
        by the provider (`sign_in_refused` or a code of its own) or here (`invite_needed`, `invite_invalid`,
        `account_inactive`, `set_up_first`). 409 `email_ambiguous`; linking: `identity_taken`, `provider_linked`. 502
        `identity_not_proven`: the provider's proof cannot be believed; other 502, 503 and 504: the provider is away, and
        the same may be tried again; 404 `plugin_disabled` or 503 `plugin_unavailable` while its plugin does not run.
        """
        return await _complete(parts, call, _provider(parts, identity))

    return complete_sign_in


def _provider(parts: HubParts, identity: str) -> Provider:
    provider = parts.providers.get(identity)
    if provider is None:
        raise NotFound("There is no such way to sign in.", code="no_such_provider")
    return provider


async def _start(parts: HubParts, call: Call[Empty, Empty, Start], provider: Provider) -> Started:
    request, wanted = facts(call), call.body
    native = wanted.client == "native"
    if not native:
        request.check_origin()
    invite = wanted.invite.get_secret_value() if wanted.invite is not None else None
    wishes = Wishes(remember=wanted.remember, invite=invite, return_to=wanted.return_to, native=native)
    if wanted.link:
        wishes.link, wishes.link_session = await _who_links(parts, call)
    base = request.base_url
    if not base:
        raise BadInput("The hub does not know its own address; set server.public_url.", code="address_unknown")
    start = await provider_calls.begin(
        provider, f"{base}{DONE_PAGE}?provider={quote(provider.id, safe='')}", call.request_id
    )
    wishes.poll_seconds = start.poll_seconds
    token = await parts.attempts.begin(provider.id, start.state, wishes)
    if not native:
        request.set_cookie(ATTEMPT, token, LIFE_SECONDS, "Lax")
    return Started(url=start.url, poll_seconds=start.poll_seconds, attempt=token if native else None)


async def _who_links(parts: HubParts, call: Call[Empty, Empty, Start]) -> tuple[UUID, UUID]:
    """Person and session, if they have just proven who they are: a stolen token must not become a way in for good."""
    person, session = _caller(call)
    if not await parts.sessions.fresh(session):
        raise Forbidden("Prove first that it is you: give your password, or sign in again.", code="confirm_first")
    return person.id, session


def _caller(call: Call[Any, Any, Any]) -> tuple[Person, UUID]:
    """Who asks, and by which session; an API key is not enough."""
    claims = facts(call).claims
    if call.person is None or claims is None or claims.is_key or not call.person.can(ACCOUNT):
        raise Unauthorized("Sign in first.")
    return call.person, claims.session_id


async def _complete(parts: HubParts, call: Call[Empty, Empty, Complete], provider: Provider) -> Completion:
    request = facts(call)
    native = call.body.client == "native"
    if not native:
        request.check_origin()
    note_for_audit(provider=provider.id)
    given = call.body.attempt.get_secret_value() if call.body.attempt is not None else ""
    attempt = await parts.attempts.claim(given if native else request.one_cookie(ATTEMPT), provider.id)
    try:
        _check_same(call, attempt.wishes)
        identity = await provider_calls.complete(provider, attempt.state, call.body.answer, call.request_id)
        if identity is None:
            leave_out_of_audit()
            await parts.attempts.release(attempt)
            return Completion(Pending(poll_seconds=attempt.wishes.poll_seconds or 2.0))
        done = await _admitted(parts, call, provider, attempt, identity)
    except (Exception, asyncio.CancelledError) as error:
        await _settle(parts, request, attempt, error)
        raise
    return Completion(done)


def _check_same(call: Call[Any, Any, Any], wishes: Wishes) -> None:
    """Only the kind of client that began goes on; and only the session that asked for it may link.

    Else somebody could have their own account linked to another person, or another's to their own.
    """
    if wishes.native is not (call.body.client == "native"):
        raise over()
    if wishes.link is None:
        return
    person, session = _caller(call)
    if (person.id, session) != (wishes.link, wishes.link_session):
        raise over()


async def _admitted(
    parts: HubParts, call: Call[Empty, Empty, Complete], provider: Provider, attempt: Attempt, identity: Identity
) -> SignedInBy | AwaitingApproval | Linked:
    wishes, request = attempt.wishes, facts(call)
    if wishes.link is not None:
        # The provider may have taken its time, in which somebody was signed out so that they link nothing.
        if wishes.link_session is None or await parts.sessions.over((wishes.link_session,)):
            raise over()
        await parts.joining.link(wishes.link, provider.id, identity, plugin=provider.secrets_of)
        await _finish(parts, request, attempt)
        note_for_audit(provider=provider.id, linked=True)
        return Linked(return_to=wishes.return_to)
    admitted = await parts.joining.admit(provider.id, identity, invite=wishes.invite, plugin=provider.secrets_of)
    await _finish(parts, request, attempt)
    note_for_audit(actor=admitted.person, provider=provider.id, joined=admitted.joined, newcomer=admitted.created)
    if admitted.person is None:
        note_for_audit(target_kind="user", target_name=identity.username)
        return AwaitingApproval()
    signed_in = await parts.sign_in.of_person(
        admitted.person,
        address=call.request.address,
        user_agent=call.request.headers.get("user-agent", ""),
        remember=wishes.remember,
        provider=provider.id,
    )
    token = await token_answer(parts, call, signed_in, call.body.client)
    return SignedInBy(**dict(token), return_to=wishes.return_to)


async def _finish(parts: HubParts, request: RequestFacts, attempt: Attempt) -> None:
    await parts.attempts.finish(attempt)
    if not attempt.wishes.native:
        request.clear_cookie(ATTEMPT)


async def _settle(parts: HubParts, request: RequestFacts, attempt: Attempt, error: BaseException) -> None:
    """What may still come to something stays: the provider was away, the answer was another's, the caller hung up."""
    final = isinstance(error, HubError) and not error.retryable and not isinstance(error, BadInput | Unauthorized)
    with contextlib.suppress(HubError):  # what went wrong first is what the caller shall hear of
        await (_finish(parts, request, attempt) if final else parts.attempts.release(attempt))
