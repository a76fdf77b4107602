"""Reads what `/metrics` says; asks nobody. 1.x names monitors only, 2.x numbers them and adds uptimes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from medianest_hub.plugin_api.errors import UpstreamError
from medianest_uptime_kuma.client.answers import MOST_MONITORS, whole_days
from medianest_uptime_kuma.client.guarded import SERVICE
from medianest_uptime_kuma.client.seen import Seen
from medianest_uptime_kuma.client.words import bare_address, clean
from medianest_uptime_kuma.models import Status

_LABELS: Final = ("monitor_id", "monitor_name", "monitor_type", "monitor_url", "monitor_hostname", "monitor_port")
_STATUSES: Final = {0: Status.DOWN, 1: Status.UP, 2: Status.PENDING, 3: Status.MAINTENANCE}
_WINDOWS: Final = {"1d": "given_day", "30d": "given_month"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One monitor as the metrics have it. `ping` in milliseconds, None for none."""

    seen: Seen
    status: Status
    ping: float | None


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """All of them. `started_at`: when Uptime Kuma itself started; `version`: its own, empty where it does not say."""

    monitors: list[Measured]
    started_at: datetime | None
    version: str


@dataclass(slots=True)
class _Gathered:
    labels: Mapping[str, str]
    values: dict[str, float] = field(default_factory=dict)


def read_metrics(body: bytes) -> MetricsPage:
    """The page's monitors in its order. Raises `UpstreamError` for what is no metrics page of Uptime Kuma."""
    from prometheus_client.parser import text_string_to_metric_families

    gathered: dict[tuple[str, ...], _Gathered] = {}
    started_at: datetime | None = None
    version, known = "", False
    try:
        for family in text_string_to_metric_families(body.decode("utf-8", "replace")):
            known = known or family.name == "monitor_status"
            for sample in family.samples:
                if sample.name == "process_start_time_seconds":
                    started_at = _moment(sample.value)
                elif sample.name == "app_version":
                    version = clean(sample.labels.get("version"), 40)
                elif sample.name.startswith("monitor_") and (kept := _kept_as(sample.name, sample.labels)):
                    if "monitor_name" not in sample.labels:
                        raise _unexpected(sample.name)
                    key = tuple(sample.labels.get(label, "") for label in _LABELS)
                    gathered.setdefault(key, _Gathered(sample.labels)).values[kept] = sample.value
    except (ValueError, KeyError, IndexError, OverflowError, RecursionError):
        raise UpstreamError("Uptime Kuma's metrics cannot be read.", service=SERVICE, field="metrics") from None
    if not known:
        raise UpstreamError(
            "These are metrics, but not of Uptime Kuma: monitor_status is missing.",
            service=SERVICE,
            field="monitor_status",
        )
    if len(gathered) > MOST_MONITORS:
        raise UpstreamError(f"Uptime Kuma names more than {MOST_MONITORS} monitors.", service=SERVICE)
    # A monitor may have a series of uptimes before its first beat: without a status there is nothing to say of it.
    found = (_measured(one, at) for at, one in enumerate(gathered.values()) if "status" in one.values)
    return MetricsPage(_each_once(found), started_at, version)


def _each_once(measured: Iterable[Measured]) -> list[Measured]:
    """Of those with one number the first: 2.x goes on showing a monitor under the name it had before."""
    found: dict[object, Measured] = {}
    for at, one in enumerate(measured):
        found.setdefault(one.seen.kuma_id if one.seen.kuma_id is not None else f"unnumbered {at}", one)
    return list(found.values())


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _unexpected(name: str) -> UpstreamError:
    return UpstreamError(
        f"Uptime Kuma's metrics name no monitor in {name}.", service=SERVICE, field=f"{name}.monitor_name"
    )


def _kept_as(name: str, labels: Mapping[str, str]) -> str:
    """Under which name a sample is kept; empty for what is not needed."""
    match name:
        case "monitor_status":
            return "status"
        case "monitor_response_time":
            return "ping"
        case "monitor_cert_days_remaining":
            return "certificate_days"
        case "monitor_cert_is_valid":
            return "certificate_valid"
        case "monitor_uptime_ratio":
            return _WINDOWS.get(labels.get("window", ""), "")
        case _:
            return ""


def _measured(one: _Gathered, position: int) -> Measured:
    labels, values = one.labels, one.values
    ping = values.get("ping", -1.0)
    number = labels.get("monitor_id", "")
    days, valid = values.get("certificate_days"), values.get("certificate_valid")
    seen = Seen(
        name=clean(labels.get("monitor_name")) or "?",
        kuma_id=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None,
        kind=_told(labels.get("monitor_type")),
        address=bare_address(labels.get("monitor_url"), labels.get("monitor_hostname"), labels.get("monitor_port")),
        position=position,
        certificate_days=whole_days(days),
        certificate_valid=bool(valid) if valid is not None and math.isfinite(valid) else None,
        given_day=_ratio(values.get("given_day")),
        given_month=_ratio(values.get("given_month")),
    )
    return Measured(seen, _STATUSES.get(_whole(values["status"]), Status.UNKNOWN), ping if 0 <= ping < 1e9 else None)


def _told(text: str | None) -> str:
    """What is missing is the text `null`."""
    words = clean(text)
    return "" if words == "null" else words


def _ratio(value: float | None) -> float | None:
    return value if value is not None and 0 <= value <= 1 else None


def _whole(value: float) -> int:
    return int(value) if math.isfinite(value) else -1
