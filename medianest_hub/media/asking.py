"""What a media source is asked: search, details or find, each kept under a name of its own. Waits for nothing."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import structlog
from prometheus_client import Histogram

from medianest_hub.infrastructure import metrics
from medianest_hub.media.cleaning import Cleaned, NotHits, cleaned_hits, cleaned_one
from medianest_hub.plugin_api.media import MediaSource
from medianest_hub.plugin_api.people import Person, Viewer
from medianest_hub.plugin_host.loads.flights import Place
from medianest_hub.plugin_host.loads.loader import Asked, LoadFailed
from medianest_hub.plugin_host.loads.sharing import shared
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.services.cache import EPOCH_PREFIX

log = structlog.get_logger(__name__)

LATE: Final = 10.0
"""Seconds beyond its deadline in which a source may still answer for whoever asks next."""

STALE_TIMES_TTL: Final = 4.0
"""For so many times its ttl an older answer is shown while a new one is under way."""

load_seconds = Histogram(
    "medianest_media_load_seconds",
    "Time one question to a media source took.",
    ["plugin", "source", "outcome"],
    registry=metrics.registry,
    buckets=metrics.LATENCY_BUCKETS,
)


def observe(asked: Asked[Any], outcome: str, seconds: float) -> None:
    """Count one question."""
    load_seconds.labels(asked.runtime.name, asked.name.rpartition(".")[2], outcome).observe(seconds)


class Question(ABC):
    """What is asked; `digest` is the same for equal questions and no others."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """Part of a cache key."""

    @abstractmethod
    async def put(self, source: MediaSource, context: Any, viewer: Viewer) -> Any:
        """Ask."""

    @abstractmethod
    def cleaned(self, answer: Any, plugin: str) -> Cleaned:
        """What of the answer can be shown. Raises `NotHits`."""


@dataclass(frozen=True, slots=True)
class Search(Question):
    """By words; capitals and blanks make no difference."""

    text: str

    @property
    def digest(self) -> str:
        """By what was typed."""
        return _digest("search", self.text.casefold())

    async def put(self, source: MediaSource, context: Any, viewer: Viewer) -> Any:
        """Ask `search`."""
        return await source.search(context, viewer, self.text)

    def cleaned(self, answer: Any, plugin: str) -> Cleaned:
        """Hits."""
        return cleaned_hits(answer, plugin)


@dataclass(frozen=True, slots=True)
class Details(Question):
    """By the source's own id."""

    id: str

    @property
    def digest(self) -> str:
        """By that id."""
        return _digest("details", self.id)

    async def put(self, source: MediaSource, context: Any, viewer: Viewer) -> Any:
        """Ask `details`."""
        return await source.details(context, viewer, self.id)

    def cleaned(self, answer: Any, plugin: str) -> Cleaned:
        """One, or none."""
        return cleaned_one(answer, plugin)


@dataclass(frozen=True, slots=True)
class Find(Question):
    """By external ids, as pairs in the order of `NAMESPACES`."""

    kind: str
    ids: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """By kind and ids."""
        return _digest("find", self.kind, self.ids)

    async def put(self, source: MediaSource, context: Any, viewer: Viewer) -> Any:
        """Ask `find`; a source without it knows nothing."""
        if source.find is None:
            return None
        ids: Mapping[str, str] = dict(self.ids)
        return await source.find(context, viewer, self.kind, ids)

    def cleaned(self, answer: Any, plugin: str) -> Cleaned:
        """One, or none; a hit without any ids has those it was found by."""
        cleaned = cleaned_one(answer, plugin)
        if cleaned.one is not None and not cleaned.one.external_ids:
            cleaned.one = cleaned.one.model_copy(update={"external_ids": dict(self.ids)})
        return cleaned


def _digest(*parts: object) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class MediaKey:
    """Which answer, and among whom it is shared (`scope`, `rights`: those of `Sharing`)."""

    source: str
    question: str
    scope: str
    rights: str
    versions: tuple[str, ...]

    @property
    def entry(self) -> str:
        """Holds the `Kept`."""
        return f"mn:media:{self.source}:{self.question}:{self.scope}{self.rights}"

    @property
    def lock(self) -> str:
        """Held by the one process that asks."""
        return f"mn:media-lock:{self.source}:{self.question}:{self.scope}{self.rights}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """For how long a source's answers are good."""

    ttl: float
    stale_for: float


def shelf(source: MediaSource) -> Shelf:
    """By the source's ttl."""
    return Shelf(source.ttl, source.ttl * STALE_TIMES_TTL)


@dataclass(frozen=True, slots=True)
class AskedSource(Asked[Cleaned]):
    """One question to one source of a running plugin, for whom the source's scope allows it to depend on."""

    source: MediaSource
    question: Question
    viewer: Viewer
    noun: ClassVar[str] = "source"

    @property
    def deadline(self) -> float:
        """Longer than anybody waits: what comes late is kept for whoever asks next."""
        return self.source.deadline + LATE

    @property
    def lasting(self) -> Shelf:
        """By the source's ttl."""
        return shelf(self.source)

    async def load(self, context: Any) -> Any:
        """Ask the source."""
        return await self.question.put(self.source, context, self.viewer)

    def checked(self, answer: Any) -> Cleaned:
        """What of the answer can be shown. Raises `LoadFailed` for nonsense."""
        try:
            cleaned = self.question.cleaned(answer, self.runtime.name)
        except NotHits as problem:
            raise LoadFailed(self.broken()) from problem
        if cleaned.refused:
            log.warning("hits_left_out", name=self.name, count=cleaned.refused, reason=cleaned.why)
        return cleaned


@dataclass(frozen=True, slots=True)
class SourcePlace(Place[Cleaned]):
    """One source's answer to one question, as one person sees it."""

    key: MediaKey
    asked: AskedSource

    @classmethod
    def of(
        cls,
        runtime: PluginRuntime,
        source: MediaSource,
        permission: str,
        person: Person,
        rights: str,
        question: Question,
    ) -> SourcePlace:
        """For that person, whose rights `fingerprint_of` named `rights`."""
        sharing = shared(source.scope, person, rights)
        name = f"{runtime.name}.{runtime.instance}.{source.name}"
        versions = tuple(f"{EPOCH_PREFIX}{runtime.name}:{tag}" for tag in source.tags)
        key = MediaKey(name, question.digest, sharing.scope, sharing.rights, versions)
        return cls(key, AskedSource(runtime, name, source, question, sharing.viewer), permission, sharing)
