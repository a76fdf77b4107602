"""Calls made in somebody's name, and the reason where one is refused without any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from medianest_overseerr.client.refusals import ActingRefused, no_right
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.people.matching import not_matched, user_is_gone


@asynccontextmanager
async def acting(ctx: Ctx, account: Account) -> AsyncIterator[None]:
    """For `async with`, around calls with `user=account.user_id`.

    Whoever acts for a user that is not there (any more), or may not do that, gets the same bare 403 as with a wrong key.
    Raises `AuthFailed`, `Forbidden` (`overseerr_not_matched`, `overseerr_no_right`) for it.
    """
    try:
        yield
    except ActingRefused:
        asked = service(ctx)
        await asked.me()  # raises where it is the key
        if await asked.user(account.user_id) is None:
            await user_is_gone(ctx, account.user_id)
            raise not_matched() from None
        raise no_right() from None
