"""The `medianest` command: a table of subcommands, each imported only when called; does nothing itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from medianest_hub import __version__

COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": (
        "medianest_hub.cli.serve:serve",
        "Run the whole hub, with its own PostgreSQL and Valkey where none are set.",
    ),
    "worker": ("medianest_hub.cli.serve:worker", "Run a worker alone (production)."),
    "migrate": ("medianest_hub.cli.migrate:migrate", "Bring the database's schema up to this program."),
    "config": ("medianest_hub.cli.config:config", "Show or check the settings."),
    "users": ("medianest_hub.cli.users:users", "Create people and see to their accounts."),
    "audit": ("medianest_hub.cli.audit:audit", "Read the audit log, or take it away whole."),
    "secrets": ("medianest_hub.cli.secrets:secrets", "Take a new secret key into use."),
    "plugins": ("medianest_hub.cli.plugins:plugins", "List, check, enable, disable and set plugins."),
}
"""Name to `"module:attribute"` of a click command and the line the list of commands shows."""


class LazyGroup(click.Group):
    """A group whose commands are named in `COMMANDS`, and by plugins; both are imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours in the order of the table, then those of plugins."""
        from medianest_hub.cli.plugin_commands import plugin_commands

        return [*COMMANDS, *(name for name in plugin_commands() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give the command; our names cannot be taken over."""
        if cmd_name in COMMANDS:
            return _imported(COMMANDS[cmd_name][0])
        from medianest_hub.cli.plugin_commands import load_plugin_command

        return load_plugin_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table: showing the list imports no command."""
        from medianest_hub.cli.plugin_commands import plugin_commands

        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        others = [(name, f"From {source}.") for name, source in plugin_commands().items() if name not in COMMANDS]
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(others)


def _imported(place: str) -> click.Command:
    module, _, attribute = place.partition(":")
    command: Any = getattr(importlib.import_module(module), attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{place} is not a click command")
    return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="medianest")
@click.option("--config", metavar="FILE", help="Configuration file (else MEDIANEST_CONFIG, else ./medianest.toml).")
@click.pass_context
def main(ctx: click.Context, config: str | None) -> None:
    """MediaNest Hub: one safe door to a household's media services."""
    ctx.obj = config
