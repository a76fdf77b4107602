"""Asks sign-in providers now and then whether they still stand for the people they let in; signs nobody in."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

import structlog

from medianest_hub.accounts.sessions import IDENTITY_WITHDRAWN
from medianest_hub.accounts.sign_in_providers import Provider
from medianest_hub.accounts.standing import Due, Standings
from medianest_hub.audit import Entry, Target
from medianest_hub.audit.entry import SYSTEM
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.jobs.loops import Loop
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.notifiers import Notification
from medianest_hub.plugin_api.sign_in import SIGN_IN_SECRET, Standing
from medianest_hub.plugin_host.bounded import within

log = structlog.get_logger(__name__)

ASK_SECONDS: Final = 20.0
BATCH: Final = 20
AT_ONCE: Final = 4
"""Identities taken together, and calls to providers side by side: plex.tv is no friend of bursts."""

FIRST_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 60.0


class Rechecking:
    """Runs in every worker; each identity is asked about once per `auth.recheck_hours` over all of them."""

    def __init__(self, parts: HubParts) -> None:
        self._parts = parts
        auth = parts.settings.auth
        self._standings = Standings(parts.db, parts.people, auth.recheck_hours, local=auth.local)
        self._settled = False
        self.loop = Loop("rechecking", self._step)

    async def recheck(self) -> int:
        """Ask about those that are due, at most 20; returns how many that were."""
        able = {one.id: one for one in self._parts.providers.all().values() if one.declared.recheck and one.works()}
        if not able:
            return 0
        due = await self._standings.take(able, BATCH)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one_of(many: Due) -> None:
            async with slots:
                await self._ask(able[many.linked.provider], many)

        await asyncio.gather(*(one_of(one) for one in due))
        return len(due)

    async def _step(self) -> float:
        if not self._settled:  # plugins are still starting
            self._settled = True
            return FIRST_SECONDS
        return 0.0 if await self.recheck() == BATCH else PAUSE_SECONDS

    async def _ask(self, provider: Provider, due: Due) -> None:
        """What the provider says; whatever goes wrong leaves everything as it was, to be asked again soon."""
        try:
            secret = await self._parts.people.secret(*provider.secrets_of, due.person_id, SIGN_IN_SECRET)
            standing = await self._called(provider, due, secret)
        except HubError as error:
            log.info("identity_not_rechecked", provider=provider.id, code=error.error_code)
            return
        except Exception:
            log.exception("identity_not_rechecked", provider=provider.id, plugin=provider.plugin)
            return
        if standing is Standing.GOOD:
            await self._standings.good(due)
        else:
            await self._withdraw(provider, due, standing)

    async def _called(self, provider: Provider, due: Due, secret: str | None) -> Standing:
        answers: list[Any] = []

        async def ask() -> None:
            recheck = provider.declared.recheck
            with provider.use() as context:
                if context is None:  # the core's own: it may be given a new token for the old one
                    keep = partial(self._parts.people.set_secret, *provider.secrets_of, due.person_id, SIGN_IN_SECRET)
                    context = keep
                answers.append(await recheck(context, due.linked, secret) if recheck is not None else Standing.GOOD)

        await within(ASK_SECONDS, ask())
        return Standing(answers[0])

    async def _withdraw(self, provider: Provider, due: Due, standing: Standing) -> None:
        """Sessions first: if this worker dies half-way, the identity comes up again."""
        if not await self._standings.stands(due):
            return
        tell = partial(self._tell, provider, due, standing)
        ended = await self._parts.sessions.end_of_provider(
            due.person_id, provider.id, reason=IDENTITY_WITHDRAWN, first=tell
        )
        keys = 0
        if standing is Standing.REMOVED and not await self._standings.has_other_way(due):
            # Without any way in left, a key must not be one.
            for key in await self._parts.api_keys.of_person(due.person_id):
                keys += await self._parts.api_keys.revoke(key.id)
        if not await self._standings.withdraw(due, standing, provider.secrets_of):
            return
        log.info(IDENTITY_WITHDRAWN, provider=provider.id, standing=standing.value, sessions=ended, keys=keys)
        details = {"provider": provider.id, "standing": standing.value, "sessions_ended": ended, "keys_revoked": keys}
        target = Target("user", str(due.person_id), due.linked.username)
        await self._parts.audit.record(Entry("auth.identity_withdrawn", SYSTEM, target=target, details=details))
        if not ended:  # else they were told before their pages were closed
            await tell()

    async def _tell(self, provider: Provider, due: Due, standing: Standing) -> None:
        told = Notification(
            kind="hub.identity_withdrawn",
            title=f"{provider.declared.title} no longer vouches for you",
            body="Whatever you had signed in to that way was signed out. Sign in again.",
            href="/account",
            params={"provider": provider.id, "standing": standing.value},
        )
        await self._parts.realtime.send("notification:new", told.model_dump(mode="json"), person=due.person_id)
