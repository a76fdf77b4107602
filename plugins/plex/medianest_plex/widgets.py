"""The tiles: what came in, what is played, how much there is, whether the servers are heard. They ask Postgres only."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import (
    PERSON,
    Context,
    ItemList,
    ListItem,
    MediaCard,
    MediaRow,
    Person,
    ProgressItem,
    ProgressList,
    Tone,
    Viewer,
    errors,
    widget,
)
from medianest_plex.browsing.libraries import libraries
from medianest_plex.browsing.models import Library, Recent
from medianest_plex.browsing.recent import recently_added as recent
from medianest_plex.browsing.sight import STALE_AFTER
from medianest_plex.events import Kind
from medianest_plex.library.state import read_server
from medianest_plex.personal.refreshing import look
from medianest_plex.playing.models import NowPlaying
from medianest_plex.playing.reading import now_playing
from medianest_plex.privacy import BROWSE
from medianest_plex.servers import everywhere
from medianest_plex.settings import FIRST, PlexSettings

MOST_CARDS: Final = 24
_STALE: Final = 3600.0
"""An older tile may show what is no longer shared with its person."""

_NAMES: Final = {
    "movie": ("movie", "movies"),
    "show": ("show", "shows"),
    "season": ("season", "seasons"),
    "episode": ("episode", "episodes"),
    "artist": ("artist", "artists"),
    "album": ("album", "albums"),
}


@widget(
    "recently_added", title="Recently added", scope=PERSON, ttl=60, stale_for=_STALE, permission=BROWSE, size="wide"
)
async def recently_added(ctx: Context[PlexSettings], viewer: Viewer) -> MediaRow:
    """What came into the libraries somebody may see."""
    found = await recent(ctx, await look(ctx, _person(viewer)), None, None, MOST_CARDS)
    return MediaRow(items=[_card(one) for one in found.items])


@widget("playing", title="Now playing", scope=PERSON, ttl=10, stale_for=60, permission=BROWSE)
async def playing(ctx: Context[PlexSettings], viewer: Viewer) -> ProgressList:
    """What is being played, as far as somebody may see it."""
    found = await now_playing(ctx, _person(viewer))
    return ProgressList(items=[_progress(one) for one in found], empty="Nothing is being played.")


@widget("counts", title="Libraries", scope=PERSON, ttl=300, stale_for=_STALE, permission=BROWSE)
async def counts(ctx: Context[PlexSettings], viewer: Viewer) -> ItemList:
    """How much is in each library somebody may see; counted once for everybody."""
    found = await libraries(ctx, await look(ctx, _person(viewer)))
    several = len({one.instance for one in found.items}) > 1
    return ItemList(
        items=[_line(one, several=several) for one in found.items], empty="There are no libraries for you yet."
    )


@widget("server", title="Plex server", scope=PERSON, ttl=30, permission=BROWSE, size="small")
async def server(ctx: Context[PlexSettings], viewer: Viewer) -> ItemList:
    """Whether each server is heard of which somebody sees anything, and how old what is shown of it may be; admins see all."""
    known = (await look(ctx, _person(viewer))).known
    found = [await _state(one) for one in everywhere(ctx) if one.instance in known]
    empty = "The Plex server has not been heard yet." if known else "There are no libraries for you yet."
    return ItemList(items=[one for one in found if one is not None], empty=empty)


async def _state(ctx: Context[PlexSettings]) -> ListItem | None:
    known = await read_server(ctx.db, ctx.instance)
    if known.heard_at is None and len(ctx.settings.servers) == 1:
        return None
    words, at, tone = ("Answers", known.since, Tone.GOOD)
    if known.heard_at is None:
        words, at, tone = ("Has not been heard yet", None, Tone.WARN)
    elif known.connected and known.trouble:
        words, tone = ("Does not give all it should; an administrator finds why under Health", Tone.WARN)
    elif not known.connected or ctx.clock.now() - known.heard_at > STALE_AFTER:
        words, at, tone = ("Does not answer; what is shown is as it was then", known.heard_at, Tone.BAD)
    elif known.synced_at is None:
        words, at, tone = ("Its libraries are being read for the first time", known.since, Tone.WARN)
    title = known.name or ("Plex" if ctx.instance == FIRST else ctx.instance)
    return ListItem(id=ctx.instance, title=title, subtitle=words, at=at, tone=tone)


def _person(viewer: Viewer) -> Person:
    if viewer.person is None:
        raise errors.Forbidden("This tile belongs to a person.")
    return viewer.person


def _card(one: Recent) -> MediaCard:
    title, subtitle = one.title, ""
    if one.kind is Kind.SEASON:
        title, subtitle = one.show, one.title
    elif one.kind is Kind.EPISODE:
        number = f"S{one.season:02}E{one.number:02}" if one.season is not None and one.number is not None else ""
        title, subtitle = one.show, " · ".join(part for part in (number, one.title) if part)
    elif one.kind is Kind.ALBUM:
        subtitle = one.show
    return MediaCard(
        id=str(one.id),
        title=title or one.title,
        subtitle=subtitle,
        year=one.year,
        image=one.image,
        href=one.href,
        badge=f"{one.new} new" if one.new > 1 else "",
    )


def _progress(one: NowPlaying) -> ProgressItem:
    fraction = min(one.progress_ms / one.duration_ms, 1.0) if one.duration_ms else None
    who = " · ".join(part for part in (one.account, one.player) if part)
    how = " ".join(part for part in (one.resolution, one.decision) if part)
    return ProgressItem(
        id=str(one.id),
        title=one.title,
        state="unknown" if one.stale else one.state,
        fraction=fraction,
        eta=max(one.duration_ms - one.progress_ms, 0) / 1000 if one.duration_ms else None,
        detail=" · ".join(part for part in (who, how) if part),
        tone=Tone.WARN if one.stale else Tone.NEUTRAL,
    )


def _line(one: Library, *, several: bool) -> ListItem:
    parts = [
        f"{one.counts[kind]:,} {many if one.counts[kind] != 1 else single}"
        for kind, (single, many) in _NAMES.items()
        if kind in one.counts
    ]
    title = f"{one.title} · {one.server}" if several else one.title
    return ListItem(id=f"{one.instance}-{one.key}", title=title, subtitle=" · ".join(parts) or "empty")
