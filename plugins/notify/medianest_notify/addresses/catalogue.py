"""The services of Apprise an operator can offer, by their schemas. What is not here cannot be offered: no Apprise is asked.

Left out on purpose is whatever does not speak HTTP (MQTT, IRC, AMQP, syslog, SMPP, …), acts on the hub's own machine (D-Bus,
desktops, USB lamps), or reads files named in an address (FCM, Vapid). E-mail is a service of its own: see `mail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAIL: Final = "mail"
"""The name of the service that is not Apprise's: the operator's own mail server."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `schemas` are what its addresses begin with; `host` says that they name a server (not a secret)."""

    name: str
    title: str
    schemas: tuple[str, ...]
    example: str
    host: bool = False


_SERVICES: Final = (
    Service("bark", "Bark", ("bark", "barks"), "barks://server.example/device", host=True),
    Service("discord", "Discord", ("discord",), "discord://webhook_id/webhook_token"),
    Service("form", "Webhook (form)", ("form", "forms"), "forms://server.example/path", host=True),
    Service("google_chat", "Google Chat", ("gchat",), "gchat://workspace/key/token"),
    Service("gotify", "Gotify", ("gotify", "gotifys"), "gotifys://server.example/AxxxxxxxxxxxxxD", host=True),
    Service("guilded", "Guilded", ("guilded",), "guilded://webhook_id/webhook_token"),
    Service(
        "home_assistant", "Home Assistant", ("hassio", "hassios"), "hassios://server.example/access_token", host=True
    ),
    Service("ifttt", "IFTTT", ("ifttt",), "ifttt://webhook_id/event"),
    Service("join", "Join", ("join",), "join://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/device"),
    Service("json", "Webhook (JSON)", ("json", "jsons"), "jsons://server.example/path", host=True),
    Service("line", "LINE", ("line",), "line://token/user"),
    Service("matrix", "Matrix", ("matrix", "matrixs"), "matrixs://user:password@server.example/%23room", host=True),
    Service(
        "mattermost", "Mattermost", ("mmost", "mmosts"), "mmosts://server.example/xxxxxxxxxxxxxxxxxxxxxxxxxx", host=True
    ),
    Service("nextcloud", "Nextcloud", ("ncloud", "nclouds"), "nclouds://user:password@server.example/to", host=True),
    Service(
        "nextcloud_talk",
        "Nextcloud Talk",
        ("nctalk", "nctalks"),
        "nctalks://user:password@server.example/room",
        host=True,
    ),
    Service("ntfy", "ntfy", ("ntfy", "ntfys"), "ntfys://server.example/topic", host=True),
    Service("prowl", "Prowl", ("prowl",), "prowl://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    Service("pushbullet", "Pushbullet", ("pbul",), "pbul://access_token"),
    Service("pushover", "Pushover", ("pover",), "pover://user_key@token"),
    Service("pushsafer", "Pushsafer", ("psafer", "psafers"), "psafers://private_key"),
    Service("revolt", "Revolt", ("revolt",), "revolt://bot_token/channel"),
    Service(
        "rocket_chat", "Rocket.Chat", ("rocket", "rockets"), "rockets://user:password@server.example/%23room", host=True
    ),
    Service(
        "signal",
        "Signal (REST API)",
        ("signal", "signals"),
        "signals://server.example:8080/15555550100/15555550101",
        host=True,
    ),
    Service("signl4", "SIGNL4", ("signl4",), "signl4://secret"),
    Service("simplepush", "Simplepush", ("spush",), "spush://api_key"),
    Service("slack", "Slack", ("slack",), "slack://TXXXXXXXX/BXXXXXXXX/xxxxxxxxxxxxxxxxxxxxxxxx"),
    Service("synology_chat", "Synology Chat", ("synology", "synologys"), "synologys://server.example/token", host=True),
    Service("teams", "Microsoft Teams (Workflows)", ("workflows", "workflow"), "workflows://host/workflow/signature"),
    Service("telegram", "Telegram", ("tgram",), "tgram://123456789:bot_token/12345"),
    Service("threema", "Threema Gateway", ("threema",), "threema://*GATEWAY@secret/recipient"),
    Service("twist", "Twist", ("twist",), "twist://password:you@mail.example"),
    Service("webex", "Webex", ("wxteams", "webex"), "wxteams://token"),
    Service("zulip", "Zulip", ("zulip",), "zulip://bot@organisation/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
)

SERVICES: Final = {service.name: service for service in _SERVICES}
"""Every service of Apprise that can be offered, by name."""

OFFERED_AT_FIRST: Final = (
    *("discord", "google_chat", "gotify", "join", "matrix", "mattermost", "nextcloud_talk", "ntfy", "pushbullet"),
    *("pushover", "rocket_chat", "signal", "slack", "synology_chat", "teams", "telegram", "threema", "zulip"),
)
"""Not the plain webhooks: by them somebody says to the letter what the hub sends where."""

BY_SCHEMA: Final = {schema: service for service in _SERVICES for schema in service.schemas}
