"""`medianest migrate [--check]`: brings the schema of core and plugins up to date; the only command that does."""

from __future__ import annotations

import click

from medianest_hub.cli.options import with_settings
from medianest_hub.settings import LoadedSettings


@click.command()
@click.option("--check", is_flag=True, help="Only list what is pending: exit code 0 nothing, 75 something.")
@with_settings
def migrate(loaded: LoadedSettings, check: bool) -> int:
    """Bring the database's schema up to this program; a plugin whose migration fails is left out, with words.

    Works on the database of `database.url`, or on the embedded one, also while the hub runs.
    """
    from medianest_hub.infrastructure.migrations import run

    if loaded.settings.database.url is not None:
        return run(loaded, check_only=check)
    from medianest_hub.infrastructure.embedded import services_for

    with services_for(loaded) as reached:
        return run(reached, check_only=check)
