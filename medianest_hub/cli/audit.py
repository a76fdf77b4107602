"""`medianest audit`: read the audit log beside a running hub or without one; changes nothing in it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import click

from medianest_hub.audit import Audit, AuditEntry, Filter, by_operator
from medianest_hub.audit.entry import Result
from medianest_hub.audit.formats import Format, lines
from medianest_hub.cli.options import fail, with_settings
from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.embedded.services import services_for
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer, check, find_apps, migrate
from medianest_hub.settings import LoadedSettings

_DATABASE_WAIT = 10.0

_action = click.option("--action", default="", help="Only actions that begin with this, such as `auth.login`.")
_result = click.option("--result", type=click.Choice(["ok", "refused", "failed"]), help="Only these.")
_since = click.option("--since", metavar="TIME", help="Not before this time (2026-11-22, 2026-11-22T10:00:00+01:00).")
_until = click.option("--until", metavar="TIME", help="Before this time.")


@click.group()
def audit() -> None:
    """Read the audit log, or take it away whole."""


@audit.command()
@click.option(
    "--format", "form", type=click.Choice(["ndjson", "csv"]), default="ndjson", show_default=True, help="As what."
)
@_action
@_result
@_since
@_until
@with_settings
def export(
    loaded: LoadedSettings, form: Format, action: str, result: Result | None, since: str | None, until: str | None
) -> None:
    """Write all entries that fit to standard output, newest first; that this was done is itself written down."""
    wanted = Filter(action=action, result=result, since=_time(since), until=_time(until))

    async def work(log: Audit) -> None:
        await log.record(by_operator("audit.export_entries", format=form))
        async for piece in lines(log.export(wanted), form):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()

    _run(loaded, work)


@audit.command()
@click.option("-n", "--lines", "count", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@_action
@_result
@_since
@_until
@with_settings
def tail(
    loaded: LoadedSettings, count: int, action: str, result: Result | None, since: str | None, until: str | None
) -> None:
    """Show the latest entries, one a line, the newest last."""
    wanted = Filter(action=action, result=result, since=_time(since), until=_time(until))

    async def work(log: Audit) -> None:
        for entry in reversed(await log.list(wanted, limit=count)):
            click.echo(_line(entry))

    _run(loaded, work)


def _line(entry: AuditEntry) -> str:
    actor = " ".join(part for part in (entry.actor_kind, entry.actor_name) if part)
    target = " ".join(part for part in (entry.target_kind, entry.target_name or entry.target_id) if part)
    outcome = f"{entry.result} {entry.code}".strip()
    words = " ".join(f"{name}={value}" for name, value in entry.details.items())
    parts = (f"{entry.at:%Y-%m-%d %H:%M:%S}Z", entry.action, actor, target, entry.address, outcome, words)
    return "  ".join(part for part in parts if part)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time; write for example 2026-11-22 or 2026-11-22T10:00:00+01:00")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _run(loaded: LoadedSettings, work: Callable[[Audit], Awaitable[None]]) -> None:
    """Do `work` on the hub's log, embedded or not; ends the command with one line when that cannot be done."""
    configure_logs("error", "auto")
    embedded = loaded.settings.database.url is None

    async def within(found: LoadedSettings) -> None:
        url = found.settings.database.url
        if url is None:
            raise OperatorError("database.url is not set")
        if embedded:
            await migrate(url.get_secret_value(), found.settings.plugins.blocked)  # perhaps the hub never ran
        db = await Database.connect(url.get_secret_value(), max_size=1, wait=_DATABASE_WAIT)
        try:
            await check(db, find_apps(found.settings.plugins.blocked)[:1])
            log = Audit(db)
            await work(log)
            await log.close()
        finally:
            await db.close()

    try:
        with services_for(loaded) as found:
            asyncio.run(within(found))
    except (DatabaseAway, DatabaseRefused, SchemaNewer, SchemaBehind) as error:
        fail(str(error))
