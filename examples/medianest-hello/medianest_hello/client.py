"""Speaks to the word service, and nothing else in this plugin does.

The service answers `GET /word` with `{"word": "…"}` and wants its key in `X-Api-Key`. The hub's HTTP client brings the
deadline, the cap, the breaker and the retries; a 401 or 403 becomes `AuthFailed`, an unexpected shape `UpstreamError`.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import Context

SERVICE = "word service"


class Word(BaseModel):
    """The service's answer."""

    word: str = Field(min_length=1, max_length=100)


async def kind_word(ctx: Context[HelloSettings]) -> str | None:
    """A kind word, or None when no service is set."""
    if ctx.settings.service_url is None:
        return None
    key = ctx.settings.api_key
    answer = await ctx.http.request(
        "GET",
        f"{str(ctx.settings.service_url).rstrip('/')}/word",
        service=SERVICE,
        headers={"X-Api-Key": key.get_secret_value()} if key else None,
        deadline=2.0,
        cap=64 * 1024,
    )
    return answer.parse(Word).word
