"""The verdicts before a handler: whose token, which limits, is the session live, who is it. Knows no route's content.

Order: token (no I/O) → size → rate limit → session → plugin state → permission → owner → validation → handler. Limits,
session and cached answer are asked for in one trip. Nothing is let through because something could not be asked.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sanic import Request

from medianest_hub.accounts.api_keys import invalid_key, is_key
from medianest_hub.accounts.tokens import Claims
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import TooLarge, TooMany, Unauthorized
from medianest_hub.plugin_api.people import Person
from medianest_hub.web.answer_cache import LocalBodies
from medianest_hub.web.client_address import ClientAddresses
from medianest_hub.web.rate_limits import LocalLimiter, Refusal, Zone
from medianest_hub.web.redis_trip import Question, RedisTrip, Reply

_SCHEME: Final = "bearer "
_MOST_ENDED: Final = 10_000
_ALIVE: Final = Reply(True, "", "", b"")


class LimitReached(TooMany):
    """Carries the refusal, whose headers the answer shows."""

    def __init__(self, refusal: Refusal) -> None:
        error = refusal.error()
        super().__init__(error.message, params=error.params, retry_after=error.retry_after)
        self.refusal = refusal


class Gate:
    """One per process, made once its parts are open."""

    def __init__(self, parts: HubParts, addresses: ClientAddresses) -> None:
        self.parts = parts
        self.bodies = LocalBodies()
        self.trip = RedisTrip(parts.redis, self.bodies)
        self._alone = LocalLimiter()
        # Sessions and keys refused here before: whoever still sends one must not use up its owner's limits.
        self._ended: dict[UUID, None] = {}
        self._unrouted = Zone("api", parts.settings.limits.api)
        self._addresses = addresses
        self._tokens = parts.tokens
        self._keys = parts.api_keys
        self._people = parts.people
        self._sessions = parts.sessions
        self.hits = metrics.cache_reads.labels("answers", "hit")
        self.misses = metrics.cache_reads.labels("answers", "miss")

    def claims(self, header: str | None) -> Claims | None:
        """What a good token says; None for none or a bad one (`why_not` then says what is wrong with it). No I/O."""
        if header is None or header[:7].lower() != _SCHEME:
            return None
        token = header[7:].strip()
        if is_key(token):
            return self._keys.known(token)
        try:
            return self._tokens.read(token)
        except Unauthorized:
            return None

    def is_new_key(self, header: str | None) -> bool:
        """Whether it is an API key nothing is known of yet, good or bad, so that `find_key` must be asked."""
        if header is None or header[:7].lower() != _SCHEME or not is_key(token := header[7:].strip()):
            return False
        return self._keys.refusal(token) is None

    async def find_key(self, header: str) -> Claims | None:
        """What the API key says, None for a bad one. To be called once the request was counted."""
        try:
            return await self._keys.find(header[7:].strip())
        except Unauthorized:
            return None

    def why_not(self, header: str | None) -> Unauthorized:
        """Why nobody is signed in by that header."""
        if header is None:
            return Unauthorized("Sign in first.")
        if header[:7].lower() == _SCHEME:
            token = header[7:].strip()
            if is_key(token):
                return self._keys.refusal(token) or invalid_key()
            try:
                self._tokens.read(token)
            except Unauthorized as error:
                return error
        return Unauthorized("Sign in with a bearer token.", code="token_invalid")

    def address(self, request: Request[Any, Any]) -> str:
        """The caller's address, through trusted proxies only."""
        return self._addresses.of(request)

    def who(self, claims: Claims | None, request: Request[Any, Any]) -> str:
        """Whose limits a request counts against: a person's, or an address's for strangers and what has ended."""
        if claims is None or self.has_ended(claims):
            return f"a:{network_of(self.address(request))}"
        return f"p:{claims.person_id}"

    def has_ended(self, claims: Claims) -> bool:
        """Whether this process has refused that session or key before. It is asked about all the same."""
        return bool(self._ended) and claims.session_id in self._ended

    def check_limits(self, reply: Reply | None, zones: tuple[Zone, ...], who: str) -> None:
        """Raises `LimitReached`. Without a reply this process counts by itself."""
        if reply is not None:
            if reply.refusal is not None:
                raise LimitReached(reply.refusal)
            return
        for zone in zones:
            refusal = self._alone.take(zone, who)
            if refusal is not None:
                raise LimitReached(refusal)

    def refuse_unrouted(self, request: Request[Any, Any]) -> Refusal | None:
        """Counts, by its address and in this process alone, a request to no route of ours; without I/O."""
        return self._alone.take(self._unrouted, self.who(None, request))

    def known(self, claims: Claims, reply: Reply | None) -> Person | None:
        """Who it is, where that is known without waiting; else ask `person`."""
        if reply is None or not reply.alive:
            return None
        if self._ended:
            self._ended.pop(claims.session_id, None)
        person = self._people.known(claims.person_id)
        return claims.narrow(person) if person is not None and person.permissions else None

    async def person(self, claims: Claims, reply: Reply | None) -> Person:
        """Who it is. Raises `Unauthorized` for an ended session or somebody who is gone."""
        alive = reply.alive if reply is not None else None
        if alive is None:
            alive = await self._sessions.verdict(claims.session_id)
        person = await self._people.get(claims.person_id) if alive else None
        if person is None or not person.permissions:  # somebody disabled has none at all
            self._ended[claims.session_id] = None
            if len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]
            raise invalid_key() if claims.is_key else session_ended()
        return claims.narrow(person)

    async def person_now(self, claims: Claims) -> Person:
        """As `person`, past every hint of the session and what is remembered of its person."""
        if await self._sessions.over((claims.session_id,)):
            raise invalid_key() if claims.is_key else session_ended()
        self._people.forget(claims.person_id)
        return await self.person(claims, _ALIVE)


def session_ended() -> Unauthorized:
    """The refusal of a good token whose session is over."""
    return Unauthorized("This session has ended; sign in again.", code="session_ended")


def check_size(request: Request[Any, Any], limit: int) -> None:
    """Raises `TooLarge` where the announced body is too large, before any of it is read."""
    announced = request.headers.get("content-length")
    # A length that is not a number was refused by the server already.
    if announced is not None and int(announced) > limit:
        raise too_large(limit)


def too_large(limit: int) -> TooLarge:
    """More was sent than the route takes."""
    return TooLarge(f"The body is larger than the {limit} bytes this takes.", params={"limit": limit})


__all__ = ["Gate", "LimitReached", "Question", "check_size", "too_large"]
