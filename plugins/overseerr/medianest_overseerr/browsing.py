"""Searching, what is trending, and all about a title: asked of Overseerr once for everybody, marked for each reader."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import Conflict, Forbidden, HubError
from medianest_overseerr import cursors
from medianest_overseerr.catalogue.titles import AT_ONCE, Title, keep, title_of
from medianest_overseerr.client import answers
from medianest_overseerr.client.answers import Kind
from medianest_overseerr.connection import About, Ctx, about, href_of, service, title_key
from medianest_overseerr.images import backdrop_link, poster_link
from medianest_overseerr.models import Details, Found, FoundPage, Mark, Season, Trailer
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.people.matching import user_of
from medianest_overseerr.privacy import REQUEST_4K, full
from medianest_overseerr.requests.rows import Row, of_titles
from medianest_overseerr.rights import may_request
from medianest_overseerr.states import MediaState, RequestState, media_state

KEPT_SECONDS: Final = 60.0
"""How long an answer about titles serves everybody."""

LAST_PAGE: Final = 500
_CLOSER_SECONDS: Final = 1.5
"""How long a list waits for the seasons of its series."""

_MOST_ACTORS: Final = 12
_MOST_TRAILERS: Final = 5
_OVER: Final = (RequestState.DECLINED, RequestState.FAILED, RequestState.COMPLETED, RequestState.AVAILABLE)
_NEVER: Final = (MediaState.AVAILABLE, MediaState.BLOCKLISTED)
_FREE: Final = (MediaState.NONE, MediaState.DELETED)

You = Literal["matched", "overseerr_not_matched", "overseerr_match_conflict"]
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Place(cursors.Place):
    page: int = Field(ge=2, le=LAST_PAGE)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom something is shown to: what they may ask for, and who they are at Overseerr (None: nobody)."""

    account: Account | None
    you: You
    in_4k: bool
    about: About

    def may(self, kind: str, *, is4k: bool) -> bool:
        """Whether they may ask for films or series, in 4K or not."""
        if self.account is None or (is4k and not (self.in_4k and self.about.has_4k(kind))):
            return False
        return may_request(self.account.permissions, kind, is4k=is4k)


async def reader(ctx: Ctx, person: Person) -> Reader:
    """The person as a reader. Raises as the client does where Overseerr had to be asked about them."""
    account: Account | None = None
    you: You = "matched"
    try:
        account = await user_of(ctx, person, wants=False)
    except Forbidden:
        you = "overseerr_not_matched"
    except Conflict:
        you = "overseerr_match_conflict"
    return Reader(account, you, person.can(full(REQUEST_4K)), await about(ctx))


async def search(ctx: Ctx, person: Person, text: str, cursor: str | None = None) -> FoundPage:
    """What is called so, as TMDB finds it."""
    words = " ".join(text.split())

    async def ask(page: int) -> answers.Hits:
        return await service(ctx).search(words, page)

    return await _page(ctx, person, f"search:{words.lower()}", cursor, ask)


async def trending(ctx: Ctx, person: Person, cursor: str | None = None) -> FoundPage:
    """What many look at these days."""
    return await _page(ctx, person, "trending", cursor, service(ctx).trending)


async def movie(ctx: Ctx, person: Person, tmdb_id: int) -> Details:
    """All about a film. Raises `NotFound` (`overseerr_no_such_title`)."""

    async def ask() -> answers.Movie:
        asked = await service(ctx).movie(tmdb_id)
        await keep(ctx, [title_of("movie", asked)] if asked.title else [])
        return asked

    found = await _remembered(ctx, title_key(ctx, "movie", tmdb_id), answers.Movie, ask)
    who, marks = await _marks(ctx, person, [("movie", tmdb_id)])
    title = title_of("movie", found)
    return _details(ctx, who, found, title, marks.get(("movie", tmdb_id), []), found.runtime, [])


async def series(ctx: Ctx, person: Person, tmdb_id: int) -> Details:
    """All about a series, with its seasons. Raises `NotFound` (`overseerr_no_such_title`)."""
    found = await _series(ctx, tmdb_id)
    who, marks = await _marks(ctx, person, [("tv", tmdb_id)])
    title = title_of("tv", found)
    rows = marks.get(("tv", tmdb_id), [])
    seasons = _seasons(who, found, rows)
    return _details(ctx, who, found, title, rows, next(iter(found.runtimes), None), seasons)


