"""Calls a sign-in provider as strangers' code is called: within a deadline, believing no answer; never ends in a 500."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError

from medianest_hub.accounts.sign_in_providers import Provider
from medianest_hub.plugin_api.errors import Forbidden, HubError, Unauthorized, UpstreamError, UpstreamTimeout
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.sign_in import Identity, SignInStart
from medianest_hub.web.calling import foreseen, within
from medianest_hub.web.plain_text import is_unusable
from medianest_hub.web.problems import HandlerTooSlow

log = structlog.get_logger(__name__)

BEGIN_SECONDS: Final = 12.0
COMPLETE_SECONDS: Final = 24.0
"""Less than a route's deadline, so that what was begun can still be put in order."""

_LONGEST_URL: Final = 8192
_LONGEST_STATE: Final = 16 * 1024
_LONGEST_TEXT: Final = 255
_LONGEST_SECRET: Final = 16 * 1024
_FASTEST_POLL, _SLOWEST_POLL = 1.0, 60.0

ResultT = TypeVar("ResultT")


async def begin(provider: Provider, return_url: str, request_id: str) -> SignInStart:
    """Where to send the browser. Raises what the provider means to say; 502 or 504 for what it does not."""
    found = await _called(provider, provider.declared.begin, (return_url,), BEGIN_SECONDS, request_id)
    if not isinstance(found, SignInStart):
        raise _rubbish(provider, f"begin answered {type(found).__name__}")
    try:
        start = SignInStart.model_validate(found.model_dump(warnings=False))
        parts = urlsplit(start.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and len(start.url) <= _LONGEST_URL
    except (ValidationError, ValueError):
        usable = False
    if not usable or any(character <= " " or character == "\x7f" for character in start.url):
        raise _rubbish(provider, "begin answered no web address")
    texts = [text for pair in start.state.items() for text in pair]
    if sum(map(len, texts)) > _LONGEST_STATE or any(map(is_unusable, texts)):
        raise _rubbish(provider, "begin answered a state too large to keep")
    if start.poll_seconds is not None:
        start.poll_seconds = min(max(start.poll_seconds, _FASTEST_POLL), _SLOWEST_POLL)
    return start


async def complete(
    provider: Provider, state: dict[str, str], answer: dict[str, str], request_id: str
) -> Identity | None:
    """Who it is, None while that is not known yet. Raises as `begin` does."""
    found = await _called(provider, provider.declared.complete, (state, answer), COMPLETE_SECONDS, request_id)
    if found is None:
        return None
    if not isinstance(found, Identity):
        raise _rubbish(provider, f"complete answered {type(found).__name__}")
    try:
        identity = Identity.model_validate(found.model_dump(warnings=False))
    except ValidationError:
        raise _rubbish(provider, "complete answered an identity with fields of the wrong kind") from None
    if not 0 < len(identity.subject) <= _LONGEST_TEXT or len(identity.secret or "") > _LONGEST_SECRET:
        raise _rubbish(provider, "complete answered an identity without a usable subject or secret")
    if identity.role is not None and identity.role not in set(Role):
        raise _rubbish(provider, "complete answered a role that is none")
    if any(is_unusable(text) for text in identity.model_dump().values() if isinstance(text, str)):
        raise _rubbish(provider, "complete answered text that cannot be stored")
    return identity


async def _called(
    provider: Provider,
    work: Callable[..., Awaitable[ResultT]],
    arguments: tuple[Any, ...],
    limit: float,
    request_id: str,
) -> ResultT:
    title = provider.declared.title
    with ExitStack() as held:
        context = held.enter_context(provider.use())  # its refusal is for the caller as it is
        try:
            return await within(limit, work, (context, *arguments), request_id, held)
        except HandlerTooSlow:
            raise UpstreamTimeout(f"{title} did not answer within {limit:g} seconds.", service=title) from None
        except Unauthorized as refused:  # as it is, it would tell a page that its own session is over
            raise Forbidden(refused.message, code="sign_in_refused") from refused
        except HubError as error:
            if error.status >= 500 and error.status not in (502, 503, 504, 507):
                raise _rubbish(provider, error.message) from error
            raise
        except Exception as error:
            known = foreseen(error)
            if known is not None:
                raise known from error
            log.exception("sign_in_provider_failed", provider=provider.id, plugin=provider.plugin)
            raise _failed(provider) from error


def _rubbish(provider: Provider, what: str) -> UpstreamError:
    log.error("sign_in_provider_wrong", provider=provider.id, plugin=provider.plugin, what=what[:300])
    return _failed(provider)


def _failed(provider: Provider) -> UpstreamError:
    title = provider.declared.title
    return UpstreamError(f"Signing in with {title} does not work now; try again, or tell an admin.", service=title)
