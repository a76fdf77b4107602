"""`medianest plugins`: list, switch, set and check them, beside a running hub or without one; runs none but to check it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from medianest_hub.cli.options import fail, with_settings
from medianest_hub.cli.plugin_desk import Desk, open_desk
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import DatabaseRefused
from medianest_hub.infrastructure.embedded.services import services_for
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer
from medianest_hub.infrastructure.quarantine import Quarantine
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_host.applied import Applied
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import Found, discover
from medianest_hub.settings import LoadedSettings

ResultT = TypeVar("ResultT")

_EFFECT_SECONDS = 5.0
_NOT_RUNNING = "the hub is not running; it takes effect when it starts"


@click.group()
def plugins() -> None:
    """List, check, enable, disable and set plugins."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@with_settings
def list_plugins(loaded: LoadedSettings, as_json: bool) -> None:
    """Show every plugin that is installed, and what each process of the hub made of it."""
    found = _discovered(loaded)

    async def work(desk: Desk) -> dict[str, list[Applied]]:
        return await desk.applied()

    everywhere = _run(loaded, work)
    lines = [_line(one, everywhere.get(one.name, [])) for one in found]
    if as_json:
        click.echo(json.dumps(lines, indent=2))
        return
    if not lines:
        click.echo("No plugin is installed. Install one with pip, into the environment the hub runs in.")
    for line in lines:
        reason = f"  ({line['reason']})" if line["reason"] else ""
        click.echo(f"{line['name']:<16} {line['version']:<10} {line['state']}{reason}")


@plugins.command()
@click.argument("name")
@with_settings
def enable(loaded: LoadedSettings, name: str) -> None:
    """Switch a plugin on everywhere; one in quarantine is let out and loaded at the next start."""
    _known(loaded, name)
    released = Quarantine(DataDir(loaded.settings.data_dir).quarantine).remove(name)
    click.echo(_run(loaded, lambda desk: _switch(desk, name, enabled=True)))
    if released:
        click.echo(f"{name} is out of quarantine; restart the hub to load it.")


@plugins.command()
@click.argument("name")
@with_settings
def disable(loaded: LoadedSettings, name: str) -> None:
    """Switch a plugin off everywhere, without a restart; its data stays."""
    _known(loaded, name)
    click.echo(_run(loaded, lambda desk: _switch(desk, name, enabled=False)))


