"""`medianest users`: make people and see to their accounts, beside a running hub or without one. No password is an argument."""

from __future__ import annotations

import json
import sys

import click

from medianest_hub.accounts import Account
from medianest_hub.accounts.password_links import HOURS
from medianest_hub.accounts.password_rules import LONGEST_BYTES
from medianest_hub.cli.options import fail, with_settings
from medianest_hub.cli.people_desk import Desk, at_desk
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.settings import HubSettings, LoadedSettings

_ROLES = click.Choice([role.value for role in Role])
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; without it you are asked."
)


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
    _refuse_without_local(loaded.settings)
    password = _password(password_stdin)

    async def work(desk: Desk) -> Person:
        made = await desk.people.create(name, password, Role(role), display_name=display_name)
        await desk.tell("users.make_person", made, role=role)
        return made

    person = at_desk(loaded, work)
    click.echo(f"{person.username} can sign in now, as {person.role.value}.")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@with_settings
def list_people(loaded: LoadedSettings, as_json: bool) -> None:
    """Show everybody: name, role, status, when last seen."""
    accounts = at_desk(loaded, _everybody)
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
    _refuse_without_local(loaded.settings)
    password = _password(password_stdin)

    async def work(desk: Desk) -> tuple[Person, int]:
        person = await desk.find(name)
        await desk.people.set_password(person.id, password)
        ended = await desk.sessions.end_all(person.id, reason="password_changed")
        await desk.tell("users.set_password", person, ended=ended)
        return person, ended

    person, ended = at_desk(loaded, work)
    click.echo(f"{person.username} has a new password; {ended} session(s) ended.")


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=_ROLES)
@with_settings
def set_role(loaded: LoadedSettings, name: str, role: str) -> None:
    """Make somebody an admin, a member or a guest."""

    async def work(desk: Desk) -> Person:
        person = await desk.find(name)
        await desk.people.set_role(person.id, Role(role))
        await desk.tell("users.change_person", person, before=person.role.value, role=role)
        return person

    click.echo(f"{at_desk(loaded, work).username} is {role} now.")


@users.command()
@click.argument("name")
@with_settings
def disable(loaded: LoadedSettings, name: str) -> None:
    """Let somebody in no more; their sessions and API keys end at once."""

    async def work(desk: Desk) -> Person:
        person = await desk.find(name)
        await desk.leaving.change(person.id, status="disabled")
        await desk.tell("users.change_person", person, status="disabled")
        return person

    click.echo(f"{at_desk(loaded, work).username} is disabled; every session and API key of theirs has ended.")


@users.command()
@click.argument("name")
@with_settings
def enable(loaded: LoadedSettings, name: str) -> None:
    """Let somebody in again, or for the first time."""

    async def work(desk: Desk) -> Person:
        person = await desk.find(name)
        await desk.leaving.change(person.id, status="active")
        await desk.tell("users.change_person", person, status="active")
        return person

    click.echo(f"{at_desk(loaded, work).username} is active now.")


@users.command("password-link")
@click.argument("name")
@with_settings
def password_link(loaded: LoadedSettings, name: str) -> None:
    """Print a link by which somebody sets a new password, good once."""
    _refuse_without_local(loaded.settings)

    async def work(desk: Desk) -> str:
        person = await desk.find(name)
        made = await desk.links.make(person.id, None)
        await desk.tell("users.make_password_link", person)
        return made.token

    token = at_desk(loaded, work)
    click.echo(f"{_base(loaded.settings)}/reset-password#{token}")
    click.echo(f"Whoever has this link sets the password; it is good once, within {HOURS} hours.", err=True)


@users.command("sessions-end")
@click.argument("name")
@with_settings
def sessions_end(loaded: LoadedSettings, name: str) -> None:
    """Sign somebody out everywhere; API keys are left alone."""

    async def work(desk: Desk) -> tuple[Person, int]:
        person = await desk.find(name)
        ended = await desk.sessions.end_all(person.id, reason="ended_by_admin")
        await desk.tell("users.end_sessions_of_person", person, ended=ended)
        return person, ended

    person, ended = at_desk(loaded, work)
    click.echo(f"{ended} session(s) of {person.username} ended.")


async def _everybody(desk: Desk) -> list[Account]:
    found: list[Account] = []
    while page := await desk.people.list(after=found[-1].username if found else "", limit=500):
        found += page
    return found


def _refuse_without_local(settings: HubSettings) -> None:
    if not settings.auth.local:
        fail("nobody signs in with a password while auth.local is off; switch it on first")


def _base(settings: HubSettings) -> str:
    """Where people reach this hub, as far as its settings say."""
    return settings.server.public_url or f"http://127.0.0.1:{settings.server.port}"


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