def is_free(found: Found) -> bool:
    """Whether there is something to ask for in it, whoever may; of a series in a list as far as can be known."""
    if isinstance(found, Details) and found.kind == "tv":
        return any(one.state in _FREE and not _taken(one.requests, is4k=False) for one in found.seasons)
    if found.kind == "tv":
        return found.state not in _NEVER
    return found.state in _FREE and not any(not one.is4k and one.state.is_open for one in found.requests)


async def _series(ctx: Ctx, tmdb_id: int) -> answers.Series:
    async def ask() -> answers.Series:
        asked = await service(ctx).series(tmdb_id)
        await keep(ctx, [title_of("tv", asked)] if asked.title else [])
        return asked

    return await _remembered(ctx, title_key(ctx, "tv", tmdb_id), answers.Series, ask)


async def _page(
    ctx: Ctx, person: Person, name: str, cursor: str | None, ask: Callable[[int], Awaitable[answers.Hits]]
) -> FoundPage:
    number = cursors.read(_Place, name, cursor).page if cursor else 1

    async def ask_and_keep() -> answers.Hits:
        asked = await ask(number)
        await keep(ctx, [_title_of(one) for one in _shown(asked)])
        return asked

    found = await _remembered(ctx, f"{name}:{number}:{ctx.generation}", answers.Hits, ask_and_keep)
    hits = _shown(found)
    titles = [_title_of(one) for one in hits]
    who, marks = await _marks(ctx, person, [one.key for one in titles])
    more = number < min(found.pages, LAST_PAGE)
    items = [
        _found(ctx, who, title, hit, hit.original_title or hit.original_name, hit.media, marks.get(title.key, []))
        for title, hit in zip(titles, hits, strict=True)
    ]
    return FoundPage(
        items=await _seen_closer(ctx, who, items, marks),
        next_cursor=cursors.write(_Place(list=name, page=number + 1)) if more else None,
        you=who.you,
    )


async def _seen_closer(
    ctx: Ctx, who: Reader, items: Sequence[Found], marks: Mapping[tuple[str, int], Sequence[Row]]
) -> list[Found]:
    """With what can be asked for of series that are partly there or asked for: only their seasons say whether any is left.

    Those that cannot be looked at in time stay as they are.
    """
    slots, seen = asyncio.Semaphore(AT_ONCE), dict[int, list[Season]]()

    async def look(number: int) -> None:
        async with slots:
            try:
                seen[number] = _seasons(who, await _series(ctx, number), marks.get(("tv", number), []))
            except HubError as error:
                ctx.log.debug("overseerr_series_not_asked", tmdb_id=number, reason=error.message)

    try:
        async with asyncio.timeout(_CLOSER_SECONDS), asyncio.TaskGroup() as group:
            for one in items:
                begun = one.requests or not {one.state, one.state_4k} <= set(_FREE)
                if one.kind == "tv" and begun and (one.requestable or one.requestable_4k):
                    group.create_task(look(one.tmdb_id))
    except TimeoutError:
        ctx.log.debug("overseerr_series_late")
    return [_left(one, seen[one.tmdb_id]) if one.kind == "tv" and one.tmdb_id in seen else one for one in items]


def _left(found: Found, seasons: Sequence[Season]) -> Found:
    """As long as there is a season to ask for there is something to ask for."""
    possible, in_4k = any(one.requestable for one in seasons), any(one.requestable_4k for one in seasons)
    return found.model_copy(update={"requestable": possible, "requestable_4k": in_4k})


async def _remembered(ctx: Ctx, key: str, model: type[ModelT], ask: Callable[[], Awaitable[ModelT]]) -> ModelT:
    async def load() -> object:
        return (await ask()).model_dump(mode="json")

    return model.model_validate(await ctx.cache.remember(key, KEPT_SECONDS, load))


async def _marks(
    ctx: Ctx, person: Person, keys: Sequence[tuple[Kind, int]]
) -> tuple[Reader, dict[tuple[str, int], list[Row]]]:
    return await reader(ctx, person), await of_titles(ctx.db, ctx.instance, keys)


def _shown(found: answers.Hits) -> list[answers.Hit]:
    """Films and series that have a name, each once."""
    named = (one for one in found.results if one.kind in ("movie", "tv") and (one.title or one.name))
    return list({(one.kind, one.id): one for one in named}.values())


