"""`medianest hello …`: loaded only when somebody types it."""

from __future__ import annotations

import click


@click.group()
def hello() -> None:
    """The guest book's own commands."""


@hello.command()
@click.argument("name")
@click.option("--greeting", default="Hello", show_default=True, help="The word to begin with.")
def say(name: str, greeting: str) -> None:
    """Say hello to NAME, as an answer in the book would."""
    click.echo(f"{greeting}, {name}!")
