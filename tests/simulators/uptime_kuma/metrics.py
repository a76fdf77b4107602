"""What /metrics says: gauges of the monitors, and what every Node.js process says of itself. Lets nobody in or out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from .uptime import HOURS, whole
from .world import Monitor, World

Line = tuple[dict[str, str], float]
_PROCESS = """
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 2.062848

# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds {started}

# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 159039488

# HELP process_open_fds Number of open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 25

# HELP nodejs_eventloop_lag_seconds Lag of event loop in seconds.
# TYPE nodejs_eventloop_lag_seconds gauge
nodejs_eventloop_lag_seconds 0.005724655

# HELP nodejs_active_handles Number of active libuv handles grouped by handle type. Every handle type is C++ class name.
# TYPE nodejs_active_handles gauge
nodejs_active_handles{{type="Server"}} 1
nodejs_active_handles{{type="Socket"}} 1

# HELP nodejs_active_requests Number of active libuv requests grouped by request type. Every request type is C++ class name.
# TYPE nodejs_active_requests gauge

# HELP nodejs_heap_size_used_bytes Process heap size used from Node.js in bytes.
# TYPE nodejs_heap_size_used_bytes gauge
nodejs_heap_size_used_bytes 76620872

# HELP nodejs_version_info Node.js version info.
# TYPE nodejs_version_info gauge
nodejs_version_info{{version="v20.20.2",major="20",minor="20",patch="2"}} 1

# HELP nodejs_gc_duration_seconds Garbage collection duration by kind, one of major, minor, incremental or weakcb.
# TYPE nodejs_gc_duration_seconds histogram
nodejs_gc_duration_seconds_bucket{{le="0.001",kind="minor"}} 4
nodejs_gc_duration_seconds_bucket{{le="0.1",kind="minor"}} 6
nodejs_gc_duration_seconds_bucket{{le="+Inf",kind="minor"}} 6
nodejs_gc_duration_seconds_sum{{kind="minor"}} 0.014689767000149005
nodejs_gc_duration_seconds_count{{kind="minor"}} 6

# HELP app_version The service version by package.json
# TYPE app_version gauge
app_version{{version="{version}",major="{major}",minor="{minor}",patch="{patch}"}} 1

# HELP http_request_duration_seconds Duration of HTTP requests in seconds
# TYPE http_request_duration_seconds histogram

# HELP expressjs_number_of_open_connections Number of open connections to the Express.js server
# TYPE expressjs_number_of_open_connections gauge
expressjs_number_of_open_connections 0
"""


def metrics_text(world: World) -> str:
    """The whole answer, in the text format of Prometheus 0.0.4."""
    shown = [(labels(world, one), one) for one in world.measured.values()]
    families = [_family(name, text, lines) for name, text, lines in _gauges(world, shown)]
    major, minor, patch = world.version.split(".")
    process = _PROCESS.format(started=int(world.started), version=world.version, major=major, minor=minor, patch=patch)
    return "\n".join(families) + process


def _gauges(world: World, shown: list[tuple[dict[str, str], Monitor]]) -> Iterator[tuple[str, str, Iterable[Line]]]:
    certified = [(names, one.cert) for names, one in shown if one.cert is not None]
    yield (
        "monitor_cert_days_remaining",
        "The number of days remaining until the certificate expires",
        [(names, cert.days) for names, cert in certified],
    )
    yield (
        "monitor_cert_is_valid",
        "Is the certificate still valid? (1 = Yes, 0= No)",
        [(names, int(cert.valid)) for names, cert in certified],
    )
    if world.v2:
        rated = [(names, one) for names, one in shown if one.id in world.rated]
        yield (
            "monitor_uptime_ratio",
            "Uptime ratio calculated over sliding window specified by the 'window' label. (0.0 - 1.0)",
            _windows(rated, lambda one, window: one.statistics.ratios[window]),
        )
        yield (
            "monitor_response_time_seconds",
            "Average response time in seconds calculated over sliding window specified by the 'window' label",
            _windows(rated, lambda one, window: one.statistics.pings[window] / 1000),
        )
    lasts = [(names, one.last) for names, one in shown]
    yield (
        "monitor_response_time",
        "Monitor Response Time (ms)",
        [(names, -1 if last is None or last.ping is None else last.ping) for names, last in lasts],
    )
    yield (
        "monitor_status",
        "Monitor Status (1 = UP, 0= DOWN, 2= PENDING, 3= MAINTENANCE)",
        [(names, int(last.status)) for names, last in lasts if last is not None],
    )


def _windows(shown: list[tuple[dict[str, str], Monitor]], value: Callable[[Monitor, str], float]) -> Iterator[Line]:
    for names, one in shown:
        for window in HOURS:
            yield {**names, "window": window}, value(one, window)


def labels(world: World, monitor: Monitor) -> dict[str, str]:
    """The monitor's labels: `null` is text, 1.x has no id, and 2.x has the tags there were when it started."""
    hostname, port = monitor.fields.get("hostname"), monitor.fields.get("port")
    tags: dict[str, list[str]] = {}
    for tag in monitor.tags:
        name = _sanitized(tag.name)
        if tag.name in world.tag_labels and name:
            tags.setdefault(name, []).append(_sanitized(tag.value) or name)
    made = {name: ",".join(sorted(values)) for name, values in sorted(tags.items())}
    if world.v2:
        made["monitor_id"] = str(monitor.id)
    return made | {
        "monitor_name": monitor.name,
        "monitor_type": monitor.type,
        "monitor_url": monitor.url,
        "monitor_hostname": "null" if hostname is None else str(hostname),
        "monitor_port": "null" if port is None else str(port),
    }


def _sanitized(text: str) -> str:
    return re.sub(r"^[^a-zA-Z_]+", "", re.sub(r"[^a-zA-Z0-9_]", "", text))


def _family(name: str, text: str, lines: Iterable[Line]) -> str:
    written = "".join(f"{name}{{{_labels(names)}}} {whole(value)}\n" for names, value in lines)
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{written}"


def _labels(names: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in names.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
