"""Plugins over HTTP, for admins: list, switch, restart, settings, diagnostics; `plugin_host.administration` decides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.quarantine import Quarantine
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.errors import BadInput, Conflict, FieldProblem, NotFound
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.plugin_host.administration import Administration, Change
from medianest_hub.plugin_host.applied import Applied, amiss_elsewhere, applied
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.diagnostics import Diagnostics, diagnose
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.plugin_host.trial import Trial
from medianest_hub.plugin_host.wanted import Wanted
from medianest_hub.web.auditing import note_for_audit

log = structlog.get_logger(__name__)

router = Router()


class PluginPath(BaseModel):
    """The part of a path that names a plugin."""

    name: str = Field(min_length=1, max_length=64)


class Enabled(BaseModel):
    """Whether it should run. `wanted` null: as soon as its settings are complete. `pinned`: file or environment decide."""

    wanted: bool | None
    pinned: bool


class InProcess(BaseModel):
    """What one process made of it."""

    process: UUID
    role: str
    host: str
    pid: int
    hub_version: str
    generation: int
    state: PluginState
    reason: str
    at: datetime


class PluginCard(BaseModel):
    """One discovered plugin; `processes` shows what each process made of it.

    `state` and `reason` are this process's own, unless it runs here and cannot run in another: then that one's, which
    `reason` names. What this process serves goes on meanwhile.
    """

    name: str
    title: str
    summary: str
    icon: str
    docs: str
    version: str
    distribution: str
    state: PluginState
    reason: str
    enabled: Enabled
    generation: int
    has_settings: bool
    processes: list[InProcess]


class SettingsAnswer(BaseModel):
    """A plugin's settings. `json_schema` is the form; a secret's value is only `{"set": bool}`.

    `pinned` maps a field to where it is set from outside; such a field cannot be changed here. `problems` says why the
    plugin cannot run with these settings.
    """

    plugin: str
    generation: int
    json_schema: dict[str, Any]
    values: dict[str, Any]
    secrets: list[str]
    pinned: dict[str, str]
    problems: list[FieldProblem]


class NewSettings(BaseModel):
    """All plain fields: one left out goes back to its default. A secret left out stays; null clears it.

    `generation`: the one the change is based on; another one meanwhile answers 409.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    values: dict[str, Any]
    generation: int | None = Field(default=None, ge=0)


