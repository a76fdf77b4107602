"""Under which names a tile is cached; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TileKey:
    """Which tile, and among whom it is shared (`scope`, `rights`: those of `Sharing`)."""

    plugin: str
    instance: str
    widget: str
    scope: str
    rights: str = ""

    @property
    def widget_id(self) -> str:
        """As people and events name the widget."""
        return f"{self.plugin}.{self.instance}.{self.widget}"

    @property
    def entry(self) -> str:
        """Holds the `Kept`."""
        return f"mn:tile:{self.plugin}:{self.instance}:{self.widget}:{self.scope}{self.rights}"

    @property
    def lock(self) -> str:
        """Held by the one process that loads."""
        return f"mn:tile-lock:{self.plugin}:{self.instance}:{self.widget}:{self.scope}{self.rights}"

    @property
    def versions(self) -> tuple[str, str]:
        """Names of the changes an answer may be older than."""
        return self.widget_version, self.scope_version

    @property
    def widget_version(self) -> str:
        """Names the last change of the widget for everybody."""
        return f"mn:tile-version:{self.plugin}:{self.instance}:{self.widget}"

    @property
    def scope_version(self) -> str:
        """Names the last change of this tile alone."""
        return f"{self.widget_version}:{self.scope}"
