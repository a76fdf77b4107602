"""`serve` and `worker`: choose the process to run and refuse to begin what cannot work; heavy parts load only if run."""

from __future__ import annotations

import os

import click

from medianest_hub.cli.options import with_settings
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.lazy_imports import import_without
from medianest_hub.settings import LoadedSettings


@click.command()
@click.option(
    "--role", type=click.Choice(["all", "web"]), default="all", help="`web`: only the web process (production)."
)
@with_settings
def serve(loaded: LoadedSettings, role: str) -> int:
    """Run the hub: PostgreSQL and Valkey where none are set, the web process and a worker, watched and restarted."""
    if role == "web":
        _check_role(loaded, "serve --role web")
        import_without("structlog", "rich")  # its coloured tracebacks: slow to load, and they would show secrets
        from medianest_hub.web.process import run as run_web

        return run_web(loaded)
    from medianest_hub.supervisor import run

    return run(loaded)


@click.command()
@with_settings
def worker(loaded: LoadedSettings) -> int:
    """Run one worker: jobs, periodic tasks and streams. As many may run as you like."""
    _check_role(loaded, "worker")
    import_without("structlog", "rich")
    from medianest_hub.jobs.process import run

    return run(loaded)


def _check_role(loaded: LoadedSettings, command: str) -> None:
    settings = loaded.settings
    needed = {
        "database.url": settings.database.url,
        "redis.url": settings.redis.url,
        "secret_key": settings.secret_key,
    }
    missing = [key for key, value in needed.items() if value is None]
    if missing:
        names = ", ".join(f"{key} (MEDIANEST_{key.replace('.', '__').upper()})" for key in missing)
        raise OperatorError(f"`medianest {command}` needs {names}; `medianest serve` alone brings its own")
    if "MEDIANEST_SUPERVISED" not in os.environ:
        _watch_over_loading(loaded, command.rsplit(maxsplit=1)[-1])


def _watch_over_loading(loaded: LoadedSettings, role: str) -> None:
    """Without a supervisor: a plugin left in the journal took the last start down, and is left out of this one."""
    from medianest_hub.infrastructure.data_dir import DataDir
    from medianest_hub.infrastructure.quarantine import (
        JOURNAL_VARIABLE,
        QUARANTINE_VARIABLE,
        JournalSlot,
        Quarantine,
    )

    data = DataDir(loaded.settings.data_dir)
    data.prepare()
    journal = JournalSlot(data.run, role).journal  # ours until this process ends
    if plugin := journal.blame(Quarantine(data.quarantine), f"{role} ended, or was ended, while importing it"):
        cure = f"after repairing it, run: medianest plugins enable {plugin}"
        click.echo(f"medianest: the plugin {plugin} took the last start down and is in quarantine; {cure}", err=True)
    os.environ[JOURNAL_VARIABLE] = str(journal.path)
    os.environ[QUARANTINE_VARIABLE] = str(data.quarantine)
