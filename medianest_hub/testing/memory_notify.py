"""What a handler tells people, kept in memory under the rules of the real thing: kinds, parameters, once for each key."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from importlib_metadata import entry_points

from medianest_hub.plugin_api import NotificationKind, Queries
from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP
from medianest_hub.plugin_api.notifications import Params
from medianest_hub.plugin_host.notification_kinds import fill, telling


@dataclass(frozen=True, slots=True)
class Told:
    """What was told, and to whom: `kind` is the full name, `title` and `body` are the English words."""

    kind: str
    params: dict[str, str | int | float | bool]
    key: str
    person: UUID | None
    permission: str | None
    hidden_from: frozenset[UUID]
    href: str | None
    image: str | None
    at: datetime | None
    title: str
    body: str


class MemoryNotify:
    """Keeps what was told; `told` in order, without what was told before."""

    def __init__(self, plugin: str, kinds: Sequence[NotificationKind] | None = None) -> None:
        """`kinds`: those the plugin declares; by default asked of the installed plugin of that name."""
        self._plugin = plugin
        self._kinds = kinds
        self.told: list[Told] = []

    async def tell(
        self,
        kind: str | NotificationKind,
        params: Params,
        *,
        key: str,
        person: UUID | None = None,
        permission: str | None = None,
        hidden_from: Collection[UUID] = (),
        href: str | None = None,
        image: str | None = None,
        at: datetime | None = None,
        tx: Queries | None = None,
    ) -> None:
        """Keep it, unless it was told before. Raises `BadInput` as the hub does."""
        sound = telling(self._declared(), self._plugin, kind, params, key, href)
        if any((one.kind, one.key, one.person) == (sound.name, sound.key, person) for one in self.told):
            return
        words = fill(sound.kind, "en", sound.params)
        self.told.append(
            Told(
                *(sound.name, sound.params, key, person, permission, frozenset(hidden_from)),
                *(href, image, at, words.title, words.body),
            )
        )

    def _declared(self) -> Sequence[NotificationKind]:
        if self._kinds is None:
            (point,) = entry_points(group=PLUGINS_GROUP, name=self._plugin)
            self._kinds = importlib.import_module(point.module).hub_plugin().notifications
        return self._kinds
