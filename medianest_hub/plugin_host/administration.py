"""What an admin may do to a plugin: switch it, restart it, see and change its settings. Says no where file or environment pin.

Knows no HTTP and no terminal: `web/routes/plugins.py` and `cli/plugins.py` both speak through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr, ValidationError

from medianest_hub.plugin_api.errors import BadInput, Conflict, FieldProblem
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.redaction import Redactor
from medianest_hub.plugin_host.settings import Resolved, resolve, secret_fields
from medianest_hub.plugin_host.trial import Trial
from medianest_hub.plugin_host.wanted import Wanted, WantedStore
from medianest_hub.settings import LoadedSettings, unknown_key_message

PINNED = "setting_pinned"


@dataclass(frozen=True, slots=True)
class SettingsView:
    """A plugin's settings as an admin may see them.

    `values`: each field's value in force; a secret is `{"set": bool}`. `pinned`: field to where it is pinned.
    `problems`: why the plugin cannot run with them, empty when it can.
    """

    model_schema: dict[str, Any]
    values: dict[str, Any]
    secrets: list[str]
    pinned: dict[str, str]
    problems: list[FieldProblem]
    generation: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change found valid, not yet kept. `secrets`: text to keep, None to remove; those not in it stay."""

    values: dict[str, Any]
    secrets: dict[str, str | None]
    settings: PluginSettings
    generation: int


