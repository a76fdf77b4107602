"""The plugin's settings; the hub makes a form of the model. Asks nobody anything."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from medianest_hub.plugin_api import PluginSettings, TlsTrust

_API_KEY: Final = re.compile(r"uk\d+_[A-Za-z0-9_-]{8,256}")
_TOTP: Final = re.compile(r"[A-Z2-7]{16,128}=*")
# A page's path in the address: what Uptime Kuma itself lets a slug be.
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


class Way(StrEnum):
    """How Uptime Kuma is read."""

    METRICS = "metrics"
    LIVE = "live"
    STATUS_PAGE = "status_page"


def _address(text: str) -> str:
    """The address without a slash at its end. Its text is not repeated in errors: it may hold a password."""
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        raise ValueError("write a whole web address, such as http://192.168.1.10:3001")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("write the address alone: no password, nothing after ? or #")
    # People copy it from the browser, where Uptime Kuma's own pages lie under /dashboard and /status.
    return re.sub(r"/(dashboard(/\d+)?|status(/[a-z0-9-]+)?|settings(/[a-z-]+)?)$", "", text)


def _secret(pattern: re.Pattern[str], words: str) -> AfterValidator:
    def check(secret: SecretStr | None) -> SecretStr | None:
        text = secret.get_secret_value().strip() if secret is not None else ""
        if not text:
            return None
        if pattern.fullmatch(text) is None:
            raise ValueError(words)
        return SecretStr(text)

    return AfterValidator(check)


def _totp(secret: SecretStr | None) -> SecretStr | None:
    text = re.sub(r"[\s-]", "", secret.get_secret_value()).upper() if secret is not None else ""
    if not text:
        return None
    if _TOTP.fullmatch(text) is None:
        raise ValueError("this is not the secret behind the QR code: that has letters A-Z and digits 2-7, 16 at least")
    return SecretStr(text)


def _slug(text: str) -> str:
    text = text.strip().strip("/").rpartition("/")[2]
    if _SLUG.fullmatch(text) is None:
        raise ValueError("write what stands behind /status/ in the page's address: small letters, digits and dashes")
    return text


def _name(text: str) -> str:
    return text.strip().lower()


Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_name)]


class AlertRules(BaseModel):
    """When people are told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    down_seconds: int = Field(
        default=30,
        ge=0,
        le=3600,
        title="Seconds down",
        description="How long a monitor must be down before people are told. The page shows it at once.",
    )
    flap_changes: int = Field(
        default=4,
        ge=2,
        le=100,
        title="Changes that make it flap",
        description="A monitor that goes up and down this often within the time below is told of once, then no more until "
        "it is steady.",
    )
    flap_minutes: int = Field(
        default=10,
        ge=1,
        le=240,
        title="Minutes for flapping",
        description="Within this time changes are counted, and this long it must be steady to be told of again.",
    )


class HistoryRules(BaseModel):
    """How long what was seen is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beat_days: int = Field(
        default=3,
        ge=2,
        le=30,
        title="Days of single checks",
        description="A hundred monitors checked every minute take about 10 MB a day.",
    )
    hour_days: int = Field(
        default=90, ge=31, le=730, title="Days of hours", description="What each hour of a monitor adds up to."
    )
    day_days: int = Field(
        default=730, ge=31, le=3650, title="Days of days", description="What each day of a monitor adds up to."
    )


class UptimeKumaSettings(PluginSettings):
    """Where Uptime Kuma is, how it is read, and what members of the household see of it. `url` and one way in are needed."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        title="Address of Uptime Kuma",
        description="As the hub reaches it, such as http://192.168.1.10:3001.",
    )
    way: Literal["auto", "metrics", "live", "status_page"] = Field(
        default="auto",
        title="Way in",
        description="auto takes the first that is filled in below: API key, then user and password, then status page. "
        "Only live shows changes within a second and knows pauses, groups and tags; an API key can do least harm.",
    )
    api_key: Annotated[
        SecretStr | None,
        _secret(_API_KEY, "this is no API key of Uptime Kuma: those begin with uk, a number and an underscore"),
    ] = Field(
        default=None,
        title="API key",
        description="For the way metrics. Made in Uptime Kuma under Settings, API Keys.",
    )
    username: str = Field(default="", max_length=255, title="User", description="For the way live.")
    password: SecretStr | None = Field(
        default=None, title="Password", description="For the way live. Used once; then Uptime Kuma's own token is."
    )
    totp_secret: Annotated[SecretStr | None, AfterValidator(_totp)] = Field(
        default=None,
        title="Secret of the two-factor sign-in",
        description="Only if that user signs in with two factors: the text behind the QR code, not a code of six digits.",
    )
    status_pages: list[Annotated[str, AfterValidator(_slug)]] = Field(
        default=[],
        max_length=20,
        title="Status pages",
        description="What stands behind /status/ in their addresses. A way in by itself, and with the others the source of "
        "incidents and groups. The way live finds them by itself.",
    )
    poll_seconds: int = Field(
        default=20,
        ge=5,
        le=600,
        title="Seconds between looks",
        description="For the way metrics. Status pages are looked at once a minute: Uptime Kuma itself renews them no "
        "more often.",
    )
    members_see: Literal["nothing", "chosen", "everything"] = Field(
        default="nothing",
        title="Members see",
        description="Which monitors people without the right to details see. Addresses and messages they never do.",
    )
    members_see_groups: list[Name] = Field(
        default=[], max_length=200, title="Groups members see", description="By name, for Members see: chosen."
    )
    members_see_tags: list[Name] = Field(
        default=[],
        max_length=200,
        title="Tags members see",
        description="By name, or as name:value, for Members see: chosen.",
    )
    alerts: AlertRules = Field(default=AlertRules(), title="Alerts", description="When people are told of a monitor.")
    history: HistoryRules = Field(
        default=HistoryRules(), title="History", description="How long what was seen is kept."
    )

    tls: TlsTrust = Field(
        default=TlsTrust(),
        title="Certificate",
        description="Only if Uptime Kuma answers by https with a certificate of your own making.",
    )

    @model_validator(mode="after")
    def _way_is_possible(self) -> UptimeKumaSettings:
        needs = {
            "metrics": (self.api_key is not None, "the way metrics needs an API key"),
            "live": (bool(self.username) and self.password is not None, "the way live needs a user and a password"),
            "status_page": (bool(self.status_pages), "the way status_page needs the name of a status page"),
        }
        possible, words = needs.get(self.way, (True, ""))
        if not possible:
            raise ValueError(words)
        return self

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to try, in this order; at least one. A status page is looked for where nothing is filled in."""
        if self.way != "auto":
            return (Way(self.way),)
        given = {
            Way.METRICS: self.api_key is not None,
            Way.LIVE: bool(self.username) and self.password is not None,
            Way.STATUS_PAGE: bool(self.status_pages),
        }
        return tuple(way for way, is_there in given.items() if is_there) or (Way.STATUS_PAGE,)
