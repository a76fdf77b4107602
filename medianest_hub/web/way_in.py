"""Refuses to start where no admin could sign in; lets nobody in itself."""

from __future__ import annotations

from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.jobs.assembly import HubParts


async def require_way_in(parts: HubParts) -> None:
    """Raises `OperatorError` where passwords are no way in and no active admin has linked another one that is there."""
    if parts.settings.auth.local or await parts.identities.let_an_admin_in(parts.providers.all()):
        return
    raise OperatorError(
        "auth.local is off, but no active admin could sign in any other way; set auth.local = true, sign in as an admin, "
        "link an account of an outside provider on the page /account, and only then switch auth.local off"
    )