@plugins.command()
@click.argument("name")
@click.option("--set", "given", metavar="FIELD=VALUE", multiple=True, help="Set a field; VALUE is JSON or plain text.")
@click.option("--unset", metavar="FIELD", multiple=True, help="Back to the default; clears a secret.")
@click.option("--secret-stdin", metavar="FIELD", help="Set this secret to what standard input holds.")
@click.option("--force", is_flag=True, help="Keep them even if their test fails.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@with_settings
def settings(
    loaded: LoadedSettings,
    name: str,
    given: tuple[str, ...],
    unset: tuple[str, ...],
    secret_stdin: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show a plugin's settings, or test and change them. Secrets are never printed, and never given as an argument."""
    changes: dict[str, Any] = dict(_assignment(text) for text in given)
    secret = sys.stdin.read().rstrip("\r\n") if secret_stdin else None
    _known(loaded, name)

    async def work(desk: Desk) -> dict[str, Any]:
        plugin = desk.parts.host.plugins.get(name)
        if plugin is None:
            raise OperatorError(f"{name} is not loaded: {desk.parts.host.runtimes[name].reason}")
        if changes or unset or secret_stdin:
            plain = {
                field: value for field, value in {**await desk.stored(name), **changes}.items() if field not in unset
            }
            await desk.change(plugin, plain | _secrets(plugin, unset, secret_stdin, secret), force=force)
        return await desk.shown(plugin)

    shown = _run(loaded, work, only=name)
    if as_json:
        click.echo(json.dumps(shown, indent=2, default=str))
        return
    for field, value in shown["values"].items():
        note = f"  # {shown['pinned'][field]}" if field in shown["pinned"] else ""
        if field in shown["secrets"]:
            click.echo(f"{field} = ({'set' if value['set'] else 'not set'}){note}")
        else:
            click.echo(f"{field} = {json.dumps(value, ensure_ascii=False)}{note}")
    for problem in shown["problems"]:
        click.echo(f"medianest: {problem['field']}: {problem['message']}", err=True)


@plugins.command()
@click.argument("name")
@click.argument("hook", required=False)
@click.option("--off", is_flag=True, help="Remove the secret: there is no such webhook any more.")
@with_settings
def webhook(loaded: LoadedSettings, name: str, hook: str | None, off: bool) -> None:
    """Show a plugin's webhooks, or make the secret of HOOK and print it this once; the one before is good no longer."""
    from medianest_hub.cli.plugin_webhooks import WebhookDesk

    if off and hook is None:
        fail("--off: name the webhook")
    _known(loaded, name)

    async def work(desk: Desk) -> list[str]:
        webhooks = WebhookDesk(desk, name)
        if hook is None:
            return await webhooks.shown()
        return await (webhooks.remove(hook) if off else webhooks.make(hook))

    for line in _run(loaded, work, only=name) or [f"{name} has no webhooks"]:
        click.echo(line)


@plugins.command()
@click.argument("name")
@click.option(
    "--settings", "file", type=click.Path(exists=True, dir_okay=False), help="TOML with settings to start it with."
)
@click.option("--only-declarations", is_flag=True, help="Do not start it: needs no servers.")
@with_settings
def check(loaded: LoadedSettings, name: str, file: str | None, only_declarations: bool) -> int:
    """Hold an installed plugin against the rules every plugin keeps; 1 when it breaks one. Starts no hub of yours."""
    from medianest_hub.testing.conformance import check_plugin

    configure_logs("error", "auto")
    _known(loaded, name)
    report = check_plugin(name, Path(file) if file else None, start=not only_declarations)
    for finding in report.findings:
        click.echo(f"{finding.mark} {finding.rule}: {finding.words}")
    click.echo(f"{name}: {report.summary}")
    return 0 if report.passed else 1


def _line(found: Found, everywhere: list[Applied]) -> dict[str, Any]:
    states = {(one.role, one.state, one.reason) for one in everywhere}
    if found.blocked:
        state, reason = "blocked", "plugins.blocked"
    elif not everywhere:
        state, reason = ("failed" if found.problem else "unknown"), found.problem or "the hub is not running"
    elif len({state for _, state, _ in states}) == 1:
        state, reason = everywhere[0].state, everywhere[0].reason
    else:
        state = ", ".join(sorted(f"{role}: {state}" for role, state, _ in states))
        reason = next((reason for _, _, reason in states if reason), "")
    return {
        "name": found.name,
        "distribution": found.distribution,
        "version": found.version,
        "state": state,
        "reason": reason,
        "processes": [{"role": one.role, "state": one.state, "generation": one.generation} for one in everywhere],
    }


async def _switch(desk: Desk, name: str, *, enabled: bool) -> str:
    generation = await desk.switch(name, enabled=enabled)
    word = "enabled" if enabled else "disabled"
    processes = await desk.wait_applied(name, generation, _EFFECT_SECONDS)
    if processes is None:
        return f"{name} is {word}, but not every process has taken it over yet; look at `medianest plugins list`"
    if not processes:
        return f"{name} is {word}; {_NOT_RUNNING}"
    return f"{name} is {word} in {len(processes)} process(es)"


def _secrets(
    plugin: LoadedPlugin, unset: tuple[str, ...], secret_stdin: str | None, secret: str | None
) -> dict[str, str | None]:
    from medianest_hub.plugin_host.settings import secret_fields

    fields = secret_fields(plugin.info.settings)
    changed: dict[str, str | None] = {field: None for field in unset if field in fields}
    if secret_stdin:
        if secret_stdin not in fields:
            raise OperatorError(
                f"{secret_stdin} is no secret of {plugin.name}; give it with --set {secret_stdin}=VALUE"
            )
        if not secret:
            raise OperatorError("standard input holds no text; to clear a secret, use --unset")
        changed[secret_stdin] = secret
    return changed


def _assignment(text: str) -> tuple[str, Any]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        fail(f"--set {text}: write FIELD=VALUE")
    try:
        return field, json.loads(value)
    except json.JSONDecodeError:
        return field, value


def _discovered(loaded: LoadedSettings) -> list[Found]:
    quarantined = Quarantine(DataDir(loaded.settings.data_dir).quarantine).read()
    reasons = {name: str(entry.get("reason", "")) for name, entry in quarantined.items()}
    return discover(loaded.settings.plugins.blocked, reasons)


def _known(loaded: LoadedSettings, name: str) -> None:
    names = [found.name for found in _discovered(loaded)]
    if name not in names:
        fail(f"no plugin called {name} is installed; there are: {', '.join(names) or 'none'}")


def _run(loaded: LoadedSettings, work: Callable[[Desk], Awaitable[ResultT]], only: str | None = None) -> ResultT:
    """Do `work` on the hub's services, embedded or not; ends the command with one line when that cannot be done."""
    configure_logs("error", "auto")  # the result is the answer; what went on meanwhile is not

    async def within(found: LoadedSettings) -> ResultT:
        async with open_desk(found, only, embedded=loaded.settings.database.url is None) as desk:
            return await work(desk)

    try:
        with services_for(loaded) as found:
            return asyncio.run(within(found))
    except HubError as error:
        fail(error.message, *(f"  {problem.field}: {problem.message}" for problem in error.fields))
    except (DatabaseRefused, SchemaNewer, SchemaBehind) as error:
        fail(str(error))
