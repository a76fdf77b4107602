"""What Uptime Kuma sends over its live connection, of 1.23 and 2.x, as far as it is used; odd values stop nobody from reading."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final

from pydantic import AliasChoices, BeforeValidator, Field

from medianest_uptime_kuma.client.answers import Answer, KumaTime, Line, Ping, StatusNumber, Tags, whole_days
from medianest_uptime_kuma.client.words import LONGEST_SEARCHED, clean

_LONGEST_INTERVAL: Final = 31_536_000.0
_MOST_POSITIONS: Final = 2**31 - 1
_MOST_TEXT: Final = 2000


def _number(value: Any) -> float | None:
    """A number that is one, also written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _weight(value: Any) -> int:
    """As near to it as the database can keep; 0 for what is no number."""
    return int(min(max(_number(value) or 0.0, -_MOST_POSITIONS), _MOST_POSITIONS))


def _interval(value: Any) -> float:
    """Seconds, a year at most; a minute for what is no interval."""
    number = _number(value)
    return 60.0 if number is None or number < 0 else min(number, _LONGEST_INTERVAL)


def _monitor_id(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) and 0 <= number < 2**31 else None


def _text(value: Any) -> str | None:
    return clean(value, _MOST_TEXT) if isinstance(value, str) else None


def _port(value: Any) -> str | None:
    number = _number(value)
    return str(int(number)) if number is not None and 0 < number < 2**16 else None


PerhapsText = Annotated[str | None, BeforeValidator(_text)]
Switch = Annotated[bool, BeforeValidator(lambda value: value not in (False, 0, None))]


class LiveMonitor(Answer):
    """A monitor as an admin of Uptime Kuma gets it. Times in seconds."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    name: Line
    type: Line = ""
    parent: Annotated[int | None, BeforeValidator(_monitor_id)] = None
    url: PerhapsText = None
    hostname: PerhapsText = None
    port: Annotated[str | None, BeforeValidator(_port)] = None
    weight: Annotated[int, BeforeValidator(_weight)] = 0
    active: Switch = True
    force_inactive: Annotated[Switch, Field(alias="forceInactive")] = False
    interval: Annotated[float, BeforeValidator(lambda value: max(_interval(value), 1.0))] = 60
    retry_interval: Annotated[float, BeforeValidator(_interval), Field(alias="retryInterval")] = 60
    tags: Tags = []

    @property
    def is_paused(self) -> bool:
        """By itself, or with the group it is in."""
        return not self.active or self.force_inactive


class LiveBeat(Answer):
    """One check, as it happened or from the list of the last ones: they name the monitor differently."""

    monitor_id: Annotated[int, Field(ge=0, lt=2**31, validation_alias=AliasChoices("monitorID", "monitor_id"))]
    status: StatusNumber
    time: KumaTime
    message: Annotated[str, BeforeValidator(lambda value: clean(value, LONGEST_SEARCHED + 1)), Field(alias="msg")] = ""
    ping: Ping = None


class LoginAnswer(Answer):
    """What comes back of a log-in. With a second factor missing there is no `ok` at all."""

    ok: bool = False
    token: Annotated[str | None, Field(repr=False)] = None
    token_required: Annotated[bool, Field(alias="tokenRequired")] = False
    words: Annotated[Line, Field(alias="msg")] = ""


class CertificateInfo(Answer):
    """What is in the text that `certInfo` carries."""

    valid: Annotated[bool | None, BeforeValidator(lambda value: value if isinstance(value, bool) else None)] = None
    days: Annotated[int | None, BeforeValidator(whole_days), Field(alias="daysRemaining")] = None


def certificate(text: object) -> CertificateInfo | None:
    """The certificate behind a `certInfo` event, or None where it cannot be read."""
    try:
        said = json.loads(text) if isinstance(text, str) else text
        if not isinstance(said, dict):
            return None
        info = said.get("certInfo")
        days = info.get("daysRemaining") if isinstance(info, dict) else None
        return CertificateInfo.model_validate({"valid": said.get("valid"), "daysRemaining": days})
    except (ValueError, RecursionError):
        return None