class Administration:
    """Made per process; holds no state."""

    def __init__(self, loaded: LoadedSettings, wanted: WantedStore) -> None:
        self._loaded = loaded
        self._wanted = wanted

    def is_pinned(self, name: str) -> bool:
        """Whether file or environment decide if the plugin is on."""
        return self._loaded.pins_for(name).enabled is not None or name in self._loaded.settings.plugins.blocked

    async def set_enabled(self, name: str, enabled: bool, by: UUID | None = None) -> int:
        """Switch it; returns the new generation. Raises `Conflict` (`setting_pinned`)."""
        if name in self._loaded.settings.plugins.blocked:
            origin = self._origin("plugins.blocked")
            raise _pinned(f"{name} is blocked by plugins.blocked ({origin}); change it there and restart the hub.")
        if self.is_pinned(name):
            origin = self._origin(f"plugins.{name}.enabled")
            raise _pinned(f"Whether {name} is on is set by plugins.{name}.enabled ({origin}); change it there.")
        return await self._wanted.set_enabled(name, enabled, by)

    async def restart(self, name: str, by: UUID | None = None) -> int:
        """Start it anew everywhere; returns the new generation."""
        return await self._wanted.restart(name, by)

    async def view(self, plugin: LoadedPlugin) -> SettingsView:
        """The plugin's settings as they stand."""
        wanted = await self._wanted.get(plugin.name)
        resolved = self._resolve(plugin, wanted.settings, self._wanted.unseal(plugin.name, wanted))
        pinned = self.pinned_fields(plugin)
        schema = plugin.info.settings.model_json_schema()
        for name in pinned:
            schema.get("properties", {}).get(name, {})["readOnly"] = True
        return SettingsView(
            model_schema=schema,
            values=self._shown(plugin, wanted, resolved),
            secrets=sorted(secret_fields(plugin.info.settings)),
            pinned=pinned,
            problems=resolved.problems,
            generation=wanted.generation,
        )

    async def prepare(self, plugin: LoadedPlugin, given: Mapping[str, Any]) -> Change:
        """Check new settings without keeping them.

        A plain field left out goes back to its default; a secret left out stays, None clears it. Raises `BadInput` naming
        every bad field, `Conflict` (`setting_pinned`) for a pinned one that would change.
        """
        wanted = await self._wanted.get(plugin.name)
        held = self._wanted.unseal(plugin.name, wanted)
        model = plugin.info.settings
        problems = [
            FieldProblem(field=name, code="unknown_setting", message=unknown_key_message(name, set(model.model_fields)))
            for name in given
            if name not in model.model_fields
        ]
        known = {name: value for name, value in given.items() if name in model.model_fields}
        known, pinned = self._without_pinned(plugin, wanted, known)
        secrets: dict[str, str | None] = {}
        for name in sorted(secret_fields(model) & known.keys()):
            change = _secret_change(known[name])
            if change is _WRONG:
                problems.append(FieldProblem(field=name, code="secret_type", message=_SEND_TEXT))
            elif change is not _KEEP:
                secrets[name] = change
        values = {name: value for name, value in known.items() if name not in secret_fields(model)}
        clear = {name: value for name, value in {**held, **secrets}.items() if value is not None}
        resolved = self._resolve(plugin, values, clear)
        named = {problem.field for problem in problems}
        problems += [problem for problem in resolved.problems if problem.field not in named]
        if problems or resolved.settings is None:
            raise _bad(problems)
        if pinned is not None:
            raise pinned
        return Change(values, secrets, resolved.settings, wanted.generation)

    async def save(self, plugin: LoadedPlugin, change: Change, expected: int | None, by: UUID | None = None) -> int:
        """Keep it; returns the new generation. `Conflict` when they were changed since `expected`, or since `prepare`."""
        base = change.generation if expected is None else expected
        return await self._wanted.save_settings(plugin.name, change.values, change.secrets, expected=base, by=by)

    async def changed_fields(self, plugin: LoadedPlugin, change: Change) -> list[str]:
        """The names of the fields a change not yet kept would change; of secrets, those that were given or cleared."""
        kept = (await self._wanted.get(plugin.name)).settings
        plain = {name for name in {*kept, *change.values} if kept.get(name, ...) != change.values.get(name, ...)}
        return sorted({*plain, *change.secrets})

    async def resolved(self, plugin: LoadedPlugin) -> Resolved:
        """The settings in force."""
        wanted = await self._wanted.get(plugin.name)
        return self._resolve(plugin, wanted.settings, self._wanted.unseal(plugin.name, wanted))

    async def known_secrets(self, plugin: LoadedPlugin | None, name: str) -> set[str]:
        """Every secret of the plugin's settings in the clear, for taking them out of texts."""
        wanted = await self._wanted.get(name)
        found = set(self._wanted.unseal(name, wanted).values())
        pins = self._loaded.pins_for(name)
        secret = secret_fields(plugin.info.settings) if plugin else pins.fields.keys()
        return found | {str(value) for field, value in pins.fields.items() if field in secret}

    async def redacted(self, plugin: LoadedPlugin, tried: PluginSettings, trial: Trial) -> Trial:
        """The trial as it may be shown: the plugin's own words, without the secrets kept or tried."""
        secrets = await self.known_secrets(plugin, plugin.name)
        for name in secret_fields(plugin.info.settings):
            if isinstance(value := getattr(tried, name, None), SecretStr):
                secrets.add(value.get_secret_value())
        redactor = Redactor(secrets)
        fields = [field.model_copy(update={"message": redactor.text(field.message)}) for field in trial.fields]
        return Trial(trial.code, redactor.text(trial.message), fields)

    def pinned_fields(self, plugin: LoadedPlugin) -> dict[str, str]:
        """Field to where it is pinned (`env NAME`, `file PATH`)."""
        fields = self._loaded.pins_for(plugin.name).fields
        return {
            name: self._origin(f"plugins.{plugin.name}.{name}")
            for name in fields
            if name in plugin.info.settings.model_fields
        }

    def _resolve(self, plugin: LoadedPlugin, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Resolved:
        return resolve(plugin.info.settings, self._loaded.pins_for(plugin.name), values, secrets)

    def _shown(self, plugin: LoadedPlugin, wanted: Wanted, resolved: Resolved) -> dict[str, Any]:
        model, pins = plugin.info.settings, self._loaded.pins_for(plugin.name).fields
        if resolved.settings is not None:
            values = resolved.settings.model_dump(mode="json")
        else:
            defaults = {
                name: field.get_default(call_default_factory=True)
                for name, field in model.model_fields.items()
                if not field.is_required() and field.default_factory is None
            }
            known = {name: value for name, value in {**wanted.settings, **pins}.items() if name in model.model_fields}
            values = {**_as_json(model, defaults), **known}
        for name in secret_fields(model):
            default = model.model_fields[name].default
            values[name] = {
                "set": name in wanted.sealed or pins.get(name) not in (None, "") or isinstance(default, SecretStr)
            }
        return values

    def _without_pinned(
        self, plugin: LoadedPlugin, wanted: Wanted, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Conflict | None]:
        """What was given without the pinned fields, and the refusal if one of these is not as it is."""
        pinned = self.pinned_fields(plugin)
        touched = [name for name in given if name in pinned]
        if not touched:
            return dict(given), None
        free = {name: value for name, value in given.items() if name not in pinned}
        shown = self._shown(plugin, wanted, self._resolve(plugin, {}, {}))
        changed = [name for name in touched if given[name] != shown.get(name)]
        if changed:
            where = ", ".join(f"{name} ({pinned[name]})" for name in changed)
            problems = [
                FieldProblem(field=name, code=PINNED, message=f"set by {pinned[name]}; change it there")
                for name in changed
            ]
            return free, _pinned(f"Pinned outside the hub's own settings: {where}; change them there.", problems)
        return free, None

    def _origin(self, key: str) -> str:
        origins = self._loaded.origins
        found = origins.get(key) or next((origins[known] for known in origins if known.startswith(f"{key}.")), None)
        return found or "the configuration"


_KEEP, _WRONG = object(), object()
_SEND_TEXT = "send a text, null to clear it, or leave it out"


def _secret_change(value: Any) -> Any:
    """A text to keep, None to clear, `_KEEP` for what `GET` showed and a form sends back, or `_WRONG`."""
    if value is None or (isinstance(value, str) and value):
        return value
    if isinstance(value, dict) and set(value) == {"set"}:
        return _KEEP
    return _WRONG


def _as_json(model: type[PluginSettings], values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return model.model_construct(**values).model_dump(mode="json", include=set(values), warnings=False)
    except (ValidationError, TypeError, ValueError):
        return {}


def _pinned(message: str, problems: list[FieldProblem] | None = None) -> Conflict:
    return Conflict(message, code=PINNED, fields=problems or [])


def _bad(problems: list[FieldProblem]) -> BadInput:
    many = f"{len(problems)} of the settings" if len(problems) > 1 else "One of the settings"
    return BadInput(f"{many} cannot be used.", code="settings_invalid", fields=problems)
