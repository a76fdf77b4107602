"""What commands share: reading the settings, and ending with one clear line and exit code 2; starts nothing."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec

import click

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.exits import EXIT_OPERATOR, OperatorError
from medianest_hub.infrastructure.quarantine import QUARANTINE_VARIABLE
from medianest_hub.settings import LoadedSettings, SettingsError, load_settings

ParamsT = ParamSpec("ParamsT")


def with_settings(command: Callable[Concatenate[LoadedSettings, ParamsT], object]) -> Callable[ParamsT, None]:
    """Give a click command `--config` and the loaded settings as its first argument.

    Wrong settings, and an `OperatorError` out of the command, are printed and end with exit code 2. A number the
    command returns is the exit code.
    """

    @click.option("--config", metavar="FILE", help="Configuration file (else MEDIANEST_CONFIG, else ./medianest.toml).")
    @functools.wraps(command)
    def wrapped(*args: ParamsT.args, **kwargs: ParamsT.kwargs) -> None:
        config = kwargs.pop("config") or click.get_current_context().find_root().obj
        try:
            loaded = load_settings(Path(str(config)) if config else None, os.environ)
            # A plugin that takes its process down is left out of this one too, whatever the command imports.
            os.environ.setdefault(QUARANTINE_VARIABLE, str(DataDir(loaded.settings.data_dir).quarantine))
            code = command(loaded, *args, **kwargs)
        except SettingsError as error:
            fail(*error.problems)
        except OperatorError as error:
            fail(str(error))
        raise SystemExit(code if isinstance(code, int) else 0)

    return wrapped


def fail(*lines: str) -> NoReturn:
    """Print each line and end: the operator must act."""
    for line in lines:
        click.echo(f"medianest: {line}", err=True)
    raise SystemExit(EXIT_OPERATOR)
