"""One mounted route at work: takes a request through the gate to its handler and its answer back. Registers nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from contextlib import ExitStack
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

import structlog
from pydantic import BaseModel
from sanic import Request
from sanic.exceptions import SanicException

from medianest_hub.accounts.tokens import Claims
from medianest_hub.plugin_api.answers import FileAnswer, StreamAnswer
from medianest_hub.plugin_api.errors import Forbidden, HubError, NotFound, TooMany, Unauthorized, Unavailable
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.routes import Call, Empty
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.web import problems
from medianest_hub.web.answer_cache import begin_life
from medianest_hub.web.answers import JSON, ReadyAnswer, WrongAnswer, model_body, ready_answer, send_stream
from medianest_hub.web.binding import Binder, refuse
from medianest_hub.web.bodies import answer_without_body, read_body
from medianest_hub.web.cached_answers import CachedAnswers
from medianest_hub.web.calling import RequestFacts, foreseen, within
from medianest_hub.web.file_answers import OutOfRange, send_file
from medianest_hub.web.gate import Gate, LimitReached, check_size
from medianest_hub.web.header_block import Answer, HeaderBlock, header_lines
from medianest_hub.web.hub import WebHub
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.questions import Plan, Questions
from medianest_hub.web.redis_trip import Reply
from medianest_hub.web.request_ids import request_id
from medianest_hub.web.request_log import tell_request
from medianest_hub.web.route_metrics import CLIENT_GONE

log = structlog.get_logger(__name__)

SanicRequest = Request[Any, Any]
_NOTHING_ASKED = Reply(None, "", "", b"")

SLOW_BODY_SECONDS: Final = 0.3
"""Who sends a body that takes longer to arrive is asked about again: they may have been thrown out meanwhile."""


class Exchange:
    """One request on its way. `lines` are the header lines its answer gets whatever becomes of it; `code` only a refusal has."""

    __slots__ = ("began", "claims", "code", "id", "lines", "person", "reached", "request", "segments")
    code: str

    def __init__(self, request: SanicRequest, segments: dict[str, str], block: HeaderBlock, began: float) -> None:
        headers = request.headers
        self.began = began
        self.claims: Claims | None = None
        self.person: Person | None = None
        self.reached = False  # whether a handler was called
        self.request = request
        self.segments = segments
        self.id = request_id(headers.get("x-request-id"))
        self.lines = b"\r\nx-request-id: " + self.id.encode()
        origin = headers.get("origin")
        if origin is not None:
            self.lines += block.cors(origin)


class Endpoint:
    """What Sanic calls. `names` are the path's placeholders in order."""

    is_stream = True  # Sanic must not read a body before anybody was asked whether it is wanted
    __name__ = "endpoint"

    def __init__(self, hub: WebHub, mounted: Mounted, names: tuple[str, ...]) -> None:
        self.mounted = mounted
        self._hub = hub
        self._route = mounted.route
        self._names = names
        self._metrics = hub.requests.route(mounted.route.method, mounted.template)
        self._questions = Questions(mounted)
        self._asks = bool(mounted.zones) or mounted.permission is not None or mounted.route.cache is not None
        self._cached = CachedAnswers(hub.block, mounted.route.status) if mounted.route.cache is not None else None
        self._binder: Binder | None = None
        self._lines = hub.block.lines(JSON)
        self._logs = hub.settings.log.level == "debug"

    async def __call__(self, request: SanicRequest, **segments: str) -> Answer | None:
        """Answer the request; None when the answer was sent already. Raises nothing but `CancelledError`."""
        began = perf_counter()
        stream: Any = request.stream
        exchange = Exchange(request, segments, self._hub.block, began)
        try:
            answer = await self._serve(exchange)
            status = answer.status if answer is not None else stream.response.status
        except asyncio.CancelledError:
            self._metrics.add(CLIENT_GONE, began)
            if self._logs:
                self._tell(exchange, CLIENT_GONE, began)
            raise
        except Exception as error:
            answer = self._refused(error, exchange)
            status = answer.status
        self._metrics.add(status, began)
        if self._logs or status >= 500:
            self._tell(exchange, status, began)
        if answer is not None and stream.request_body:
            return await answer_without_body(request, answer)
        return answer

    async def _serve(self, exchange: Exchange) -> Answer | None:
        gate, mounted, request = self._hub.gate, self.mounted, exchange.request
        if gate is None:
            if not mounted.always:
                raise Unavailable("The hub is starting; try again shortly.", code="starting", retry_after=1)
            return await self._serve_made(exchange, None)
        authorization = request.headers.get("authorization")
        claims = gate.claims(authorization)
        closed = self._closed()
        if request.stream.request_body and closed is None:  # type: ignore[union-attr]
            check_size(request, self._route.body_limit)
        runtime = self._runtime()
        plan = self._questions.plan(gate, claims, request, runtime.generation if runtime is not None else 0)
        reply = await gate.trip.ask(plan.question) if self._asks else _NOTHING_ASKED
        gate.check_limits(reply, mounted.zones, plan.who)
        if reply is not None:
            exchange.lines += reply.limits
        if closed is not None:
            raise closed
        if self._asks and claims is None and authorization is not None and gate.is_new_key(authorization):
            claims = await self._find_key(gate, authorization)
            plan = self._questions.plan(gate, claims, request, plan.generation)
        person: Person | None = None
        if mounted.permission is not None:
            if claims is None:
                raise gate.why_not(authorization)
            person = gate.known(claims, reply) or await gate.person(claims, reply)
        elif self._asks and claims is not None:  # on a route that counts nobody, nobody can make us ask Postgres
            with contextlib.suppress(Unauthorized, Unavailable):  # a public route serves whoever this is
                person = await gate.person(claims, reply)
        exchange.claims = claims if person is not None else None
        exchange.person = person
        if runtime is not None and not runtime.running:
            raise runtime.refusal()
        self._check_permission(person)
        if self._cached is not None:
            return await self._serve_cached(exchange, self._cached, gate, plan, reply, person)
        return await self._serve_made(exchange, person)

    def _check_permission(self, person: Person | None) -> None:
        needed = self.mounted.permission
        if person is not None and needed is not None and not person.can(needed):
            raise Forbidden("You may not do this.", params={"permission": needed})

    async def _ask_again(self, exchange: Exchange) -> Person | None:
        """Who this is now, past every hint; raises what the gate would of a request that came this moment."""
        gate, claims = self._hub.gate, exchange.claims
        if gate is None or claims is None:
            return None
        try:
            exchange.person = await gate.person_now(claims)
        except (Unauthorized, Unavailable):
            if self.mounted.permission is not None:
                raise
            exchange.claims = exchange.person = None
        self._check_permission(exchange.person)
        return exchange.person

    async def _find_key(self, gate: Gate, authorization: str) -> Claims | None:
        """What an API key says that is asked about for the first time; a public route does without an answer."""
        nobody = (TooMany, Unavailable) if self.mounted.permission is None else ()
        with contextlib.suppress(*nobody):
            return await gate.find_key(authorization)
        return None

    async def _serve_made(self, exchange: Exchange, person: Person | None) -> Answer | None:
        with ExitStack() as held:
            result = await self._handle(held, exchange, person)
            return await self._send(result, exchange)

    async def _serve_cached(
        self,
        exchange: Exchange,
        cached: CachedAnswers,
        gate: Gate,
        plan: Plan,
        reply: Reply | None,
        person: Person | None,
    ) -> Answer:
        """A route with an `AnswerCache`: what the trip found, else what its handler makes."""
        if person is not None and not self._questions.fits(plan, person):
            # The first request of a person with these rights: only now is it known which answer is theirs.
            plan = self._questions.refit(gate, plan, person, exchange.request)
            reply = await gate.trip.ask(plan.question.without_limits()) if reply is not None else None
        body = cached.known(gate, plan, reply)
        if body is not None and reply is not None:
            gate.hits.inc()
            return cached.answer(exchange.request, plan, reply.version, body, exchange.lines)
        gate.misses.inc()
        body = await cached.make(gate, plan, reply, lambda: self._make(exchange, person))
        return cached.fresh(exchange.request, body, exchange.lines)

    async def _make(self, exchange: Exchange, person: Person | None) -> tuple[bytes, float]:
        """The answer's JSON, and for how many seconds it may be kept."""
        context = contextvars.copy_context()
        cache = self._route.cache
        life = context.run(begin_life, cache.ttl if cache is not None else 0.0)
        with ExitStack() as held:
            result = await self._handle(held, exchange, person, context)
        content = model_body(self.mounted.models.answer, result)
        if content is None:
            raise WrongAnswer("a cached route must answer a model")
        return content, life.seconds

    async def _handle(
        self,
        held: ExitStack,
        exchange: Exchange,
        person: Person | None,
        context: contextvars.Context | None = None,
    ) -> object:
        """Owner, validation, handler. What the handler works with stays open until `held` is closed."""
        runtime, route = self._runtime(), self._route
        ctx: Any = held.enter_context(runtime.use()) if runtime is not None else self._hub.parts
        facts = RequestFacts(
            exchange.request,
            self._hub.addresses,
            self._hub.settings.server.public_url,
            *((exchange, self._hub.cookies) if runtime is None else ()),
        )
        if self._binder is None:
            self._binder = Binder(self.mounted.models)
        segments = {name: exchange.segments[f"p{index}"] for index, name in enumerate(self._names)}
        path, wrong = self._binder.path(segments)
        asked: Call[Any, Any, Any] = Call(path, Empty(), Empty(), exchange.id, facts, person)
        await self._check_owner(ctx, asked, held)
        query, more = self._binder.query(exchange.request.query_string)
        wrong += more
        body: BaseModel | None = Empty()
        if self._binder.wants_body or route.method in ("POST", "PUT", "PATCH"):
            began = perf_counter()
            content = await read_body(exchange.request, route.body_limit)
            if perf_counter() - began > SLOW_BODY_SECONDS:
                person = await self._ask_again(exchange)
                await self._check_owner(ctx, replace(asked, person=person), held)
            headers = exchange.request.headers
            body, more = self._binder.body(headers.get("content-type"), headers.get("content-encoding"), content)
            wrong += more
        if wrong or path is None or query is None or body is None:
            raise refuse(wrong)
        call: Call[Any, Any, Any] = Call(path, query, body, exchange.id, facts, person)
        exchange.reached = True
        return await within(route.deadline, route.handler, (ctx, call), exchange.id, held, context)

    async def _check_owner(self, ctx: Any, asked: Call[Any, Any, Any], held: ExitStack) -> None:
        route, person = self._route, asked.person
        if route.owner is None or asked.path is None:
            return
        owner = await within(route.deadline, route.owner, (ctx, asked), asked.request_id, held)
        if owner is None or person is None or not (person.is_admin or owner == person.id):
            raise NotFound("There is no such thing, or it is somebody else's.")

    async def _send(self, result: object, exchange: Exchange) -> Answer | None:
        declared, block, status = self.mounted.models.answer, self._hub.block, self._route.status
        if isinstance(result, FileAnswer | StreamAnswer):
            if not (isinstance(declared, type) and isinstance(result, declared)):
                raise WrongAnswer(f"declared {declared!r}, answered {type(result).__name__}")
            if isinstance(result, FileAnswer):
                return await send_file(exchange.request, result, status, block, exchange.lines)
            if isinstance(result, ReadyAnswer):
                return ready_answer(exchange.request, result, status, block, exchange.lines)
            return await send_stream(exchange.request, result, status, block, exchange.lines, self._route.deadline)
        content = model_body(declared, result)
        if content is None:
            return Answer(204, b"", block.lines(b"") + exchange.lines)
        return Answer(status, content, self._lines + exchange.lines)

    def _refused(self, error: Exception, exchange: Exchange) -> Answer:
        known = problems.of_sanic(error) if isinstance(error, SanicException) else foreseen(error)
        if known is None:
            log.error(
                "wrong_answer" if isinstance(error, WrongAnswer) else "request_failed",
                route=f"{self._route.method} {self.mounted.template}",
                source=self.mounted.source,
                request_id=exchange.id,
                exc_info=error,
            )
            known = problems.internal()
        exchange.code = known.error_code
        more: list[tuple[bytes, bytes]] = []
        if isinstance(known, LimitReached):
            more = known.refusal.headers()
        elif isinstance(known, OutOfRange):
            more = [(b"content-range", b"bytes */%d" % known.size)]
        return problems.problem_answer(known, exchange.id, self._hub.block, exchange.lines + header_lines(more))

    def _tell(self, exchange: Exchange, status: int, began: float) -> None:
        code = getattr(exchange, "code", "")
        tell_request(exchange.request.method, self.mounted.template, status, began, exchange.id, code)

    def _closed(self) -> HubError | None:
        """Why a core route that follows a plugin is not there now, whoever asks and whatever they send."""
        if self.mounted.follows is None:
            return None
        runtime = self._hub.host.runtimes[self.mounted.follows]
        return None if runtime.running else runtime.refusal()

    def _runtime(self) -> PluginRuntime | None:
        return self._hub.host.runtimes[self.mounted.plugin] if self.mounted.plugin is not None else None