def _title_of(hit: answers.Hit) -> Title:
    kind: Kind = "movie" if hit.kind == "movie" else "tv"
    year = hit.released if kind == "movie" else hit.first_aired
    return Title(kind, hit.id, hit.title or hit.name, year, hit.poster, hit.backdrop)


def _mark(who: Reader, row: Row) -> Mark:
    mine = who.account is not None and row.user_id == who.account.user_id
    return Mark(state=row.state, mine=mine, is4k=row.is4k)


def _found(
    ctx: Ctx,
    who: Reader,
    title: Title,
    about: answers.Hit | answers.Details,
    original_title: str,
    media: answers.Media | None,
    rows: Sequence[Row],
) -> Found:
    state, state_4k = MediaState.NONE, MediaState.NONE
    if media is not None:
        state, state_4k = media_state(media.status), media_state(media.status_4k)
    return Found(
        kind=title.kind,
        tmdb_id=title.tmdb_id,
        title=title.title,
        original_title=original_title,
        year=title.year,
        summary=about.overview,
        poster=poster_link(ctx, title.poster),
        backdrop=backdrop_link(ctx, title.backdrop),
        popularity=about.popularity,
        rating=about.rating,
        state=state,
        state_4k=state_4k,
        requests=[_mark(who, row) for row in rows],
        requestable=_may(who, title.kind, state, rows, is4k=False),
        requestable_4k=_may(who, title.kind, state_4k, rows, is4k=True),
        href=href_of(who.about, title.kind, title.tmdb_id),
    )


def _may(who: Reader, kind: str, state: MediaState, rows: Sequence[Row], *, is4k: bool) -> bool:
    """Whether asking would make sense: of a series something may be left although some was asked for."""
    if state in _NEVER or not who.may(kind, is4k=is4k):
        return False
    if kind == "tv":
        return True
    return state in _FREE and not any(row.is4k == is4k and row.state.is_open for row in rows)


def _details(
    ctx: Ctx,
    who: Reader,
    found: answers.Movie | answers.Series,
    title: Title,
    rows: Sequence[Row],
    minutes: int | None,
    seasons: list[Season],
) -> Details:
    numbers = {
        "tmdb": str(found.id),
        "imdb": found.numbers.imdb,
        "tvdb": found.numbers.tvdb and str(found.numbers.tvdb),
    }
    trailers = [
        Trailer(title=one.name or title.title, href=f"https://www.youtube.com/watch?v={one.key}")
        for one in found.videos
        if one.is_trailer
    ]
    shown = _found(ctx, who, title, found, found.original_title, found.media, rows)
    if title.kind == "tv":
        shown = _left(shown, seasons)
    return Details(
        **dict(shown),
        genres=[one.name for one in found.genres if one.name],
        runtime_minutes=minutes or None,
        cast=[one.name for one in found.credits.cast if one.name][:_MOST_ACTORS],
        trailers=trailers[:_MOST_TRAILERS],
        seasons=seasons,
        seasons_apart=who.about.partial_requests,
        external_ids={name: number for name, number in numbers.items() if number},
        you=who.you,
    )


def _seasons(who: Reader, found: answers.Series, rows: Sequence[Row]) -> list[Season]:
    media = {one.number: one for one in (found.media.seasons or [])} if found.media is not None else {}
    made = []
    for one in found.seasons:
        known = media.get(one.number)
        state = media_state(known.status if known is not None else None)
        state_4k = media_state(known.status_4k if known is not None else None)
        asked = [row for row in rows if one.number in row.seasons]
        possible = one.number > 0 or who.about.specials
        made.append(
            Season(
                number=one.number,
                title=one.name,
                episodes=one.episodes,
                year=one.aired,
                state=state,
                state_4k=state_4k,
                requests=[_mark(who, row) for row in asked],
                requestable=possible and _season_is_free(who, state, asked, is4k=False),
                requestable_4k=possible and _season_is_free(who, state_4k, asked, is4k=True),
            )
        )
    return made


def _season_is_free(who: Reader, state: MediaState, rows: Sequence[Row], *, is4k: bool) -> bool:
    return state in _FREE and not _taken(rows, is4k=is4k) and who.may("tv", is4k=is4k)


def _taken(asked: Sequence[Row | Mark], *, is4k: bool) -> bool:
    return any(one.is4k == is4k and one.state not in _OVER for one in asked)