class TriedSettings(BaseModel):
    """Settings to try; without `values` those in force are tried."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    values: dict[str, Any] | None = None


class TrialAnswer(BaseModel):
    """How "test connection" went. `code` tells the ways of failing apart: `not_ready`, `auth_failed`, `config_invalid` …"""

    passed: bool
    code: str
    message: str
    fields: list[FieldProblem]


class PutQuery(BaseModel):
    """`?force` keeps settings that did not pass their test."""

    force: Annotated[bool, BeforeValidator(lambda value: True if value == "" else value)] = False


@router.get("/api/v1/plugins", permission=ADMIN)
async def plugins(parts: HubParts, call: Call) -> Page[PluginCard]:
    """Every plugin that is installed, also broken and blocked ones."""
    everywhere = await applied(parts.db)
    wanted = await parts.host.wanted.all()
    return Page(
        items=[
            _card(parts, runtime, wanted.get(name, Wanted()), everywhere.get(name, []))
            for name, runtime in sorted(parts.host.runtimes.items())
        ]
    )


@router.post("/api/v1/plugins/{name}/enable", permission=ADMIN)
async def enable(parts: HubParts, call: Call[PluginPath]) -> PluginCard:
    """Switch it on everywhere. One in quarantine is let out, and loaded at the next start. 409 `setting_pinned`."""
    return await _switch(parts, call, enabled=True)


@router.post("/api/v1/plugins/{name}/disable", permission=ADMIN)
async def disable(parts: HubParts, call: Call[PluginPath]) -> PluginCard:
    """Switch it off everywhere, within two seconds; its data stays. 409 `setting_pinned`."""
    return await _switch(parts, call, enabled=False)


@router.post("/api/v1/plugins/{name}/restart", permission=ADMIN)
async def restart(parts: HubParts, call: Call[PluginPath]) -> PluginCard:
    """Start it anew everywhere, with the settings as they are."""
    runtime = _runtime(parts, call.path.name)
    await _administration(parts).restart(runtime.name, call.caller.id)
    log.info("plugin_restarted_by", plugin=runtime.name, person=str(call.caller.id))
    await parts.host.reconcile()
    return await _one_card(parts, runtime)


@router.get("/api/v1/plugins/{name}/settings", permission=ADMIN)
async def settings(parts: HubParts, call: Call[PluginPath]) -> SettingsAnswer:
    """Its settings and the form for them; secrets are never given out."""
    return await _settings_answer(parts, _loaded(parts, call.path.name))


@router.post("/api/v1/plugins/{name}/settings/test", permission=ADMIN, deadline=90)
async def try_settings(parts: HubParts, call: Call[PluginPath, Empty, TriedSettings]) -> TrialAnswer:
    """ "Test connection": try settings without keeping them. A failed test is a good answer with `passed: false`."""
    plugin = _loaded(parts, call.path.name)
    administration = _administration(parts)
    if call.body.values is None:
        resolved = await administration.resolved(plugin)
        if resolved.settings is None:
            return _trial_answer(Trial("incomplete", "Some settings are missing or wrong.", resolved.problems))
        tried = resolved.settings
    else:
        tried = (await _prepared(administration, plugin, call.body.values)).settings
    return _trial_answer(await administration.redacted(plugin, tried, await parts.host.try_settings(plugin, tried)))


@router.put("/api/v1/plugins/{name}/settings", permission=ADMIN, deadline=90)
async def change_settings(parts: HubParts, call: Call[PluginPath, PutQuery, NewSettings]) -> SettingsAnswer:
    """Change its settings, after testing them.

    400 names each field that is unknown or wrong, or says why the test failed (`?force` keeps them all the same);
    409 `setting_pinned` for a field set from outside; 409 `settings_changed` when somebody was faster (`generation`, or
    `If-Match`).
    """
    plugin = _loaded(parts, call.path.name)
    administration = _administration(parts)
    expected = _expected(call)
    change = await _prepared(administration, plugin, call.body.values)
    if expected is not None and expected != change.generation:
        raise Conflict("These settings were changed meanwhile; load them again.", code="settings_changed")
    if not call.query.force:
        trial = await parts.host.try_settings(plugin, change.settings)
        if not trial.passed:
            trial = await administration.redacted(plugin, change.settings, trial)
            raise BadInput(
                f"The settings did not pass their test: {trial.message.rstrip(' .')}. "
                "Send them with ?force to keep them all the same.",
                code="settings_test_failed",
                params={"reason": trial.code},
                fields=_under_values(trial.fields),
            )
    note_for_audit(fields=await administration.changed_fields(plugin, change), forced=call.query.force)
    generation = await administration.save(plugin, change, expected, call.caller.id)
    log.info("plugin_settings_changed_by", plugin=plugin.name, person=str(call.caller.id), generation=generation)
    await parts.host.reconcile()
    return await _settings_answer(parts, plugin)


@router.get("/api/v1/plugins/{name}/diagnostics", permission=ADMIN)
async def diagnostics(parts: HubParts, call: Call[PluginPath]) -> Diagnostics:
    """All there is to say about it, for a bug report: holds no secret."""
    runtime = _runtime(parts, call.path.name)
    report = await parts.health.report()
    checks = [check for check in report.checks if check.plugin == runtime.name]
    return await diagnose(parts.host, parts.db, _administration(parts), runtime, checks, parts.loaded)


async def _switch(parts: HubParts, call: Call[PluginPath], *, enabled: bool) -> PluginCard:
    runtime = _runtime(parts, call.path.name)
    before = await parts.host.wanted.get(runtime.name)
    note_for_audit(before=before.enabled, after=enabled)
    await _administration(parts).set_enabled(runtime.name, enabled, call.caller.id)
    if enabled:
        Quarantine(DataDir(parts.settings.data_dir).quarantine).remove(runtime.name)
    log.info("plugin_switched_by", plugin=runtime.name, enabled=enabled, person=str(call.caller.id))
    await parts.host.reconcile()
    return await _one_card(parts, runtime)


def _administration(parts: HubParts) -> Administration:
    return Administration(parts.loaded, parts.host.wanted)


def _runtime(parts: HubParts, name: str) -> PluginRuntime:
    runtime = parts.host.runtimes.get(name)
    if runtime is None:
        raise NotFound(f"No plugin called {name} is installed.", code="unknown_plugin")
    return runtime


def _loaded(parts: HubParts, name: str) -> LoadedPlugin:
    runtime = _runtime(parts, name)
    if runtime.plugin is None:
        raise Conflict(f"The plugin {name} could not be loaded: {runtime.reason}", code="plugin_not_loaded")
    return runtime.plugin


async def _prepared(administration: Administration, plugin: LoadedPlugin, values: dict[str, Any]) -> Change:
    try:
        return await administration.prepare(plugin, values)
    except (BadInput, Conflict) as error:
        error.fields = _under_values(error.fields)
        raise


def _under_values(fields: list[FieldProblem]) -> list[FieldProblem]:
    return [field.model_copy(update={"field": f"body.values.{field.field}"}) for field in fields]


def _expected(call: Call[Any, Any, NewSettings]) -> int | None:
    """The generation the caller based the change on: from `If-Match`, else from the body."""
    text = call.request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if text in ("", "*"):
        return call.body.generation
    if not text.isdecimal() or len(text) > 18:
        raise BadInput('If-Match must hold a generation, such as "3".', code="bad_if_match")
    return int(text)


def _trial_answer(trial: Trial) -> TrialAnswer:
    return TrialAnswer(passed=trial.passed, code=trial.code, message=trial.message, fields=_under_values(trial.fields))


async def _settings_answer(parts: HubParts, plugin: LoadedPlugin) -> SettingsAnswer:
    view = await _administration(parts).view(plugin)
    return SettingsAnswer(
        plugin=plugin.name,
        generation=view.generation,
        json_schema=view.model_schema,
        values=view.values,
        secrets=view.secrets,
        pinned=view.pinned,
        problems=view.problems,
    )


async def _one_card(parts: HubParts, runtime: PluginRuntime) -> PluginCard:
    wanted = await parts.host.wanted.get(runtime.name)
    return _card(parts, runtime, wanted, (await applied(parts.db)).get(runtime.name, []))


def _card(parts: HubParts, runtime: PluginRuntime, wanted: Wanted, everywhere: list[Applied]) -> PluginCard:
    outcome = parts.host.outcome(runtime.name)
    info = runtime.plugin.info if runtime.plugin else None
    pinned = parts.loaded.pins_for(runtime.name).enabled
    blocked = runtime.state is PluginState.BLOCKED
    there = amiss_elsewhere(runtime, everywhere)
    return PluginCard(
        name=runtime.name,
        title=info.title if info else runtime.name,
        summary=info.summary if info else "",
        icon=info.icon if info else "puzzle",
        docs=info.docs if info else "",
        version=outcome.found.version if outcome else "",
        distribution=outcome.found.distribution if outcome else "",
        state=runtime.state if there is None else PluginState(there.state),
        reason=runtime.reason if there is None else there.words,
        enabled=Enabled(
            wanted=False if blocked else wanted.enabled if pinned is None else pinned,
            pinned=blocked or pinned is not None,
        ),
        generation=wanted.generation,
        has_settings=bool(info and info.settings.model_fields),
        processes=[
            InProcess(
                process=one.process,
                role=one.role,
                host=one.host,
                pid=one.pid,
                hub_version=one.version,
                generation=one.generation,
                state=PluginState(one.state),
                reason=one.reason,
                at=one.at,
            )
            for one in everywhere
        ],
    )
