"""The client of this context, and which of the two services answers it; decides nothing else."""

from __future__ import annotations

import re
from typing import Final

from pydantic import BaseModel

from medianest_hub.plugin_api import Context
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.installation import settle
from medianest_overseerr.settings import OverseerrSettings, web_address
from medianest_overseerr.states import Dialect

ABOUT_SECONDS: Final = 300.0
"""How long what the service says of itself is believed."""

Ctx = Context[OverseerrSettings]


class About(BaseModel):
    """What the service is and has switched on. `address` is where people open it, as far as it is known."""

    dialect: Dialect
    version: str
    address: str
    movie_4k: bool
    series_4k: bool
    partial_requests: bool
    specials: bool

    def has_4k(self, kind: str) -> bool:
        """Whether films (`movie`) or series (`tv`) can be had in 4K at all."""
        return self.movie_4k if kind == "movie" else self.series_4k


def service(ctx: Ctx) -> Overseerr:
    """The client; nothing is open between calls."""
    settings = ctx.settings
    return Overseerr(ctx.http, settings.url, settings.api_key.get_secret_value(), settings.tls)


def dialect_of(version: str, public: answers.Public) -> Dialect:
    """Which service it is: by what it tells of itself, for a version made by hand is `develop-local` in both."""
    if public.media_server is not None:
        return Dialect.SEERR
    major = re.match(r"v?(\d+)\.", version)
    return Dialect.SEERR if major is not None and int(major[1]) >= 2 else Dialect.OVERSEERR


def title_key(ctx: Ctx, kind: str, tmdb_id: int) -> str:
    """Under which what is known of a film (`movie`) or series (`tv`) is remembered for a while."""
    return f"{kind}:{tmdb_id}:{ctx.generation}"


async def ask_about(ctx: Ctx) -> tuple[About, answers.Public]:
    """What the service says of itself now. Raises as the client does."""
    asked = service(ctx)
    status, public = await asked.status(), await asked.public()
    about = About(
        dialect=dialect_of(status.version, public),
        version=status.version,
        address=ctx.settings.public_url or _usable(public.address),
        movie_4k=public.movie_4k,
        series_4k=public.series_4k,
        partial_requests=public.partial_requests,
        specials=public.specials,
    )
    return about, public


async def about(ctx: Ctx) -> About:
    """The same, as it was some minutes ago at most."""

    async def load() -> dict[str, object]:
        found, public = await ask_about(ctx)
        await settle(ctx, public)
        return found.model_dump(mode="json")

    return About.model_validate(await ctx.cache.remember(f"about:{ctx.generation}", ABOUT_SECONDS, load))


def href_of(found: About, kind: str, tmdb_id: int) -> str | None:
    """The page of a title in the service itself; None where nobody knows its address."""
    return f"{found.address}/{kind}/{tmdb_id}" if found.address else None


def _usable(address: str) -> str:
    """What is set at the service as its own address, empty where no link can be made of it: people write anything there."""
    try:
        return web_address(address)
    except ValueError:
        return ""
