"""Every core setting, typed, in one tree, and `load_settings` that fills it; knows no plugin, opens no connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic import model_validator as _model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from medianest_hub.settings_hints import unknown_key_message
from medianest_hub.settings_sources import (
    EnvText,
    Layer,
    SettingsError,
    decode_env_text,
    environment_layer,
    file_layer,
)
from medianest_hub.settings_values import (
    Address,
    FullPath,
    HostName,
    Issuer,
    Network,
    Port,
    Rate,
    RateSetting,
    SecretKey,
    TimeOfDay,
    TimeZone,
    WebAddress,
    WebOrigin,
    url_of,
)

__all__ = [
    "EnvText",
    "HubSettings",
    "LoadedSettings",
    "PluginPins",
    "Rate",
    "SettingsError",
    "decode_env_text",
    "load_settings",
    "unknown_key_message",
]

_PLUGIN_KEYS = ("plugins.<name>.enabled", "plugins.<name>.<setting>")
_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Section(BaseModel):
    """A table of the tree: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(Section):
    """The web server: where it listens and by what address people reach it."""

    host: Address = "127.0.0.1"
    port: Port = 4000
    #: Decides links, whether cookies are `Secure` and the origin of live events; unset, each request's own address.
    public_url: WebAddress | None = None
    cors_origins: list[WebOrigin] = []
    #: Networks whose `X-Forwarded-*` headers are believed.
    trusted_proxies: list[Network] = []
    #: Names the hub answers to besides `public_url`'s, IP addresses and names of the home network; a leading dot means
    #: every name below.
    allowed_hosts: list[HostName] = []

    @property
    def base_path(self) -> str:
        """The path the hub is reached below, such as `/media`; mostly none."""
        return urlsplit(self.public_url or "").path.rstrip("/")


class DatabaseSettings(Section):
    """PostgreSQL; without `url` the embedded one is run. Pool sizes are connections per process."""

    url: Annotated[SecretStr, url_of("postgresql", "postgres")] | None = None
    pool_min: Annotated[int, Field(ge=1)] = 1
    pool_max: Annotated[int, Field(ge=1)] = 5

    @_model_validator(mode="after")
    def _ordered(self) -> DatabaseSettings:
        if self.pool_min > self.pool_max:
            raise ValueError("pool_min must not be greater than pool_max")
        return self


class RedisSettings(Section):
    """Redis or Valkey; without `url` the embedded one is run."""

    url: Annotated[SecretStr, url_of("redis", "rediss", "unix")] | None = None


class LimitSettings(Section):
    """How many requests one person, or one address when not signed in, may make."""

    api: RateSetting = Rate(100, 60)
    auth: RateSetting = Rate(5, 60)
    youtube: RateSetting = Rate(5, 3600)
    #: Test messages to people's own addresses and devices.
    notify: RateSetting = Rate(5, 3600)
    static: RateSetting = Rate(200, 60)
    images: RateSetting = Rate(1200, 60)
    #: Beginnings of a sign-in by an outside provider.
    sign_in: RateSetting = Rate(20, 60)
    #: What outside services tell the hub, counted by their address.
    webhooks: RateSetting = Rate(300, 60)


