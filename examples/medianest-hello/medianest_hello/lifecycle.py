"""Testing settings, starting, stopping."""

from __future__ import annotations

from medianest_hello import client
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import Context, Lifecycle, errors


async def check_settings(ctx: Context[HelloSettings]) -> None:
    """ "Test connection": a key without an address is a mistake, an address must answer and take the key."""
    if ctx.settings.api_key is not None and ctx.settings.service_url is None:
        raise errors.ConfigInvalid(
            "an API key is set, but no word service to use it with",
            fields=[errors.FieldProblem(field="service_url", code="missing", message="give the service's address")],
        )
    try:
        await client.kind_word(ctx)
    except (errors.UpstreamError, errors.Unavailable) as error:
        raise errors.NotReady(f"the word service does not answer as it should: {error.message}") from error


async def startup(ctx: Context[HelloSettings]) -> None:
    """Note when this process began; `ctx.state` is the place for what a start makes."""
    ctx.state["since"] = ctx.clock.now()
    ctx.log.info("guest book open", greeting=ctx.settings.greeting)


async def shutdown(ctx: Context[HelloSettings]) -> None:
    """Close what `startup` made; it also runs after a start that failed."""
    ctx.state.pop("since", None)


LIFECYCLE = Lifecycle(check_settings=check_settings, startup=startup, shutdown=shutdown, start_limit=10)
