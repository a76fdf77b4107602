"""What Uptime Kuma sends over its live connection, of 1.23 and 2.x, as far as it is used; secrets are only ever looked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field

from medianest_uptime_kuma.client.answers import Answer, KumaTime, Line, Ping, StatusNumber, Tag

SHORTEST_SECRET: Final = 6
"""Shorter texts are not looked for in messages: they would be found everywhere."""

_SECRET_FIELDS: Final = (
    *(
        "pushToken",
        "basic_auth_pass",
        "oauth_client_secret",
        "bearer_token",
        "gamedigToken",
        "databaseConnectionString",
    ),
    *(
        "radiusPassword",
        "radiusSecret",
        "mqttPassword",
        "tlsKey",
        "tlsCert",
        "headers",
        "body",
        "grpcBody",
        "grpcMetadata",
    ),
    *("rabbitmqPassword", "kafkaProducerSaslOptions"),
)


class LiveMonitor(Answer):
    """A monitor as an admin of Uptime Kuma gets it. Times in seconds."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    name: Line
    type: Line = ""
    parent: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    url: str | None = None
    hostname: str | None = None
    port: int | str | None = None
    weight: int = 0
    active: Annotated[bool, BeforeValidator(lambda value: value not in (False, 0, None))] = True
    force_inactive: Annotated[
        bool, BeforeValidator(lambda value: value not in (False, 0, None)), Field(alias="forceInactive")
    ] = False
    interval: Annotated[float, Field(ge=1, le=31_536_000)] = 60
    retry_interval: Annotated[float, Field(ge=0, le=31_536_000, alias="retryInterval")] = 60
    tags: list[Tag] = []

    @property
    def is_paused(self) -> bool:
        """By itself, or with the group it is in."""
        return not self.active or self.force_inactive


class LiveBeat(Answer):
    """One check, as it happened or from the list of the last ones: they name the monitor differently."""

    monitor_id: Annotated[int, Field(ge=0, lt=2**31, validation_alias=AliasChoices("monitorID", "monitor_id"))]
    status: StatusNumber
    time: KumaTime
    message: Annotated[
        str, BeforeValidator(lambda value: value if isinstance(value, str) else ""), Field(alias="msg")
    ] = ""
    ping: Ping = None


class LoginAnswer(Answer):
    """What comes back of a log-in. With a second factor missing there is no `ok` at all."""

    ok: bool = False
    token: Annotated[str | None, Field(repr=False)] = None
    token_required: Annotated[bool, Field(alias="tokenRequired")] = False
    words: Annotated[Line, Field(alias="msg")] = ""


class CertificateInfo(Answer):
    """What is in the text that `certInfo` carries."""

    valid: bool | None = None
    days: Annotated[float | None, Field(alias="daysRemaining")] = None


def certificate(text: object) -> CertificateInfo | None:
    """The certificate behind a `certInfo` event, or None where it cannot be read."""
    try:
        said = json.loads(text) if isinstance(text, str) else text
        if not isinstance(said, dict):
            return None
        info = said.get("certInfo")
        days = info.get("daysRemaining") if isinstance(info, dict) else None
        return CertificateInfo.model_validate({"valid": said.get("valid"), "daysRemaining": days})
    except ValueError:
        return None


def secrets_of(monitor: Mapping[str, Any]) -> tuple[str, ...]:
    """Every text of a monitor that must not be shown or kept, the longest first."""
    found = {text for name in _SECRET_FIELDS for text in _texts(monitor.get(name))}
    found |= set(_secrets_of_address(monitor.get("url")))
    return tuple(sorted((text for text in found if len(text) >= SHORTEST_SECRET), key=len, reverse=True))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if depth < 3 and value.lstrip().startswith(("{", "[")):
            try:
                yield from _texts(json.loads(value), depth + 1)
            except ValueError:
                return
    elif isinstance(value, dict) and depth < 6:
        for one in value.values():
            yield from _texts(one, depth + 1)
    elif isinstance(value, list) and depth < 6:
        for one in value:
            yield from _texts(one, depth + 1)


def _secrets_of_address(url: Any) -> Iterator[str]:
    if not isinstance(url, str):
        return
    try:
        parts = urlsplit(url)
        if parts.password:
            yield parts.password
        yield from (value for _, value in parse_qsl(parts.query))
    except ValueError:
        return
