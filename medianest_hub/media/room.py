"""`Media`: one search over all sources a person may ask, and one thing's page, each within its time."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from typing import Final

from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.media.asking import Details, Find, Question, Search
from medianest_hub.media.external_ids import NAMESPACES, known_ids
from medianest_hub.media.folding import fold, fold_page
from medianest_hub.media.joining import Found, join
from medianest_hub.media.models import MediaFound, MediaPage, SourceReport, SourceState
from medianest_hub.media.ranking import rank
from medianest_hub.media.sources import Answered, Source, Sources
from medianest_hub.plugin_api.errors import NotFound, Unavailable
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Clock
from medianest_hub.plugin_host.context import SystemClock
from medianest_hub.plugin_host.host import PluginHost

_LEAST_TO_ASK_AGAIN: Final = 0.05
"""Seconds below which who answered already would only be said to be slow."""

_BAD_STATES: Final = (SourceState.SLOW, SourceState.FAILED)


class Media:
    """Of one web process. Make it on the running loop, `close` it at the end."""

    def __init__(self, host: PluginHost, redis: RedisLink, budget: float, clock: Clock | None = None) -> None:
        """`budget`: seconds a search, or a page, waits for its slowest source."""
        self._budget = budget
        self._sources = Sources(host, redis, clock or SystemClock())

    async def close(self) -> None:
        """Give up what is under way."""
        await self._sources.close()

    async def search(self, person: Person, text: str, kind: str | None = None, limit: int = 20) -> MediaFound:
        """What all sources find for these words, joined, the best first; `kind` narrows it."""
        typed = " ".join(unicodedata.normalize("NFC", text).split())
        sources = self._sources.of(person) if typed else []
        answers = await self._sources.ask(person, [(source, Search(typed)) for source in sources], self._budget)
        groups = [group for group in join(_found(answers)) if kind is None or group[0].hit.kind == kind]
        ranked = rank(groups, typed)
        titles = _titles(answers)
        return MediaFound(
            items=[fold(group, titles) for group in ranked[:limit]],
            total=len(ranked),
            sources=[_counted(answer) for answer in answers],
        )

    async def page(self, person: Person, kind: str, id: str) -> MediaPage:
        """One thing of that kind, by an external id (`tmdb:603`) or a source's own (`plex.main.library:7`).

        Raises `NotFound`, or `Unavailable` where those who might know it do not answer.
        """
        ends = asyncio.get_running_loop().time() + self._budget
        sources = self._sources.of(person)
        namespace, _, value = id.partition(":")
        if namespace in NAMESPACES:
            ids = known_ids({namespace: value})
            if not ids:
                raise _not_found()
            answers = await self._find(person, sources, kind, ids, ends)
        else:
            answers = await self._by_own_id(person, sources, kind, namespace, value, ends)
        group = _asked_for(answers, kind, id)
        if group is None:
            raise _missing(answers)
        return fold_page(group, _titles(answers), [_counted(answer) for answer in answers])

    async def _by_own_id(
        self, person: Person, sources: Sequence[Source], kind: str, name: str, own: str, ends: float
    ) -> list[Answered]:
        source = next((one for one in sources if one.name == name), None)
        if source is None or not own:
            raise _not_found()
        first = await self._ask(person, [(source, Details(own))], ends)
        ids = {key: value for found in _found(first) for key, value in known_ids(found.hit.external_ids).items()}
        others = [one for one in sources if one.name != name]
        return first + (await self._find(person, others, kind, ids, ends) if ids else [])

    async def _find(
        self, person: Person, sources: Sequence[Source], kind: str, ids: dict[str, str], ends: float
    ) -> list[Answered]:
        """By these ids, and those who do not know them by the ids the others add."""
        asked = [source for source in sources if source.declared.find is not None]
        answers = await self._ask(person, [(source, Find(kind, _pairs(ids))) for source in asked], ends)
        group = next((one for one in join(_of_kind(answers, kind)) if _has(one, ids)), [])
        more = {**{name: value for found in group for name, value in known_ids(found.hit.external_ids).items()}, **ids}
        again = [answer.source for answer in answers if not answer.found and answer.report.state not in _BAD_STATES]
        time_left = ends - asyncio.get_running_loop().time()
        if len(more) == len(ids) or not again or time_left < _LEAST_TO_ASK_AGAIN:
            return answers
        second = await self._ask(person, [(source, Find(kind, _pairs(more))) for source in again], ends)
        by_name = {answer.source.name: answer for answer in second}
        return [by_name.get(answer.source.name, answer) for answer in answers]

    async def _ask(self, person: Person, questions: Sequence[tuple[Source, Question]], ends: float) -> list[Answered]:
        return await self._sources.ask(person, questions, ends - asyncio.get_running_loop().time())


def _found(answers: Sequence[Answered]) -> list[Found]:
    return [found for answer in answers for found in answer.found]


def _of_kind(answers: Sequence[Answered], kind: str) -> list[Found]:
    return [found for found in _found(answers) if found.hit.kind == kind]


def _has(group: Sequence[Found], ids: dict[str, str]) -> bool:
    return any(known_ids(found.hit.external_ids).get(name) == value for found in group for name, value in ids.items())


def _asked_for(answers: Sequence[Answered], kind: str, id: str) -> list[Found] | None:
    """Of all that was answered, what is the thing that was asked for: a source may be mistaken, or lie."""
    namespace, _, value = id.partition(":")
    for group in join(_of_kind(answers, kind)):
        if namespace in NAMESPACES and _has(group, known_ids({namespace: value})):
            return group
        if any(found.source == namespace and found.hit.id == value for found in group):
            return group
    return None


def _pairs(ids: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, ids[name]) for name in NAMESPACES if name in ids)


def _titles(answers: Sequence[Answered]) -> dict[str, str]:
    return {answer.source.name: answer.source.title for answer in answers}


def _counted(answer: Answered) -> SourceReport:
    return answer.report.model_copy(update={"hits": len(answer.found)})


def _not_found() -> NotFound:
    return NotFound("None of the sources knows such a thing.", code="media_not_found")


def _missing(answers: Sequence[Answered]) -> NotFound | Unavailable:
    silent = [answer.source.title for answer in answers if answer.report.state in _BAD_STATES]
    if not silent:
        return _not_found()
    names = " and ".join(dict.fromkeys(silent))
    return Unavailable(
        f"Nothing is known of this while {names} cannot be asked; try again in a moment.",
        code="media_sources_unavailable",
        params={"sources": ", ".join(dict.fromkeys(silent))},
        retry_after=5.0,
    )
