"""Synthetic distributions, each with one fault, and healthy ones beside them: what a household may install."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP
from medianest_hub.testing.distributions import plugin_source, sql_migrations, write_distribution

_ROUTE = """
router = Router()

@router.get("/word", permission="hub.signed_in")
async def word(ctx: Context[PluginSettings], call: Call) -> Stat:
    return Stat(value="hello")

@hookimpl
def hub_routes():
    return router
"""

REFUSED: dict[str, tuple[str, str]] = {
    # name: (the plugin's module, words its reason must hold)
    "raises_at_import": ("raise RuntimeError('no luck at import')", "RuntimeError: no luck at import"),
    "exits_at_import": ("import sys; sys.exit(3)", "SystemExit"),
    "wrong_api_version": (
        plugin_source("@hookimpl\ndef hub_plugin():\n    return PluginInfo(title='x', api_version=99)"),
        "version 99 of the plugin contract",
    ),
    "no_card": ("from medianest_hub.plugin_api import hookimpl", "does not implement hub_plugin"),
    "garbage_card": (plugin_source("@hookimpl\ndef hub_plugin():\n    return 'me'"), "must return a PluginInfo"),
    "unknown_hook": (plugin_source("@hookimpl\ndef hub_nonsense():\n    return []"), "hub_nonsense"),
    "endless_webhook": (
        plugin_source(
            """
            from pydantic import BaseModel

            class Storm(BaseModel):
                level: int

            async def storm(ctx, payload):
                pass

            @hookimpl
            def hub_webhooks():
                return [Webhook("storm", storm, Storm, body_limit=2**40)]
            """
        ),
        "body_limit must be between",
    ),
    "shapeless_webhook": (
        plugin_source(
            """
            async def storm(ctx, payload):
                pass

            @hookimpl
            def hub_webhooks():
                return [Webhook("storm", storm, dict)]
            """
        ),
        "must be a Pydantic model",
    ),
    "plain_pictures": (
        plugin_source(
            "def fetch(ctx, ref, width, height): ...\n\n@hookimpl\ndef hub_images():\n    return [ImageSource('a', fetch)]"
        ),
        "image source a must be an `async def` function",
    ),
    "twin_pictures": (
        plugin_source(
            "async def fetch(ctx, ref, width, height): ...\n\n"
            "@hookimpl\ndef hub_images():\n    return [ImageSource('a', fetch), ImageSource('a', fetch)]"
        ),
        "two imagesources are called 'a'",
    ),
    "garbage_hook": (plugin_source("@hookimpl\ndef hub_tasks():\n    return [1, 2]"), "one is int"),
    "no_list": (plugin_source("@hookimpl\ndef hub_widgets():\n    return 7"), "must return a list of Widget"),
    "raising_hook": (plugin_source("@hookimpl\ndef hub_routes():\n    raise KeyError('router')"), "hub_routes raised"),
    "awaiting_hook": (plugin_source("@hookimpl\nasync def hub_routes():\n    return Router()"), "plain function"),
    "twin_routes": (
        plugin_source(f"{_ROUTE}\nrouter.get('/word', permission='hub.signed_in')(word)"),
        "route GET /word is declared twice",
    ),
    "open_route": (
        plugin_source(_ROUTE.replace('permission="hub.signed_in"', "")),
        "either a permission or public=True",
    ),
    "undeclared_permission": (
        plugin_source(_ROUTE.replace("hub.signed_in", "steal")),
        "permission 'steal' is not declared",
    ),
    "plain_handler": (plugin_source(_ROUTE.replace("async def", "def")), "must be an `async def` function"),
    "silent_answer": (plugin_source(_ROUTE.replace(" -> Stat", "")), "must be annotated with what it answers"),
    "hidden_secret": (
        plugin_source(
            """
            from pydantic import BaseModel, SecretStr

            class Inner(BaseModel):
                token: SecretStr

            class Settings(PluginSettings):
                inner: Inner

            @hookimpl
            def hub_plugin():
                return PluginInfo(title="x", api_version=1, settings=Settings)
            """
        ),
        "inner.token cannot be sealed",
    ),
}

_NEVER = "raise RuntimeError('this must not be imported')"
_START = """
import asyncio

async def unheeding(ends):
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            pass


async def startup(ctx: Context[PluginSettings]) -> None:
    {body}

@hookimpl
def hub_lifecycle():
    return Lifecycle(startup=startup, start_limit=0.5)
"""

UNSTARTED: dict[str, tuple[str, str, str]] = {
    # name: (what its start-up does, the state that comes of it, words its reason must hold)
    "raises_in_startup": ("raise ValueError('cannot start')", "failed", "ValueError: cannot start"),
    "hangs_in_startup": ("await asyncio.sleep(3600)", "retrying", "did not end within"),
    "not_ready": ("raise errors.NotReady('the service is not up')", "retrying", "the service is not up"),
    "auth_failed": ("raise errors.AuthFailed('the key is refused')", "needs_attention", "the key is refused"),
    "config_invalid": ("raise errors.ConfigInvalid('no such folder')", "failed", "no such folder"),
    "unheeding_startup": (
        # Longer than it may take and than anyone waits for it, and still the test's hub can stop.
        "await unheeding(asyncio.get_running_loop().time() + 4)",
        "retrying",
        "did not end within",
    ),
}

_HALF_MIGRATED = (
    "CREATE TABLE plugin_half_migrated.first (id int)",
    "CREATE TABLE plugin_half_migrated.second (id int); INSERT INTO plugin_half_migrated.second VALUES ('no number')",
)

_FOREIGN_APP = """
from pathlib import Path

