"""Fills this worker's free places with the jobs Postgres says are next; runs none of them itself."""

from __future__ import annotations

import asyncio
from collections import deque
from uuid import UUID

from medianest_hub.jobs.claims import NOBODY, ClaimStore
from medianest_hub.jobs.handlers import Catalogue
from medianest_hub.jobs.loops import Loop
from medianest_hub.jobs.runner import JobRunner

POLL_SECONDS = 2.0
"""How long a job waits at most whose token was lost (Redis emptied or away)."""

_REMEMBERED_PEOPLE = 64


class Claimer:
    """Claims whenever there is room and reason to look. Long work leaves a quarter of the places to short work."""

    def __init__(self, claims: ClaimStore, catalogue: Catalogue, runner: JobRunner, concurrency: int) -> None:
        self._claims = claims
        self._catalogue = catalogue
        self._runner = runner
        self._places = concurrency
        self._places_for_long = concurrency - concurrency // 4
        self._served: deque[UUID] = deque(maxlen=_REMEMBERED_PEOPLE)
        self.loop = Loop("claimer", self._fill)
        self.has_room = asyncio.Event()
        """Set while another job could be taken."""

    async def _fill(self) -> float:
        while self._runner.count < self._places:
            self.has_room.set()
            short_only = self._runner.long_count >= self._places_for_long
            known = self._catalogue.known(short_only=short_only)
            job = await self._claims.claim(known, list(self._served))
            if job is None:
                due = await self._claims.next_due()
                return POLL_SECONDS if due is None else min(POLL_SECONDS, max(due, 0.01))
            self._remember(job.person_id or NOBODY)
            work = self._catalogue.find(job.plugin, job.task)
            if work is None:  # switched off while the claim was on its way
                await self._claims.give_back(job)
            else:
                self._runner.start(job, work)
        self.has_room.clear()
        return POLL_SECONDS

    def _remember(self, person: UUID) -> None:
        if person in self._served:
            self._served.remove(person)
        self._served.append(person)
