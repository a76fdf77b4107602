"""All routers of the core, and where each is mounted; declares no route itself."""

from __future__ import annotations

from medianest_hub.web.mounting import CoreRoutes


def all_core_routes(*, local: bool = True) -> list[CoreRoutes]:
    """Every core router; `local`: whether people may sign in with a password of the hub's own.

    Imported here and not above: routers know the web's types, and mounting knows no router.
    """
    from medianest_hub.web.routes import (
        api_keys,
        audit,
        auth,
        dashboard,
        health,
        hooks,
        images,
        invites,
        jobs,
        metrics,
        notices,
        pages,
        passwords,
        permissions,
        plugins,
        providers,
        setup,
        users,
    )

    return [
        CoreRoutes("auth", auth.router),
        *([CoreRoutes("auth", auth.local_router)] if local else []),
        *([CoreRoutes("passwords", passwords.local_router)] if local else []),
        CoreRoutes("users", users.router),
        *([CoreRoutes("users", users.local_router)] if local else []),
        CoreRoutes("permissions", permissions.router),
        CoreRoutes("invites", invites.router),
        *([CoreRoutes("invites", invites.local_router)] if local else []),
        CoreRoutes("auth", providers.router),
        *([CoreRoutes("auth", providers.local_router)] if local else []),
        CoreRoutes("auth", notices.router),
        CoreRoutes("api_keys", api_keys.router),
        CoreRoutes("setup", setup.router),
        *([CoreRoutes("setup", setup.local_router)] if local else []),
        CoreRoutes("pages", pages.router, zone="static"),
        *([CoreRoutes("pages", pages.local_router, zone="static")] if local else []),
        CoreRoutes("plugins", plugins.router),
        CoreRoutes("audit", audit.router),
        CoreRoutes("dashboard", dashboard.router),
        CoreRoutes("jobs", jobs.router),
        CoreRoutes("hooks", hooks.router),
        CoreRoutes("images", images.router, zone="images"),
        CoreRoutes("metrics", metrics.router, zone="static"),
        CoreRoutes("health", health.router, zone=None, always=frozenset({"/api/health/live", "/api/health/ready"})),
    ]