from piccolo.conf.apps import AppConfig
from piccolo.table import Table


class Thief(Table, tablename="users", schema="medianest"):
    pass


APP_CONFIG = AppConfig(
    app_name="foreign_schema",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=[Thief],
)
"""


def write_refused(folder: Path) -> dict[str, str]:
    """Plugins the host must refuse; returns name to the words of the reason."""
    expected: dict[str, str] = {}
    for name, (source, words) in REFUSED.items():
        write_distribution(folder, name, source)
        expected[name] = words
    write_distribution(folder, "needs_newer_hub", _NEVER, requires=["medianest-hub>=99"])
    write_distribution(folder, "core_name", _NEVER, entry_points=_entry("jobs", "core_name"))
    write_distribution(folder, "odd_name", _NEVER, entry_points=_entry("Odd-Name", "odd_name"))
    write_distribution(folder, "lost_module", "", entry_points={PLUGINS_GROUP: {"lost_module": "nowhere.to_be_found"}})
    for owner in ("first_owner", "second_owner"):
        write_distribution(folder, owner, _NEVER, entry_points=_entry("claimed_twice", owner))
    return expected | {
        "needs_newer_hub": "it needs medianest-hub>=99",
        "jobs": "belongs to the hub itself",
        "Odd-Name": "is no plugin name",
        "lost_module": "ModuleNotFoundError",
        "claimed_twice": "synthetic-first-owner and synthetic-second-owner both claim",
    }


def write_badly_migrating(folder: Path) -> dict[str, str]:
    """Plugins whose tables cannot be made; returns name to the words of the reason."""
    source = plugin_source(_ROUTE)
    write_distribution(folder, "half_migrated", source, files=sql_migrations("half_migrated", *_HALF_MIGRATED))
    broken = {"piccolo_app.py": "raise RuntimeError('no tables today')"}
    write_distribution(folder, "broken_tables", source, files=broken)
    foreign = {**sql_migrations("foreign_schema"), "piccolo_app.py": _FOREIGN_APP}
    write_distribution(folder, "foreign_schema", source, files=foreign)
    return {
        "half_migrated": "migration half_migrated_2026_01_02t00_00_00_000000 failed, none of its changes were kept",
        "broken_tables": "no tables today",
        "foreign_schema": 'must be declared with schema="plugin_foreign_schema"',
    }


def write_unstarted(folder: Path) -> None:
    """Plugins that load, and do not get through their start-up."""
    for name, (body, _, _) in UNSTARTED.items():
        write_distribution(folder, name, plugin_source(_ROUTE + _START.format(body=body)))


def write_healthy(folder: Path, name: str = "healthy") -> None:
    """A plugin with nothing wrong, whose task and stream count in a table of its own."""
    source = plugin_source(_HEALTHY.replace("@NAME@", name))
    table = f"CREATE TABLE plugin_{name}.counts (what text PRIMARY KEY, count int NOT NULL)"
    write_distribution(folder, name, source, files=sql_migrations(name, table))


def _entry(name: str, package: str) -> dict[str, dict[str, str]]:
    return {PLUGINS_GROUP: {name: f"synthetic_{package}.plugin"}}


_HEALTHY = """
import asyncio
from datetime import timedelta

from pydantic import BaseModel


class Counts(BaseModel):
    counts: dict[str, int]


async def count(ctx, what):
    await ctx.db.execute(
        "INSERT INTO plugin_@NAME@.counts VALUES ($1, 1)"
        " ON CONFLICT (what) DO UPDATE SET count = counts.count + 1", what
    )


router = Router()


@router.get("/counts", permission="hub.signed_in")
async def counts(ctx: Context[PluginSettings], call: Call) -> Counts:
    rows = await ctx.db.fetch("SELECT what, count FROM plugin_@NAME@.counts")
    return Counts(counts={row["what"]: row["count"] for row in rows})


@router.post("/pushes", permission="hub.signed_in")
async def push(ctx: Context[PluginSettings], call: Call) -> None:
    await ctx.realtime.send("pushed", {"by": call.caller.username}, permission="hub.signed_in")


@task("tick", every=timedelta(seconds=1), retries=0)
async def tick(ctx: Context[PluginSettings], job: Job) -> None:
    await count(ctx, "ticks")


@stream("beat")
async def beat(ctx: Context[PluginSettings], lease: Lease) -> None:
    while True:
        await count(ctx, "beats")
        await asyncio.sleep(0.1)


@health_check("well", ttl=1)
async def well(ctx: Context[PluginSettings]) -> CheckResult:
    return CheckResult(detail="all is well")


@widget("sum", title="Sum of @NAME@", scope=EVERYONE, ttl=1)
async def total(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
    return Stat(value=await ctx.db.fetchval("SELECT coalesce(sum(count), 0) FROM plugin_@NAME@.counts"))


@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_tasks():
    return [tick]

@hookimpl
def hub_streams():
    return [beat]

@hookimpl
def hub_health_checks():
    return [well]

@hookimpl
def hub_widgets():
    return [total]

@hookimpl(optionalhook=True)
def hub_of_the_future():
    return []
"""
