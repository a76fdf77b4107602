"""A route as it is mounted: the declaration with everything resolved that its source leaves out. Holds no request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from medianest_hub.plugin_api.routes import Route
from medianest_hub.plugin_host.signatures import RouteModels, route_models
from medianest_hub.web.rate_limits import Zone


@dataclass(frozen=True)
class Mounted:
    """`source` is the plugin's or core router's name, `template` the whole path with `{names}`.

    `permission` is a full name, None on a public route. `zones` are counted in order. `always`: answers also while the
    hub is starting; its handler then gets None for the parts. `audited`: its calls are written to the audit log.
    `follows`: a core route's plugin, which is not there while that does not run.
    """

    route: Route
    source: str
    template: str
    permission: str | None
    zones: tuple[Zone, ...]
    plugin: str | None = None
    always: bool = False
    audited: bool = False
    follows: str | None = None

    @property
    def needs(self) -> str | None:
        """The plugin it is there with; None for a route that is always there."""
        return self.plugin or self.follows

    @property
    def name(self) -> str:
        """Unique among all routes; also the operation's id."""
        return f"{self.source}.{self.route.name}"

    @cached_property
    def models(self) -> RouteModels:
        """The handler's models, read from its annotations once."""
        return route_models(self.route.handler)
