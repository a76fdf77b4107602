"""`medianest secrets`: takes a new secret key into use. No key is an argument, and none is printed."""

from __future__ import annotations

import click

from medianest_hub.cli.options import with_settings
from medianest_hub.cli.people_desk import Desk, at_desk
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.jobs.resealing import Resealed, Resealing
from medianest_hub.settings import LoadedSettings


@click.group()
def secrets() -> None:
    """Take a new secret key into use."""


@secrets.command()
@click.option(
    "--forget-old", is_flag=True, help="Then leave older keys out of the hub's own key file: they may be known."
)
@with_settings
def rotate(loaded: LoadedSettings, forget_old: bool) -> None:
    """Seal everything anew under the key in use, so that older keys are needed no more.

    Where the hub keeps its key itself (`medianest serve` with its own database), it makes a new one first, for which the
    hub must be stopped. Safe to interrupt and to run again.
    """
    key_file = _own_key_file(loaded)
    if key_file is None and forget_old:
        raise OperatorError(
            "secret_key is yours to set: take the older keys out of it yourself, and leave --forget-old out"
        )
    if key_file is not None:
        _take_new_key(loaded, key_file)
    done = at_desk(loaded, _reseal)
    click.echo(f"{done.settings} setting(s) and {done.of_people} secret(s) of people were sealed anew.")
    if done.lost:
        click.echo(f"{done.lost} cannot be opened by any key there is; enter those settings again, or sign in again.")
    if key_file is None:
        click.echo("Once every process runs with the new key, older ones may leave secret_key.")
    elif forget_old:
        key_file.forget_older_keys()
        click.echo("Older keys are forgotten: everybody signs in again.")


async def _reseal(desk: Desk) -> Resealed:
    done = await Resealing(desk.db, desk.secrets).run()
    await desk.tell("secrets.rotate", settings=done.settings, of_people=done.of_people, lost=done.lost)
    return done


def _own_key_file(loaded: LoadedSettings) -> DataDir | None:
    """Where the hub keeps a key it made itself; None where the operator sets one. Raises `OperatorError` without any."""
    settings = loaded.settings
    if settings.secret_key is not None:
        return None
    if settings.database.url is not None:
        raise OperatorError(
            "secret_key is not set, so there is nothing to rotate; set the hub's keys, the new one first"
        )
    data = DataDir(settings.data_dir)
    if not data.secret_key.exists():
        raise OperatorError(f"there is no key in {data.path} yet; the hub makes one when it first runs")
    data.prepare()
    try:
        data.lock().release()
    except OperatorError:
        raise OperatorError("stop the hub first: while it runs it knows only the keys it was started with") from None
    return data


def _take_new_key(loaded: LoadedSettings, data: DataDir) -> None:
    """Put a new key first, unless an earlier rotation was interrupted: that one is finished instead."""

    async def unfinished(desk: Desk) -> bool:
        return await Resealing(desk.db, desk.secrets).stale() > 0

    if len(data.secret_keys()) > 1 and at_desk(loaded, unfinished):
        click.echo("An earlier rotation was interrupted; this finishes it, and makes no new key.")
        return
    data.add_secret_key()
    click.echo(f"A new key is in {data.secret_key}; put that file into your backup.")