class LogSettings(Section):
    """What is logged and how; `auto` means colour lines on a terminal and JSON otherwise."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    format: Annotated[Literal["auto", "json", "console"], BeforeValidator(_lower)] = "auto"


class WorkerSettings(Section):
    """The worker: its own status address (health, metrics) and how many jobs it runs side by side."""

    host: Address = "127.0.0.1"
    port: Port = 4001
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 8


class MetricsSettings(Section):
    """`/metrics`; with `token` set, a bearer token is asked for, else only the home network is answered."""

    token: SecretStr | None = None


class DashboardSettings(Section):
    """The dashboard page; `budget_ms` is how long it waits for its slowest widget, in milliseconds."""

    budget_ms: Annotated[int, Field(ge=1, le=60_000)] = 800


class MediaSettings(Section):
    """The one search; `budget_ms` is how long it waits for its slowest source, in milliseconds."""

    budget_ms: Annotated[int, Field(ge=1, le=60_000)] = 3000


class OidcSettings(Section):
    """Signing in by an OpenID Connect provider; on as soon as `issuer` is set."""

    issuer: Issuer | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    #: What the button says.
    title: str = "Single sign-on"
    scopes: list[str] = ["openid", "profile", "email"]
    username_claim: str = "preferred_username"
    #: The claim whose values the three lists below turn into a role at each sign-in; without lists no role is mapped.
    role_claim: str = "groups"
    admin_values: list[str] = []
    member_values: list[str] = []
    guest_values: list[str] = []

    @_model_validator(mode="after")
    def _complete(self) -> OidcSettings:
        if self.issuer is not None and not self.client_id:
            raise ValueError("client_id must be set where issuer is")
        if "openid" not in self.scopes:
            raise ValueError('scopes must include "openid"')
        return self


class AuthSettings(Section):
    """Signing in; `access_token_minutes` is how long an access token is good."""

    access_token_minutes: Annotated[int, Field(ge=1, le=60 * 24)] = 15
    #: Whether usernames and passwords of the hub's own are a way in.
    local: bool = True
    #: Who may join by an outside provider without an account: nobody but the invited, whoever an admin approves, anybody
    #: the provider lets in.
    newcomers: Literal["invite-only", "approve", "auto"] = "invite-only"
    newcomer_role: Literal["member", "guest"] = "member"
    #: How often outside accounts are asked about again.
    recheck_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 6
    oidc: OidcSettings = OidcSettings()


class AuditSettings(Section):
    """The audit log; `retention_days` is how long its entries are kept."""

    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 365


class ImagesSettings(Section):
    """Pictures shown through the hub; `cache_mb` is how much disk each web process may keep them on."""

    cache_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 256


class RealtimeSettings(Section):
    """Live events; `retention_hours` is how long one that was missed can still be asked for."""

    retention_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 72


class NotificationSettings(Section):
    """What people are told; `language`, `time_zone` and `digest_at` (when what is gathered is sent) hold for whoever chose none.

    A digest of more than `digest_most` is sent sooner; more messages by one way than `per_hour` become a digest.
    """

    language: Literal["en", "de"] = "en"
    time_zone: TimeZone = "UTC"
    digest_at: TimeOfDay = "18:00"
    digest_most: Annotated[int, Field(ge=1, le=500)] = 20
    per_hour: Annotated[int, Field(ge=1, le=10_000)] = 30
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 90


class PluginTable(BaseModel):
    """One `[plugins.<name>]` table: `enabled` pins the switch; every other field is kept raw for the plugin's own model."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    enabled: bool | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The raw plugin fields; text from the environment is `EnvText`, to be read with `decode_env_text`."""
        return dict(self.__pydantic_extra__ or {})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # Raw fields may be secrets that only the plugin's model knows as such: a log line shows names alone.
        yield "enabled", self.enabled
        yield "given", sorted(self.__pydantic_extra__ or {})


class PluginsSettings(BaseModel):
    """`plugins.blocked` (names never imported) and a `PluginTable` for every other key."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, PluginTable]
    blocked: list[str] = []

    @property
    def tables(self) -> dict[str, PluginTable]:
        """Plugin name to its table."""
        return dict(self.__pydantic_extra__ or {})


_layers: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("settings_layers", default=())


class HubSettings(BaseSettings):
    """The whole tree. Made by `load_settings`; made directly, it holds its arguments and defaults and reads nothing."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    #: Seals secrets and signs tokens; older keys may follow, parted by white space. Embedded `serve` makes one;
    #: production roles refuse to start without.
    secret_key: SecretKey | None = None
    limits: LimitSettings = LimitSettings()
    plugins: PluginsSettings = PluginsSettings()
    data_dir: FullPath = Field(
        default_factory=lambda: platformdirs.user_data_path("medianest", appauthor=False).absolute()
    )
    log: LogSettings = LogSettings()
    worker: WorkerSettings = WorkerSettings()
    metrics: MetricsSettings = MetricsSettings()
    dashboard: DashboardSettings = DashboardSettings()
    media: MediaSettings = MediaSettings()
    auth: AuthSettings = AuthSettings()
    audit: AuditSettings = AuditSettings()
    images: ImagesSettings = ImagesSettings()
    realtime: RealtimeSettings = RealtimeSettings()
    notifications: NotificationSettings = NotificationSettings()

    @property
    def secret_keys(self) -> list[str]:
        """The key ring: the key in use first, then older ones that still open what they sealed."""
        return self.secret_key.get_secret_value().split() if self.secret_key else []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Our own layers instead of the library's: they keep origins and report every problem at once."""
        return (init_settings, *(InitSettingsSource(settings_cls, layer) for layer in _layers.get()))


