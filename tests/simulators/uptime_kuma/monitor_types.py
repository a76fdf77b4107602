"""The kinds of monitors Uptime Kuma 2.x names in `monitorTypeList`, and what conditions they take. Data alone."""

from __future__ import annotations

from typing import Any

_PLAIN = (
    *("real-browser", "tailscale-ping", "websocket-upgrade", "dns", "postgres", "mqtt", "smtp", "group", "snmp"),
    *("grpc-keyword", "mongodb", "rabbitmq", "sip-options", "gamedig", "steam", "port", "manual", "globalping"),
    *("redis", "pm2", "system-service", "sqlserver", "mysql", "oracledb", "ntp"),
)
_TEXT = ("equals", "contains", "starts_with", "ends_with")
_NUMBERS = {
    "num_equals": "equals",
    "num_not_equals": "not equals",
    "lt": "less than",
    "gt": "greater than",
    "lte": "less than or equal to",
    "gte": "greater than or equal to",
}
_VARIABLES = {
    "dns": ("record",),
    "mqtt": ("topic", "message", "json_value"),
    "sqlserver": ("result",),
    "mysql": ("result",),
    "oracledb": ("result",),
}


def _operators(variable: str) -> list[dict[str, str]]:
    made = [
        {"id": before + one, "caption": (before + one).replace("_", " ")} for one in _TEXT for before in ("", "not_")
    ]
    if variable == "json_value":
        made += [{"id": number, "caption": caption} for number, caption in _NUMBERS.items()]
    return made


MONITOR_TYPES: dict[str, Any] = {
    name: {
        "supportsConditions": name in _VARIABLES,
        "conditionVariables": [{"id": one, "operators": _operators(one)} for one in _VARIABLES.get(name, ())],
    }
    for name in _PLAIN
}
