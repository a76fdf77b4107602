"""The settings: which services people may use, what at home may be reached, the mail server, and web push."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from medianest_hub.plugin_api import PluginSettings, TlsTrust
from medianest_notify.addresses.catalogue import MAIL, OFFERED_AT_FIRST, SERVICES
from medianest_notify.network import NetworkRules, Opening

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]+(\.[a-z0-9-]+)*")
_MAILBOX: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_CONTACT: Final = re.compile(r"mailto:[^\s@:]+@[^\s@]+|https://[^\s/]+\S*")


def _service(name: str) -> str:
    name = name.strip().lower()
    if name not in SERVICES:
        raise ValueError(f"there is no service {name!r} to offer; there are {', '.join(SERVICES)}")
    return name


def _opening(text: str) -> str:
    text = text.strip()
    Opening.read(text)
    return text


def _host(text: str) -> str:
    text = text.strip().lower().rstrip(".")
    if text and _HOST.fullmatch(text) is None:
        raise ValueError("write a host alone, such as mail.example.org: no https://, no port, no path")
    return text


def _sender(text: str) -> str:
    text = text.strip()
    if text and _MAILBOX.fullmatch(text) is None:
        raise ValueError("write one e-mail address, such as hub@example.org")
    return text


def _contact(text: str) -> str:
    text = text.strip()
    if text and _CONTACT.fullmatch(text) is None:
        raise ValueError("write mailto:you@example.org, or a web address that begins with https://")
    return text


def _no_pin(trust: TlsTrust) -> TlsTrust:
    if trust.pinned:
        raise ValueError("several servers are spoken to here: set the CA that signed their certificates instead")
    return trust


class MailServer(BaseModel):
    """Through which mail server e-mails go; without `host` e-mail is not offered."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Annotated[str, StringConstraints(max_length=253), AfterValidator(_host)] = Field(
        default="", title="Mail server", description="Its name, such as smtp.example.org. Empty: no e-mails."
    )
    port: int = Field(default=587, ge=1, le=65535, title="Port", description="587 with starttls, 465 with tls.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        title="Encryption",
        description="none sends password and messages for all to read: only on this machine.",
    )
    username: str = Field(default="", max_length=255, title="User", description="Empty: no sign-in there.")
    sender: Annotated[str, StringConstraints(max_length=320), AfterValidator(_sender)] = Field(
        default="", title="Sender", description="The address e-mails come from. Empty: that of the user."
    )


class NotifySettings(PluginSettings):
    """What people may be reached by. All has a default: Apprise's best-known services and web push are on from the start."""

    services: list[Annotated[str, AfterValidator(_service)]] = Field(
        default=list(OFFERED_AT_FIRST),
        max_length=len(SERVICES),
        title="Services people may use",
        description="By name. Whoever may enter addresses decides where the hub connects: offer what is used.",
    )
    private_addresses: list[Annotated[str, AfterValidator(_opening)]] = Field(
        default=[],
        max_length=50,
        title="Addresses at home",
        description="Servers of your own network that people's addresses may name, such as 192.168.1.20:8080 of a ntfy "
        "at home, or 192.168.1.0/24. Without them only the open internet is reached.",
    )
    addresses_per_person: int = Field(
        default=5, ge=0, le=20, title="Addresses a person", description="How many somebody may enter. 0: none."
    )
    devices_per_person: int = Field(
        default=10, ge=0, le=50, title="Devices a person", description="On how many somebody may allow push. 0: none."
    )
    mail: MailServer = Field(
        default=MailServer(), title="E-mail", description="The mail server by which people are written to."
    )
    mail_password: SecretStr | None = Field(
        default=None, title="Password of the mail server", description="Of the user given under E-mail."
    )
    push_contact: Annotated[str, StringConstraints(max_length=320), AfterValidator(_contact)] = Field(
        default="",
        title="Contact for push services",
        description="mailto:you@example.org: whom a push service may ask when something is wrong. Apple's insists on it.",
    )
    push_hours: int = Field(
        default=24,
        ge=1,
        le=672,
        title="Hours a push waits",
        description="For a device that is off; after that it is dropped.",
    )
    push_services: list[Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_host)]] = Field(
        default=[],
        max_length=20,
        title="More push services",
        description="Hosts of push services besides those of Google, Mozilla, Microsoft and Apple; what lies below a "
        "host belongs to it.",
    )
    tls: Annotated[TlsTrust, AfterValidator(_no_pin)] = Field(
        default=TlsTrust(),
        title="Certificates",
        description="The CA of your home network, if servers of yours have certificates of it.",
    )

    @property
    def offered(self) -> tuple[str, ...]:
        """Names of the services people may use now, e-mail among them where it can be sent."""
        return (*dict.fromkeys(self.services), *([MAIL] if self.mail_sender else []))

    @property
    def mail_sender(self) -> str:
        """The address e-mails come from, empty where none can be sent."""
        if not self.mail.host:
            return ""
        return self.mail.sender or (self.mail.username if _MAILBOX.fullmatch(self.mail.username) else "")

    @property
    def rules(self) -> NetworkRules:
        """What may be connected to."""
        return NetworkRules.read(self.private_addresses)
