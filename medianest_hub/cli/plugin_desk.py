"""What `medianest plugins` works with: the parts of one process, all plugins shut out but the one in question, none running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

from medianest_hub.audit import Detail, Target, by_operator
from medianest_hub.infrastructure.migrations import migrate
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_host.administration import Administration
from medianest_hub.plugin_host.applied import Applied, applied
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import discover
from medianest_hub.settings import LoadedSettings

_POLL = 0.05


class Desk:
    """Made by `open_desk`. `administration` keeps to the operator's own pins, not to our shutting out."""

    def __init__(self, parts: HubParts, loaded: LoadedSettings) -> None:
        self.parts = parts
        self.administration = Administration(loaded, parts.host.wanted)

    async def applied(self) -> dict[str, list[Applied]]:
        """What each process of the running hub made of each plugin."""
        return await applied(self.parts.db)

    async def wait_applied(self, name: str, generation: int, within: float) -> list[Applied] | None:
        """The processes once all have taken that generation over; None when they have not in time."""
        ends = asyncio.get_running_loop().time() + within
        while True:
            everywhere = (await self.applied()).get(name, [])
            if all(one.generation >= generation for one in everywhere):
                return everywhere
            if asyncio.get_running_loop().time() > ends:
                return None
            await asyncio.sleep(_POLL)

    async def shown(self, plugin: LoadedPlugin) -> dict[str, Any]:
        """The plugin's settings, secrets masked."""
        shown = asdict(await self.administration.view(plugin))
        shown["problems"] = [problem.model_dump() for problem in shown["problems"]]
        return shown

    async def stored(self, name: str) -> dict[str, Any]:
        """The plain fields somebody has set, as they were given."""
        return dict((await self.parts.host.wanted.get(name)).settings)

    async def change(self, plugin: LoadedPlugin, values: Mapping[str, Any], *, force: bool) -> None:
        """Test and keep new settings. `BadInput` with words when they cannot be used or do not pass."""
        change = await self.administration.prepare(plugin, values)
        if not force:
            trial = await self.parts.host.try_settings(plugin, change.settings)
            if not trial.passed:
                trial = await self.administration.redacted(plugin, change.settings, trial)
                raise BadInput(
                    f"they did not pass their test: {trial.message.rstrip(' .')} (--force keeps them all the same)",
                    fields=trial.fields,
                )
        fields = await self.administration.changed_fields(plugin, change)
        await self.administration.save(plugin, change, None)
        await self.tell("plugins.change_settings", plugin.name, fields=fields, forced=force)

    async def switch(self, name: str, *, enabled: bool) -> int:
        """Switch it; returns the new generation. `Conflict` where file or environment decide."""
        before = (await self.parts.host.wanted.get(name)).enabled
        generation = await self.administration.set_enabled(name, enabled)
        await self.tell("plugins.enable" if enabled else "plugins.disable", name, before=before, after=enabled)
        return generation

    async def tell(self, action: str, name: str, **details: Detail) -> None:
        """Write down what was done to a plugin."""
        await self.parts.audit.record(by_operator(action, Target("plugin", name), **details))


@asynccontextmanager
async def open_desk(loaded: LoadedSettings, only: str | None, *, embedded: bool) -> AsyncIterator[Desk]:
    """`loaded` has the addresses filled in. Only the plugin `only` is imported; an `embedded` database is migrated first."""
    settings = loaded.settings
    shut = {*settings.plugins.blocked, *(found.name for found in discover((), {}) if found.name != only)}
    if embedded and settings.database.url is not None:  # perhaps the hub never ran
        await migrate(settings.database.url.get_secret_value(), shut)
    narrowed = settings.plugins.model_copy(update={"blocked": sorted(shut)})
    alone = replace(loaded, settings=settings.model_copy(update={"plugins": narrowed}))
    parts = await HubParts.open(alone, "web")
    try:
        yield Desk(parts, loaded)
    finally:
        await parts.close()
