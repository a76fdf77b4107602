"""`medianest users`: make people and see to their accounts, beside a running hub or without one. No password is an argument."""

from __future__ import annotations

import asyncio
import json
import secrets as random_secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from medianest_hub.accounts import Account, People, Sessions
from medianest_hub.accounts.password_rules import LONGEST_BYTES
from medianest_hub.cli.options import fail, with_settings
from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.embedded.services import services_for
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer, check, find_apps, migrate
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.settings import LoadedSettings

ResultT = TypeVar("ResultT")

_DATABASE_WAIT = 10.0
_ROLES = click.Choice([role.value for role in Role])
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; without it you are asked."
)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What these commands work with."""

    people: People
    sessions: Sessions


@click.group()
def users() -> None:
    """Create people and see to their accounts."""


@users.command()
@click.argument("name")
@click.option(
    "--role", type=_ROLES, default=Role.MEMBER.value, show_default=True, help="What they are to the household."
)
@click.option("--display-name", default="", help="How they are called, if not by their username.")
@_password_stdin
@with_settings
def create(loaded: LoadedSettings, name: str, role: str, display_name: str, password_stdin: bool) -> None:
    """Make somebody who signs in with a password."""
    password = _password(password_stdin)

    async def work(desk: _Desk) -> Person:
        return await desk.people.create(name, password, Role(role), display_name=display_name)

    person = _run(loaded, work)
    click.echo(f"{person.username} can sign in now, as {person.role.value}.")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@with_settings
def list_people(loaded: LoadedSettings, as_json: bool) -> None:
    """Show everybody: name, role, status, when last seen."""
    accounts = _run(loaded, _everybody)
    if as_json:
        click.echo(json.dumps([_as_json(account) for account in accounts], ensure_ascii=False, indent=2))
        return
    if not accounts:
        click.echo("Nobody yet. Make somebody with `medianest users create NAME --role admin`.")
        return
    width = max(len(account.username) for account in accounts)
    for account in accounts:
        seen = f"last seen {account.last_seen_at:%Y-%m-%d %H:%M} UTC" if account.last_seen_at else "never signed in"
        click.echo(f"{account.username:<{width}}  {account.role.value:<6}  {account.status:<8}  {seen}")


@users.command("set-password")
@click.argument("name")
@_password_stdin
@with_settings
def set_password(loaded: LoadedSettings, name: str, password_stdin: bool) -> None:
    """Give somebody a new password; every session of theirs ends."""
    password = _password(password_stdin)

    async def work(desk: _Desk) -> tuple[Person, int]:
        person = await _find(desk, name)
        await desk.people.set_password(person.id, password)
        return person, await desk.sessions.end_all(person.id, reason="password_changed")

    person, ended = _run(loaded, work)
    click.echo(f"{person.username} has a new password; {ended} session(s) ended.")


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=_ROLES)
@with_settings
def set_role(loaded: LoadedSettings, name: str, role: str) -> None:
    """Make somebody an admin, a member or a guest."""

    async def work(desk: _Desk) -> Person:
        person = await _find(desk, name)
        await desk.people.set_role(person.id, Role(role))
        return person

    click.echo(f"{_run(loaded, work).username} is {role} now.")


def _run(loaded: LoadedSettings, work: Callable[[_Desk], Awaitable[ResultT]]) -> ResultT:
    """Do `work` on the hub's database, embedded or not; ends the command with one line when that cannot be done."""
    embedded = loaded.settings.database.url is None

    async def within(found: LoadedSettings) -> ResultT:
        async with _desk(found, embedded=embedded) as desk:
            return await work(desk)

    try:
        with services_for(loaded) as found:
            return asyncio.run(within(found))
    except (HubError, DatabaseRefused, SchemaNewer, SchemaBehind) as error:
        fail(str(error))


@asynccontextmanager
async def _desk(loaded: LoadedSettings, *, embedded: bool) -> AsyncIterator[_Desk]:
    settings = loaded.settings
    if settings.database.url is None or settings.redis.url is None:
        raise OperatorError("database.url and redis.url must be set, or neither")
    url = settings.database.url.get_secret_value()
    if embedded:
        await migrate(url, settings.plugins.blocked)  # perhaps the hub never ran
    db = await _connect(url)
    try:
        await check(db, find_apps(settings.plugins.blocked)[:1])
        # Only to tell a running hub at once; without it the hub finds out within seconds.
        redis = RedisLink.open(settings.redis.url.get_secret_value(), worker=False)
        key = settings.secret_key.get_secret_value() if settings.secret_key else random_secrets.token_hex(32)
        people = People(db, redis, SecretBox([key]))  # nothing is sealed by these commands
        try:
            yield _Desk(people, Sessions(db, redis, RealtimeLog(db, redis)))
        finally:
            people.close()
            await redis.close()
    finally:
        await db.close()


async def _connect(url: str) -> Database:
    try:
        return await Database.connect(url, max_size=1, wait=_DATABASE_WAIT)
    except DatabaseAway as error:
        raise OperatorError(f"{error.message} Check database.url and that the server runs.") from error


async def _everybody(desk: _Desk) -> list[Account]:
    found: list[Account] = []
    while page := await desk.people.list(after=found[-1].username if found else "", limit=500):
        found += page
    return found


async def _find(desk: _Desk, name: str) -> Person:
    person = await desk.people.by_username(name)
    if person is None:
        raise OperatorError(f"nobody is named {name!r}; `medianest users list` shows everybody")
    return person


def _password(from_stdin: bool) -> str:
    """The new password, without the line break at its end."""
    if from_stdin:
        raw = sys.stdin.buffer.read(LONGEST_BYTES + 3)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            fail("the password on standard input is not UTF-8 text")
        return text.removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        fail("give the password on standard input with --password-stdin, or run this in a terminal to be asked")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _as_json(account: Account) -> dict[str, str | None]:
    return {
        "id": str(account.id),
        "username": account.username,
        "display_name": account.display_name,
        "role": account.role.value,
        "status": account.status,
        "created_at": account.created_at.isoformat(),
        "last_seen_at": account.last_seen_at.isoformat() if account.last_seen_at else None,
    }