@dataclass(frozen=True, slots=True)
class PluginPins:
    """What file and environment fix for one plugin: these values win over the database and are shown read-only."""

    enabled: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings and where each came from.

    `origins` maps every dotted key to `"default"`, `"file <path>"`, `"env <NAME>"` or `"secret file <path> (<NAME>)"`.
    `pins` maps a plugin's name, as written, to what is pinned for it. `config_file` is the file read, if any.
    """

    settings: HubSettings
    origins: Mapping[str, str]
    pins: Mapping[str, PluginPins]
    config_file: Path | None = None

    def pins_for(self, plugin: str) -> PluginPins:
        """The pins of `plugin`; a name with `-` also answers to `_`, as variables can hold no hyphen."""
        return self.pins.get(plugin) or self.pins.get(plugin.replace("-", "_")) or PluginPins()


def load_settings(config: Path | None, environ: Mapping[str, str]) -> LoadedSettings:
    """Read the file (`config`, else `MEDIANEST_CONFIG`, else `medianest.toml` if there) and `environ` over it.

    Raises `SettingsError` with every problem found, one line each.
    """
    from_file = file_layer(config, environ)
    known = dict(_leaf_annotations(HubSettings))
    from_env = environment_layer(environ, known)
    problems = [*from_file.problems, *from_env.problems]
    origins = {**from_file.origins, **from_env.origins}
    token = _layers.set((from_env.tree, from_file.tree))
    try:
        settings = HubSettings()
    except ValidationError as error:
        problems += _problems(error, (from_env, from_file), known)
        raise SettingsError(problems) from None
    finally:
        _layers.reset(token)
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    pins = {name: PluginPins(table.enabled, table.fields) for name, table in settings.plugins.tables.items()}
    return LoadedSettings(settings, dict.fromkeys(known, "default") | origins, pins, from_file.path)


def _leaf_annotations(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _leaf_annotations(info.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info.annotation


def _problems(error: ValidationError, layers: tuple[Layer, ...], known: Mapping[str, Any]) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        # Positions in a list are not keys; `server.cors_origins.0` is reported as its list.
        key = ".".join(part for part in detail["loc"] if isinstance(part, str))
        # Under `plugins` any name is a plugin's table; anything else there is none of ours.
        if detail["type"] == "extra_forbidden" or (detail["type"] == "model_type" and key.startswith("plugins.")):
            for layer in layers:
                yield from layer.unknown(key, (*known, *_PLUGIN_KEYS))
            continue
        message = "must be a table" if detail["type"] == "model_type" else detail["msg"].removeprefix("Value error, ")
        origin = next((text for layer in layers if (text := layer.origin_of(key))), "")
        yield f"{key}: {message}" + (f" ({origin})" if origin else "")


def _contradictions(settings: HubSettings) -> Iterator[str]:
    if settings.server.port == settings.worker.port:
        yield f"worker.port: must differ from server.port ({settings.server.port})"
    for name in settings.plugins.tables:
        if not _PLUGIN_NAME.fullmatch(name):
            yield f"plugins.{name}: not a plugin name (small letters, digits, - and _, beginning with a letter)"
