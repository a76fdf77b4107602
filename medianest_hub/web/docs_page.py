"""`/api/openapi.json` and the page that shows it, `/api/docs`: static files of our own, nothing from elsewhere."""

from __future__ import annotations

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.web.answers import ready
from medianest_hub.web.hub import WebHub
from medianest_hub.web.mounting import CoreRoutes
from medianest_hub.web.pages import asset, page


def docs_routes(hub: WebHub) -> CoreRoutes:
    """The routes, for a hub whose routes are being mounted; counted in the zone `static`."""
    router = Router()
    pages = _Pages(hub)
    router.get("/api/openapi.json", public=True)(pages.openapi)
    router.get("/api/docs", public=True)(pages.page)
    router.get("/api/docs/docs.css", public=True)(pages.style)
    router.get("/api/docs/docs.js", public=True)(pages.script)
    return CoreRoutes("docs", router, zone="static")


class _Pages:
    """The handlers, which know the hub whose routes they show."""

    def __init__(self, hub: WebHub) -> None:
        self._hub = hub
        hub.host.subscribe(self._state_changed)

    async def openapi(self, parts: HubParts, call: Call) -> StreamAnswer:
        """The OpenAPI 3.1 document of every route that can be called now."""
        hidden = [name for name, runtime in self._hub.host.runtimes.items() if runtime.state.is_hidden]
        document = await self._hub.openapi.get(self._hub.host.plugins, hidden)
        return ready(document.content, "application/json", etag=document.etag)

    async def page(self, parts: HubParts, call: Call) -> StreamAnswer:
        """A page for people that shows the document."""
        return page("docs", call.request.public_url)

    async def style(self, parts: HubParts, call: Call) -> StreamAnswer:
        """Its style."""
        return asset("docs.css")

    async def script(self, parts: HubParts, call: Call) -> StreamAnswer:
        """Its script."""
        return asset("docs.js")

    def _state_changed(self, runtime: PluginRuntime, before: PluginState, after: PluginState) -> None:
        if before.is_hidden != after.is_hidden:
            self._hub.openapi.forget()
