"""All routers of the core, and where each is mounted; declares no route itself."""

from __future__ import annotations

from medianest_hub.web.mounting import CoreRoutes


def all_core_routes() -> list[CoreRoutes]:
    """Every core router. Imported here and not above: routers know the web's types, and mounting knows no router."""
    from medianest_hub.web.routes import auth, dashboard, health, jobs, metrics, plugins, setup

    return [
        CoreRoutes("auth", auth.router),
        CoreRoutes("setup", setup.router),
        CoreRoutes("plugins", plugins.router),
        CoreRoutes("dashboard", dashboard.router),
        CoreRoutes("jobs", jobs.router),
        CoreRoutes("metrics", metrics.router, zone=None),
        CoreRoutes("health", health.router, zone=None, always=frozenset({"/api/health/live", "/api/health/ready"})),
    ]
