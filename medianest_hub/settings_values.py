"""What single settings may hold: rates, addresses, names and keys, each checked with words; knows no setting by name."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(?:(\d{1,6})\s*)?(second|minute|hour|day)s?\s*", re.IGNORECASE)
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_HOST_NAME = re.compile(r"\.?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests in any `seconds`; written `"100/minute"` or `"5/10 minutes"`."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `"<count>/<unit>"`; `ValueError` says what is expected."""
        found = _RATE.fullmatch(text)
        if found is None or int(found[1]) == 0 or found[2] == "0":
            raise ValueError(f'{text!r} is not a rate; write for example "100/minute" (second, minute, hour, day)')
        return cls(int(found[1]), int(found[2] or 1) * _UNITS[found[3].lower()])

    def __str__(self) -> str:
        unit = next(name for name, size in reversed(_UNITS.items()) if self.seconds % size == 0)
        times = self.seconds // _UNITS[unit]
        return f"{self.count}/{unit}" if times == 1 else f"{self.count}/{times} {unit}s"


def _rate(value: object) -> object:
    return Rate.parse(value) if isinstance(value, str) else value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError('write a web address such as "https://media.example.org"')
    return value.rstrip("/")


def _own_address(value: str) -> str:
    value = _web_address(value)
    # It goes into cookies, pages and links as it is.
    if not _PATH.fullmatch(urlsplit(value).path):
        raise ValueError("its path may hold letters, digits and - . _ ~ / only")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError('write a time zone such as "Europe/Berlin"') from None
    return value


def _time_of_day(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError('write a time of day such as "18:00"')
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(_web_address(value))
    if parts.scheme != "https" and not _is_near(parts.hostname or ""):
        raise ValueError("must begin with https://, except on this machine or a home network")
    return value


def _is_near(host: str) -> bool:
    """Whether that is this machine, or a name or address of the home network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".lan", ".internal", ".home.arpa"))
    return address.is_loopback or address.is_private


def _web_origin(value: str) -> str:
    value = _web_address(value)
    if urlsplit(value).path:
        raise ValueError('write an origin without a path, such as "https://media.example.org"')
    return value


def _network(value: str) -> str:
    ipaddress.ip_network(value, strict=False)  # its ValueError says what is wrong
    return value


def _host_name(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError('write a host name such as "media.example.org", without scheme and port')
    return value.lower()


def url_of(*schemes: str) -> Any:
    """That the address begins with one of these schemes."""

    def check(value: SecretStr) -> SecretStr:
        # The value may hold a password: the message never repeats it.
        if urlsplit(value.get_secret_value()).scheme not in schemes:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(check)


def _key_length(value: SecretStr) -> SecretStr:
    if min((len(key) for key in value.get_secret_value().split()), default=0) < 32:
        raise ValueError("must be at least 32 characters of randomness, as `openssl rand -hex 32` makes")
    return value


def _absolute(value: Path) -> Path:
    return value.expanduser().absolute()


RateSetting = Annotated[Rate, BeforeValidator(_rate)]
Port = Annotated[int, Field(ge=1, le=65535)]
Address = Annotated[str, Field(min_length=1)]
WebAddress = Annotated[str, AfterValidator(_own_address)]
WebOrigin = Annotated[str, AfterValidator(_web_origin)]
Issuer = Annotated[str, AfterValidator(_issuer)]
Network = Annotated[str, AfterValidator(_network)]
HostName = Annotated[str, AfterValidator(_host_name)]
SecretKey = Annotated[SecretStr, AfterValidator(_key_length)]
FullPath = Annotated[Path, AfterValidator(_absolute)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
