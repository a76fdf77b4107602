"""What must be asked of Redis for a route's requests, made once per caller and address and then used again."""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeAlias

from sanic import Request

from medianest_hub.accounts.tokens import Claims
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.web.answer_cache import answer_key, epoch_key
from medianest_hub.web.gate import Gate
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.redis_trip import Question

_MOST_PLANS: Final = 2048
_LONGEST_ADDRESS: Final = 512
"""Plans of longer addresses are made each time: what is kept is bounded in bytes, too."""

Rights: TypeAlias = tuple[Role, frozenset[str]]
"""What a personal answer is made with: what is shown to one role is not shown to another, whatever both may do."""


class Plan:
    """For one caller of one address: the question, and what the answer's key was made for.

    `lines` are the header lines of the cached answer of `version`.
    """

    __slots__ = ("claims", "generation", "lines", "question", "rights", "version", "who")

    def __init__(
        self, claims: Claims | None, generation: int, rights: Rights | None, who: str, question: Question
    ) -> None:
        self.claims = claims
        self.generation = generation
        self.rights = rights
        self.who = who
        self.question = question
        self.version = ""
        self.lines = b""


class Questions:
    """The plans of one route."""

    def __init__(self, mounted: Mounted) -> None:
        cache = mounted.route.cache
        self._mounted = mounted
        self._tags = tuple(epoch_key(mounted.source, tag) for tag in cache.tags) if cache is not None else ()
        self._cached = cache is not None
        # An owner's answer is nobody else's, whatever the declaration says.
        self._per_person = cache is not None and (cache.per == "person" or mounted.route.owner is not None)
        self._plans: dict[tuple[int, bytes], Plan] = {}

    def plan(self, gate: Gate, claims: Claims | None, request: Request[Any, Any], generation: int) -> Plan:
        """The plan to begin with; without a known set of rights a personal answer is not asked for yet."""
        if claims is None:
            return self._make(gate, None, request, generation, None)
        if gate.has_ended(claims):
            return self._make(gate, claims, request, generation, None)
        # By identity, which is quick: the plan keeps the claims, so no other object can come to have this id.
        plan = self._plans.get((id(claims), request.raw_url if self._cached else b""))
        if plan is not None and plan.generation == generation:
            return plan
        return self._keep(self._make(gate, claims, request, generation, None), request)

    def fits(self, plan: Plan, person: Person | None) -> bool:
        """Whether the plan's cached answer may be shown to that person as they are now."""
        return not self._per_person or (person is not None and plan.rights == (person.role, person.permissions))

    def refit(self, gate: Gate, plan: Plan, person: Person, request: Request[Any, Any]) -> Plan:
        """The plan for the person's rights as they are now."""
        return self._keep(
            self._make(gate, plan.claims, request, plan.generation, (person.role, person.permissions)), request
        )

    def _keep(self, plan: Plan, request: Request[Any, Any]) -> Plan:
        if len(request.raw_url) > _LONGEST_ADDRESS:
            return plan
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[id(plan.claims), request.raw_url if self._cached else b""] = plan
        return plan

    def _make(
        self,
        gate: Gate,
        claims: Claims | None,
        request: Request[Any, Any],
        generation: int,
        rights: Rights | None,
    ) -> Plan:
        who = gate.who(claims, request)
        session = str(claims.session_id) if claims is not None else None
        answer: str | None = None
        if self._cached and (not self._per_person or rights is not None):
            route = f"{self._mounted.source}:{self._mounted.template}:{generation}"
            answer = answer_key(route, self._scope(claims, rights), request.raw_url)
        question = Question(self._mounted.zones, who, session, answer, self._tags if answer is not None else ())
        return Plan(claims, generation, rights, who, question)

    def _scope(self, claims: Claims | None, rights: Rights | None) -> str:
        """A person's answer is made with their rights: with others it is another answer."""
        if not self._per_person or claims is None or rights is None:
            return "all"
        role, permissions = rights
        digest = hashlib.blake2b("\n".join([role.value, *sorted(permissions)]).encode(), digest_size=8).hexdigest()
        return f"{claims.person_id}:{digest}"
