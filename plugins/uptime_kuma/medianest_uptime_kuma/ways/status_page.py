"""The way in when there is nothing else: public status pages and the last beats they show, once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import ConfigInvalid, FieldProblem, Unavailable, UpstreamError
from medianest_uptime_kuma.client.seen import Found, Seen, hold_of
from medianest_uptime_kuma.client.status_page import Beats, PageBeat
from medianest_uptime_kuma.client.web import KumaWeb
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.ways.pages import LOOK_SECONDS, Looked, announce, look, no_such_page, seen_on
from medianest_uptime_kuma.ways.polling import bear, pause

_PATIENCE: Final = 2 * LOOK_SECONDS + 30
_USUAL_INTERVAL: Final = 60.0
_LATE: Final = 3
"""A monitor whose last beat is this many times as old as it holds is paused, or Uptime Kuma forgot it: nobody knows."""

_SURE: Final = 2
"""Looks without any beat after which a monitor is unknown."""


async def watch_status_pages(ctx: Context[UptimeKumaSettings], ledger: Ledger, web: KumaWeb) -> None:
    """Never returns. Raises `ConfigInvalid` if none of the pages is there to begin with, `Overtaken` once somebody else reads."""
    slugs = ctx.settings.status_pages or [await found_page(web)]
    silent: dict[int, int] = {}
    remark, worked = ledger.remark, False
    while True:
        began = ctx.clock.monotonic()
        try:
            looked = await look(web, slugs)
            _complain(looked)
            beats = await asyncio.gather(*(web.beats(slug) for slug in looked.pages))
            ledger.remark = f"{remark} {looked.remark}".strip()
            await _take(ctx, ledger, looked, beats, silent)
            worked = True
        except (UpstreamError, Unavailable, ConfigInvalid) as error:
            if isinstance(error, ConfigInvalid) and not worked:
                raise
            await bear(ledger, error)
        await pause(ctx, ledger, began + LOOK_SECONDS)


async def found_page(web: KumaWeb) -> str:
    """The status page that Uptime Kuma shows first. Raises `ConfigInvalid` when it shows none."""
    found = (await web.entry_page()).status_page
    if not found:
        words = "Fill in one way in: an API key, a user and a password, or the name of a status page."
        raise ConfigInvalid(words, fields=[FieldProblem(field="api_key", code="missing", message=words)])
    return found


def _complain(looked: Looked) -> None:
    """Raise what is wrong unless at least one page could be read."""
    if looked.pages:
        return
    for slug, error in looked.failed.items():
        raise no_such_page(slug) if error is None else error


async def _take(
    ctx: Context[UptimeKumaSettings], ledger: Ledger, looked: Looked, beats: Sequence[Beats], silent: dict[int, int]
) -> None:
    """`silent` counts how often a monitor had no beat to believe."""
    now = ctx.clock.now()
    seen = [_with_uptime(one, beats) for one in seen_on(looked.pages.values())]
    numbers = await ledger.register(seen, partly=bool(looked.failed))
    fresh: list[tuple[int, Found]] = []
    unknown: list[tuple[int, Found]] = []
    for number, one in zip(numbers, seen, strict=True):
        found = _found(one, beats)
        fresh += [(number, each) for each in found]
        if found and now - found[-1].at <= timedelta(seconds=_LATE * found[-1].hold):
            silent.pop(number, None)
            continue
        before = silent.get(number, 0)
        # Only an old beat is sure at once: the page may have been changed between it and its beats, or still be remembered.
        silent[number] = before + (_SURE if found else 1)
        if before < _SURE <= silent[number]:
            unknown.append((number, Found(now, Status.UNKNOWN, 0.0)))
    await ledger.record(fresh, live=False)
    await ledger.record(unknown)
    await announce(ledger, looked, with_maintenance=True)
    await ledger.heard(Way.STATUS_PAGE, _PATIENCE)


def _with_uptime(seen: Seen, beats: Sequence[Beats]) -> Seen:
    told = (one.uptime_day(seen.kuma_id) for one in beats if seen.kuma_id is not None)
    return Seen(
        seen.name, seen.kuma_id, seen.kind, seen.group, seen.groups, seen.tags, None, seen.position,
        given_day=next((ratio for ratio in told if ratio is not None), None),
    )  # fmt: skip


def _found(seen: Seen, beats: Sequence[Beats]) -> list[Found]:
    """The monitor's last beats, the oldest first."""
    several = [one.beats[seen.kuma_id] for one in beats if seen.kuma_id is not None and one.beats.get(seen.kuma_id)]
    told = sorted(several[0], key=lambda beat: beat.time) if several else []
    hold = hold_of(_interval(told))
    return [Found(beat.time, beat.status, hold, beat.ping) for beat in told]


def _interval(beats: Sequence[PageBeat]) -> float:
    """Seconds between two of them, as far as one can tell: the page does not say how often a monitor is looked at."""
    times: list[datetime] = [beat.time for beat in beats[-20:]]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return min(max(median(gaps), 20.0), 86_400.0) if gaps else _USUAL_INTERVAL
