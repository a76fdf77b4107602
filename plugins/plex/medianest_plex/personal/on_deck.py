"""What somebody could go on with, as Plex says to their own token; kept for some minutes, and shown older while Plex is off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final, Literal

from medianest_hub.plugin_api import Context, Person, Record
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.browsing.models import OnDeck, Started, WhyEmpty
from medianest_plex.browsing.rows import COLUMNS, fields, seen_sql
from medianest_plex.browsing.sight import Sight
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.personal.asking import NotLinked, NotShared, plex_of
from medianest_plex.servers import everywhere
from medianest_plex.settings import PlexSettings

KEPT_SECONDS: Final = 300.0
AGAIN_SECONDS: Final = 30.0
OLD_SECONDS: Final = 86_400.0
DEADLINE: Final = 6.0
MOST: Final = 50

Code = Literal["not_linked", "plex_refused", "plex_away"]
_NOT_SHARED: Final = "not_shared"
"""Of one server: somebody need not have access to all of them."""

_WORDS: Final[dict[Code, str]] = {
    "not_linked": "What to go on with is known to Plex alone. Add your Plex account under Account to see it here.",
    "plex_refused": "Plex does not let your account in any more. Sign in with Plex again.",
    "plex_away": "Plex does not answer just now. What is shown may be old.",
}
_ROWS: Final = f"""
    SELECT {COLUMNS}, {seen_sql("i", 3)} AS seen FROM plugin_plex.item i
     WHERE i.instance = $1 AND i.rating_key = ANY($2::bigint[]) AND i.section_key = ANY($4::integer[])
"""  # nosec B608 # noqa: S608 - every part is written here


async def on_deck(ctx: Context[PlexSettings], seen: Sight, person: Person) -> OnDeck:
    """In Plex's order, of what the person may see here; of several servers in turn. Never fails because of Plex."""
    if not seen.linked:
        return OnDeck(items=[], as_of=None, reason=_reason("not_linked"), freshness=seen.freshness)
    said = await asyncio.gather(*(_said(server, seen, person) for server in everywhere(ctx)))
    by_server = [
        await _started(server, seen, person, dict(one["entries"]))
        for server, one in zip(everywhere(ctx), said, strict=True)
    ]
    code = _code([one["code"] for one in said])
    asked = [one["at"] for one in said if one["code"] != _NOT_SHARED]
    return OnDeck(
        items=[one for turn in zip_longest(*by_server) for one in turn if one is not None][:MOST],
        as_of=min((datetime.fromisoformat(at) for at in asked if at), default=None),
        reason=_reason(code) if code else None,
        freshness=seen.freshness,
    )


async def _started(
    ctx: Context[PlexSettings], seen: Sight, person: Person, offsets: Mapping[int, int]
) -> list[Started]:
    rows: Sequence[Record] = []
    if offsets:
        rows = await ctx.db.fetch(_ROWS, ctx.instance, list(offsets), person.id, seen.keys(ctx.instance))
    by_key = {row["rating_key"]: row for row in rows}
    return [
        Started(**fields(ctx, seen, by_key[key]), seconds_seen=offset / 1000)
        for key, offset in offsets.items()
        if key in by_key
    ]


def _code(codes: Sequence[Code | str | None]) -> Code | None:
    """What to say of all servers together: that one is not shared with somebody is nothing to tell them, if another one is."""
    for code in ("not_linked", "plex_away", "plex_refused"):
        if code in codes:
            return code
    return "plex_refused" if all(code == _NOT_SHARED for code in codes) else None


async def _said(ctx: Context[PlexSettings], seen: Sight, person: Person) -> dict[str, Any]:
    """What the server said last, asked anew every few minutes. Kept are keys and how far one came, never a token."""
    of = f"{ctx.instance}:{person.id}:{seen.subject}"
    key, older = f"on_deck:{of}", f"on_deck_before:{of}"
    loaded: list[dict[str, Any]] = []

    async def load() -> dict[str, Any]:
        # Who listens knows that it is away: nobody need wait to find that out again.
        is_away = seen.servers[ctx.instance].is_away
        loaded.append(_failed("plex_away") if is_away else await _ask(ctx, seen))
        return loaded[0]

    said = await ctx.cache.remember(key, KEPT_SECONDS, load)
    if loaded and not said["code"]:
        await ctx.cache.set(older, said, OLD_SECONDS)
    elif loaded:
        await ctx.cache.set(key, said, AGAIN_SECONDS)  # a failure is not kept for as long
    if said["code"] == "plex_away" and (before := await ctx.cache.get(older)) is not None:
        return {**before, "code": said["code"]}
    return said


async def _ask(ctx: Context[PlexSettings], seen: Sight) -> dict[str, Any]:
    code: str
    account = await ctx.people.identity(seen.person_id)
    if account is None or account.subject != seen.subject:
        return _failed("not_linked")
    try:
        async with asyncio.timeout(DEADLINE):
            entries = await (await plex_of(ctx, seen.person_id, account)).on_deck(MOST)
    except NotLinked:
        code = "not_linked"
    except NotShared:
        code = _NOT_SHARED
    except TokenRefused:
        code = "plex_refused"
    except (HubError, TimeoutError):
        code = "plex_away"
    else:
        return {"at": ctx.clock.now().isoformat(), "entries": entries, "code": None}
    return _failed(code)


def _failed(code: str) -> dict[str, Any]:
    return {"at": None, "entries": [], "code": code}


def _reason(code: Code) -> WhyEmpty:
    return WhyEmpty(code=code, message=_WORDS[code])
