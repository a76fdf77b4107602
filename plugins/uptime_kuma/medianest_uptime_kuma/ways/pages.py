"""Looks at status pages: for their incidents and maintenance, and for the headings monitors stand under."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from medianest_hub.plugin_api.errors import ConfigInvalid, FieldProblem, HubError
from medianest_uptime_kuma.client.seen import Seen
from medianest_uptime_kuma.client.status_page import KumaMaintenance, PageMonitor, StatusPage
from medianest_uptime_kuma.client.web import KumaWeb, NoSuchPage
from medianest_uptime_kuma.ledger.ledger import Ledger

LOOK_SECONDS: Final = 60.0
"""Uptime Kuma itself makes a page anew only every five minutes, and its beats every minute."""


@dataclass(slots=True)
class Headings:
    """What status pages say of monitors that another way in shows: groups and tags, by number or, failing that, by name.

    `asked`: whether the pages have been looked at; before, nobody knows which groups a monitor is in. `whole`: all of them
    could be read, so that a monitor that stands on none is in no group of theirs.
    """

    asked: bool = False
    whole: bool = False
    _pages: dict[str, StatusPage] = field(default_factory=dict)
    _by_id: dict[int, Seen] = field(default_factory=dict)
    _by_name: dict[str, Seen] = field(default_factory=dict)

    def learn(self, looked: Looked) -> None:
        """Take in what was found; of a page that could not be read just now, what it said before still holds."""
        unread = {slug for slug, error in looked.failed.items() if error is not None}
        kept = {slug: page for slug, page in self._pages.items() if slug in unread}
        self._pages = {**kept, **looked.pages}
        self.asked, self.whole = True, unread <= kept.keys()
        self._by_id.clear()
        self._by_name.clear()
        for seen in seen_on(self._pages.values()):
            if seen.kuma_id is not None:
                self._by_id[seen.kuma_id] = seen
            self._by_name[seen.name] = seen

    def dress(self, seen: Seen) -> Seen:
        """The monitor with what the pages add to it."""
        if not self.asked:
            return replace(seen, group=None, groups=None)
        known = self._by_id.get(seen.kuma_id) if seen.kuma_id is not None else self._by_name.get(seen.name)
        if known is not None:
            groups = dict.fromkeys((*(seen.groups or ()), *(known.groups or ())))
            return replace(seen, group=seen.group or known.group, groups=tuple(groups), tags=seen.tags or known.tags)
        if seen.groups is None and self.whole:
            return replace(seen, group="", groups=(), tags=seen.tags or ())
        return seen


def seen_on(pages: Iterable[StatusPage]) -> list[Seen]:
    """The monitors of these pages, each once however often it stands there."""
    found: dict[int, Seen] = {}
    for page in pages:
        for group in page.groups:
            for one in group.monitors:
                known = found.get(one.id)
                if known is not None:
                    groups = dict.fromkeys((*(known.groups or ()), group.name))
                    found[one.id] = replace(known, groups=tuple(groups), tags=known.tags or _tags(one))
                    continue
                found[one.id] = Seen(
                    name=one.name or "?",
                    kuma_id=one.id,
                    kind=one.type,
                    group=group.name,
                    groups=(group.name,),
                    tags=_tags(one),
                    position=len(found),
                )
    return list(found.values())


def _tags(one: PageMonitor) -> tuple[str, ...] | None:
    return None if one.tags is None else tuple(tag.text for tag in one.tags)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking: the pages by name, and why the others could not be read (None: there is no such page)."""

    pages: dict[str, StatusPage]
    failed: dict[str, HubError | None]

    @property
    def remark(self) -> str:
        """What is wrong with those that could not be read, in sentences."""
        return " ".join(
            no_such_page(slug).message if error is None else error.message for slug, error in self.failed.items()
        )


def no_such_page(slug: str) -> ConfigInvalid:
    """What to say of a name no page has."""
    words = f"Uptime Kuma has no status page called {slug!r}."
    return ConfigInvalid(words, fields=[FieldProblem(field="status_pages", code="unknown", message=words)])


async def look(web: KumaWeb, slugs: Iterable[str]) -> Looked:
    """Read these pages side by side."""
    names = list(dict.fromkeys(slugs))
    answers = await asyncio.gather(*(web.page(slug) for slug in names), return_exceptions=True)
    looked = Looked({}, {})
    for slug, answer in zip(names, answers, strict=True):
        if isinstance(answer, StatusPage):
            looked.pages[slug] = answer
        elif isinstance(answer, NoSuchPage):
            looked.failed[slug] = None
        elif isinstance(answer, HubError):
            looked.failed[slug] = answer
        else:
            raise answer
    return looked


async def announce(ledger: Ledger, looked: Looked, *, with_maintenance: bool) -> None:
    """Keep the incidents of the pages that could be read, and their maintenance where no other way tells it.

    Those of pages that are not there any more, or not looked at any more, are over.
    """
    for slug, page in looked.pages.items():
        await ledger.incidents(slug, page.incidents)
    await ledger.only_pages([*looked.pages, *(slug for slug, error in looked.failed.items() if error is not None)])
    if with_maintenance and looked.pages and not any(error is not None for error in looked.failed.values()):
        work: dict[int, KumaMaintenance] = {one.id: one for page in looked.pages.values() for one in page.maintenance}
        await ledger.maintenance(list(work.values()))
