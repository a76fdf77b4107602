"""What one web process shares among its routes: settings, the plugins' declarations, and, once open, its parts and gate."""

from __future__ import annotations

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.settings import HubSettings, LoadedSettings
from medianest_hub.web.client_address import ClientAddresses
from medianest_hub.web.cookies import CookieRules
from medianest_hub.web.crowd import Crowd
from medianest_hub.web.gate import Gate
from medianest_hub.web.header_block import HeaderBlock
from medianest_hub.web.host_names import HostNames
from medianest_hub.web.openapi import OpenApiDocument
from medianest_hub.web.rate_limits import Zones
from medianest_hub.web.route_metrics import RequestCollector


class WebHub:
    """Made before the server listens, with a host whose plugins are loaded; `open` lets requests in."""

    def __init__(self, loaded: LoadedSettings, host: PluginHost) -> None:
        self.loaded = loaded
        self.host = host
        self.block = HeaderBlock(self.settings.server)
        self.addresses = ClientAddresses(self.settings.server.trusted_proxies)
        self.hosts = HostNames(self.settings.server)
        self.cookies = CookieRules(self.settings.server)
        self.crowd = Crowd(self.addresses.is_near)
        self.zones = Zones(self.settings.limits)
        self.requests = RequestCollector()
        self.openapi = OpenApiDocument((), self.settings.server.public_url)
        self.parts: HubParts | None = None
        self.gate: Gate | None = None

    @property
    def settings(self) -> HubSettings:
        """The core's settings."""
        return self.loaded.settings

    def open(self, parts: HubParts) -> None:
        """The parts are connected and the plugins are being run: from now on every route answers."""
        self.parts = parts
        self.gate = Gate(parts, self.addresses)

    def close(self) -> None:
        """The process (or the test) is done with it."""
        self.requests.close()
