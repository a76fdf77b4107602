"""All routers of the core, and where each is mounted; declares no route itself.

They are imported when asked for: routers know the web's types, and mounting knows no router.
"""

from __future__ import annotations

from medianest_hub.web.mounting import CoreRoutes


def all_core_routes(*, local: bool = True) -> list[CoreRoutes]:
    """Every core router; `local`: whether people may sign in with a password of the hub's own."""
    return [*(_with_passwords() if local else ()), *_of_people(), *_of_the_hub()]


def _with_passwords() -> list[CoreRoutes]:
    from medianest_hub.web.routes import auth, invites, pages, passwords, providers, setup, users

    return [
        CoreRoutes("auth", auth.local_router),
        CoreRoutes("auth", providers.local_router),
        CoreRoutes("passwords", passwords.local_router),
        CoreRoutes("users", users.local_router),
        CoreRoutes("invites", invites.local_router),
        CoreRoutes("setup", setup.local_router),
        CoreRoutes("pages", pages.local_router, zone="static"),
    ]


def _of_people() -> list[CoreRoutes]:
    from medianest_hub.web.routes import api_keys, auth, invites, notices, permissions, providers, users

    return [
        CoreRoutes("auth", auth.router),
        CoreRoutes("auth", providers.router),
        CoreRoutes("auth", notices.router),
        CoreRoutes("users", users.router),
        CoreRoutes("permissions", permissions.router),
        CoreRoutes("invites", invites.router),
        CoreRoutes("api_keys", api_keys.router),
    ]


def _of_the_hub() -> list[CoreRoutes]:
    from medianest_hub.web.routes import (
        activity,
        audit,
        dashboard,
        health,
        hooks,
        images,
        jobs,
        media,
        metrics,
        notifications,
        pages,
        plugins,
        setup,
    )

    return [
        CoreRoutes("setup", setup.router),
        CoreRoutes("pages", pages.router, zone="static"),
        CoreRoutes("plugins", plugins.router),
        CoreRoutes("audit", audit.router),
        CoreRoutes("dashboard", dashboard.router),
        CoreRoutes("media", media.router),
        CoreRoutes("notifications", notifications.router),
        CoreRoutes("activity", activity.router),
        CoreRoutes("jobs", jobs.router),
        CoreRoutes("hooks", hooks.router),
        CoreRoutes("images", images.router, zone="images"),
        CoreRoutes("metrics", metrics.router, zone="static"),
        CoreRoutes("health", health.router, zone=None, always=frozenset({"/api/health/live", "/api/health/ready"})),
    ]
