"""A monitor as Kuma's JSON has it, in the fields of 1.x or 2.x; the last third of them are secrets of its owner."""

from __future__ import annotations

from typing import Any

from .world import Monitor, World

# In Kuma's order. None of a field that is computed is filled in below.
_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("id", "name", "description", "path", "pathName", "parent", "childrenIDs", "url")),
    "wsIgnoreSecWebsocketAcceptHeader": False,
    "wsSubprotocol": "",
    "method": "GET",
    **dict.fromkeys(("hostname", "port", "location", "protocol")),
    "maxretries": 0,
    "weight": 2000,
    **dict.fromkeys(("active", "forceInactive", "type", "subtype", "timeout", "interval")),
    "retryInterval": 20,
    "retryOnlyOnStatusCodeFailure": False,
    "resendInterval": 0,
    "keyword": None,
    "invertKeyword": False,
    "expiryNotification": False,
    "domainExpiryNotification": False,
    "ignoreTls": False,
    "upsideDown": False,
    "packetSize": 56,
    "maxredirects": 10,
    "accepted_statuscodes": ["200-299"],
    "dns_resolve_type": "A",
    "dns_resolve_server": "1.1.1.1",
    "dns_last_result": None,
    "docker_container": "",
    **dict.fromkeys(("docker_host", "proxyId")),
    "notificationIDList": {},
    **dict.fromkeys(("tags", "maintenance")),
    "mqttTopic": "",
    "mqttSuccessMessage": "",
    "mqttCheckType": "keyword",
    **dict.fromkeys(("databaseQuery", "authMethod", "grpcUrl", "grpcProtobuf", "grpcMethod", "grpcServiceName")),
    "grpcEnableTls": False,
    **dict.fromkeys(("radiusCalledStationId", "radiusCallingStationId", "game")),
    "gamedigGivenPortOnly": True,
    "httpBodyEncoding": "json",
    **dict.fromkeys(("jsonPath", "expectedValue", "system_service_name", "kafkaProducerTopic")),
    "kafkaProducerBrokers": [],
    "kafkaProducerSsl": False,
    "kafkaProducerAllowAutoTopicCreation": False,
    **dict.fromkeys(("kafkaProducerMessage", "screenshot")),
    "cacheBust": False,
    "remote_browser": None,
    "screenshot_delay": 0,
    **dict.fromkeys(("snmpOid", "jsonPathOperator")),
    "snmpVersion": "2c",
    "smtpSecurity": None,
    "rabbitmqNodes": [],
    "conditions": [],
    "ntpStratumThreshold": 5,
    "ntpTimeOffsetThreshold": 1000,
    "ntpRootDispersionThreshold": 500,
    **dict.fromkeys(("ipFamily", "expectedTlsAlert")),
    "ping_numeric": True,
    "ping_count": 1,
    "ping_per_request_timeout": 2,
    "saveResponse": False,
    "saveErrorResponse": True,
    "responseMaxLength": 1024,
}
_SECRETS: dict[str, Any] = {
    **dict.fromkeys(("headers", "body", "grpcBody", "grpcMetadata", "basic_auth_user", "basic_auth_pass")),
    **dict.fromkeys(("oauth_client_id", "oauth_client_secret", "oauth_token_url", "oauth_scopes", "oauth_audience")),
    "oauth_auth_method": "client_secret_basic",
    **dict.fromkeys(("bearer_token", "gamedigToken", "pushToken", "databaseConnectionString")),
    **dict.fromkeys(("radiusUsername", "radiusPassword", "radiusSecret")),
    **dict.fromkeys(("mqttUsername", "mqttPassword", "mqttWebsocketPath"), ""),
    **dict.fromkeys(("authWorkstation", "authDomain", "tlsCa", "tlsCert", "tlsKey")),
    "kafkaProducerSaslOptions": {"mechanism": "None"},
    "rabbitmqUsername": "",
    "rabbitmqPassword": "",
}
_NEW_IN_2 = frozenset(
    (
        *("path", "wsIgnoreSecWebsocketAcceptHeader", "wsSubprotocol", "location", "protocol", "subtype"),
        *("retryOnlyOnStatusCodeFailure", "domainExpiryNotification", "mqttCheckType", "system_service_name"),
        *("cacheBust", "remote_browser", "screenshot_delay", "snmpOid", "jsonPathOperator", "snmpVersion"),
        *("smtpSecurity", "rabbitmqNodes", "conditions", "ntpStratumThreshold", "ntpTimeOffsetThreshold"),
        *("ntpRootDispersionThreshold", "ipFamily", "expectedTlsAlert", "ping_numeric", "ping_count"),
        *("ping_per_request_timeout", "saveResponse", "saveErrorResponse", "responseMaxLength", "oauth_audience"),
        *("bearer_token", "gamedigToken", "mqttWebsocketPath", "rabbitmqUsername", "rabbitmqPassword"),
    )
)
COMPUTED = frozenset(
    (
        *("id", "name", "path", "pathName", "parent", "childrenIDs", "url", "active", "forceInactive", "type"),
        *("timeout", "interval", "tags", "maintenance", "includeSensitiveData"),
    )
)
SECRETS = frozenset(_SECRETS)


def monitor_json(world: World, monitor: Monitor, *, secrets: bool = True, alone: bool = False) -> dict[str, Any]:
    """The monitor with all its fields.

    `secrets` false is what notifications carry. `alone` is how 2.x answers `getMonitor`: it forgets the name in the path.
    """
    path: list[str | None] = [*world.path(monitor)]
    if alone and world.v2:
        path[-1] = None
    made = {
        **_FIELDS,
        "id": monitor.id,
        "name": monitor.name,
        "path": path,
        "pathName": " / ".join(one or "" for one in path),
        "parent": monitor.parent,
        "childrenIDs": world.children(monitor) if monitor.type == "group" else [],
        "url": monitor.url,
        "active": monitor.active,
        "forceInactive": world.parent_inactive(monitor),
        "type": monitor.type,
        "timeout": monitor.fields.get("timeout", int(monitor.interval * 0.8)),
        "interval": monitor.interval,
        "tags": [tag_json(world, monitor, at) for at in range(len(monitor.tags))],
        "maintenance": world.in_maintenance(monitor),
        **_SECRETS,
    }
    made.update({name: value for name, value in monitor.fields.items() if name not in COMPUTED})
    hidden = set() if secrets else SECRETS
    shown = {name: value for name, value in made.items() if name not in hidden and (world.v2 or name not in _NEW_IN_2)}
    return {**shown, "includeSensitiveData": secrets}


def tag_json(world: World, monitor: Monitor, at: int, *, public: bool = False) -> dict[str, Any]:
    """The `at`-th tag; 2.x leaves the id of the tie out of its lists, though not of its pages."""
    tag = monitor.tags[at]
    made = {
        "id": tag.link,
        "monitor_id": monitor.id,
        "tag_id": tag.id,
        "value": tag.value,
        "name": tag.name,
        "color": tag.color,
    }
    if world.v2 and not public:
        del made["id"]
    return made


def list_json(world: World) -> dict[str, Any]:
    """Every monitor by its id as text."""
    return {str(one.id): monitor_json(world, one) for one in world.monitors.values()}
