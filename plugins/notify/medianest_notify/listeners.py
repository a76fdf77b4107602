"""What is done here when something happened elsewhere in the hub."""

from __future__ import annotations

from medianest_hub.plugin_api import Context, Event, PersonRemoved, listener
from medianest_notify.settings import NotifySettings


@listener(PersonRemoved)
async def person_removed(ctx: Context[NotifySettings], event: Event[PersonRemoved]) -> None:
    """Forget their addresses, devices and what was on its way. Their secrets the hub has removed with the account."""
    if event.person is None:
        return
    async with ctx.db.transaction() as tx:
        for table in ("outgoing", "address", "device"):
            await tx.execute(
                f"DELETE FROM plugin_notify.{table} WHERE instance = $1 AND person_id = $2",  # nosec B608 # noqa: S608 - constants of ours
                *(ctx.instance, event.person),
            )
