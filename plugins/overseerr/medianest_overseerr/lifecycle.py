"""Testing settings, and asking for a new key. Nothing is held open between calls, and pages show what is kept at once."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, Lifecycle
from medianest_hub.plugin_api.errors import (
    AuthFailed,
    ConfigInvalid,
    FieldProblem,
    HubError,
    NotReady,
    Unavailable,
    UpstreamError,
)
from medianest_overseerr.client.refusals import SERVICE, Guarded, Refused
from medianest_overseerr.connection import ask_about, service
from medianest_overseerr.rights import Right, has
from medianest_overseerr.settings import OverseerrSettings


async def check_settings(ctx: Context[OverseerrSettings]) -> None:
    """ "Test connection": it answers, is one of the two, is set up, takes the key, and the key may do what is needed."""
    try:
        about, public = await ask_about(ctx)
        if not public.initialized:
            raise NotReady(f"{about.dialect.label} is not set up yet: open its own page and finish that first.")
        asked = service(ctx)
        owner = await asked.me()
        if not has(owner.permissions, Right.ADMIN):
            raise _weak()
        await asked.users(0, 1)
    except (Guarded, AuthFailed) as error:
        if isinstance(error, AuthFailed):
            raise
        problem = FieldProblem(field="url", code="protected", message=error.message)
        raise ConfigInvalid(error.message, fields=[problem]) from None
    except Refused:
        raise _weak() from None
    except (UpstreamError, Unavailable) as error:
        raise NotReady(error.message) from error


async def startup(ctx: Context[OverseerrSettings]) -> None:
    """In a worker, see whether the key holds: an admin is asked for another one. While Overseerr is away the worker goes on."""
    if ctx.process != "worker":
        return
    try:
        await service(ctx).me()
    except AuthFailed:
        raise
    except HubError as error:
        ctx.log.debug("overseerr_key_not_checked", reason=error.message)


def _weak() -> ConfigInvalid:
    words = (
        f"The user behind the API key may not do in {SERVICE} what the hub needs: it must be an admin there. Copy the key "
        "from the settings of its owner."
    )
    return ConfigInvalid(words, fields=[FieldProblem(field="api_key", code="weak", message=words)])


LIFECYCLE: Final = Lifecycle(check_settings=check_settings, startup=startup, start_limit=30.0)
