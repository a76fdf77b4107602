"""The plugin's settings; the hub makes a form of the model. Asks nobody anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from medianest_hub.plugin_api import PluginSettings, TlsTrust

FIRST: Final = "main"
"""The instance of the server that `url` leads to."""

MOST_SERVERS: Final = 2
"""How many servers the form has fields for."""

_INSTANCE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_PRODUCT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


def _address(text: str) -> str:
    """The address without a slash at its end. Its text is not repeated in errors: it may hold a token."""
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        raise ValueError("write a whole web address, such as http://192.168.1.10:32400")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("write the address alone: no password, nothing after ? or #. A token has its own field")
    return text


def _server_address(text: str) -> str:
    text = _address(text)
    # People copy it from the browser, where Plex's own page lies under /web/index.html.
    return re.sub(r"/web(/index\.html)?$", "", text)


def _further_address(text: str) -> str:
    return _server_address(text) if text.strip() else ""


def _instance(text: str) -> str:
    text = text.strip().lower()
    if text == FIRST or _INSTANCE.fullmatch(text) is None:
        raise ValueError(f"use 1 to 32 small letters, digits and _, a letter first; {FIRST} is the other server's name")
    return text


def _identifier(text: str) -> str:
    text = text.strip()
    if text and _IDENTIFIER.fullmatch(text) is None:
        raise ValueError("this is no machine identifier: leave it empty, and the server is asked for it")
    return text


def _product(text: str) -> str:
    text = text.strip()
    if _PRODUCT.fullmatch(text) is None or not text.isascii():
        # It goes into a header, where other letters arrive as something else.
        raise ValueError("use 1 to 64 letters without accents, digits and signs")
    return text


def _token(secret: SecretStr | None) -> SecretStr | None:
    text = secret.get_secret_value().strip() if secret is not None else ""
    if not text:
        return None
    if re.fullmatch(r"[\x21-\x7e]{4,4096}", text) is None:
        raise ValueError("this is no Plex token: it has neither spaces nor accents")
    return SecretStr(text)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One Plex server, as the settings have it. `instance` is its name in rows, events and answers.

    `sections`: only these of its libraries are shown; empty: all. `prefix` is what the names of its settings begin with.
    """

    instance: str
    url: str
    token: SecretStr | None
    machine_identifier: str
    tls: TlsTrust
    sections: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def service(self) -> str:
        """What it is called in words and metrics. A breaker goes by it, so each server has one of its own."""
        return "Plex server" if self.instance == FIRST else f'Plex server "{self.instance}"'

    def field(self, name: str) -> str:
        """The name of that setting of this server, such as `token`."""
        return f"{self.prefix}{name}"

    def shows(self, title: str) -> bool:
        """Whether the settings want the library of that name to be shown."""
        return not self.sections or title.strip().casefold() in {name.casefold() for name in self.sections}


SectionName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class PlexSettings(PluginSettings):
    """Which Plex servers' people are let in. Only `url` is needed; code goes by `servers`, not by the fields of one."""

    url: Annotated[str, AfterValidator(_server_address)] = Field(
        title="Address of the Plex server",
        description="As the hub reaches it, such as http://192.168.1.10:32400. Whoever this server is shared with may "
        "sign in with Plex.",
    )
    token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        default=None,
        title="Token of the server's owner",
        description="The X-Plex-Token of the account that owns the server. Not needed for signing in; with it the hub "
        "knows the owner, people can sign in also while the server is off, and the library can be shown.",
    )
    machine_identifier: Annotated[str, AfterValidator(_identifier)] = Field(
        default="",
        title="Machine identifier",
        description="Which server it must be. Empty: the server is asked once, and from then on it must be the same one.",
    )
    sections: list[SectionName] = Field(
        default=[],
        max_length=100,
        title="Libraries",
        description="By name: only these are shown here. Empty: all of the server's. Who signs in with Plex sees of them "
        "what the server shares with their account.",
    )
    sync_minutes: int = Field(
        default=30,
        ge=5,
        le=1440,
        title="Minutes between looks for changes",
        description="The server tells of most changes itself; this finds those it did not tell of. Once a day everything is "
        "compared.",
    )
    page_size: int = Field(
        default=200,
        ge=50,
        le=1000,
        title="Items asked for at once",
        description="Smaller is gentler to a slow server, and takes longer.",
    )
    tls: TlsTrust = Field(
        default=TlsTrust(),
        title="Certificate of the Plex server",
        description="Where the address begins with https and no public authority signed the server's certificate: whom to "
        "trust instead. plex.tv is not affected.",
    )
    second_name: Annotated[str, AfterValidator(_instance)] = Field(
        default="second",
        title="Second server: name",
        description="What the second server is called in addresses, events and lists. To be chosen before it is first used: "
        "under another name its libraries are read anew.",
    )
    second_url: Annotated[str, AfterValidator(_further_address)] = Field(
        default="",
        title="Second server: address",
        description="Where there is another Plex server: its address, as the hub reaches it. Whoever it is shared with may "
        "sign in, too. Empty: there is none.",
    )
    second_token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        default=None,
        title="Second server: token of its owner",
        description="The X-Plex-Token of the account that owns the second server; it may be the same account.",
    )
    second_machine_identifier: Annotated[str, AfterValidator(_identifier)] = Field(
        default="",
        title="Second server: machine identifier",
        description="Which server it must be. Empty: it is asked once, and from then on it must be the same one.",
    )
    second_sections: list[SectionName] = Field(
        default=[],
        max_length=100,
        title="Second server: libraries",
        description="By name: only these of its libraries are shown here. Empty: all of them.",
    )
    second_tls: TlsTrust = Field(
        default=TlsTrust(),
        title="Second server: certificate",
        description="Whom to trust where no public authority signed its certificate.",
    )
    plex_tv_url: Annotated[str, AfterValidator(_address)] = Field(
        default="https://plex.tv",
        title="Address of plex.tv",
        description="Where Plex accounts are asked about. To be changed only for tests.",
    )
    app_url: Annotated[str, AfterValidator(_address)] = Field(
        default="https://app.plex.tv",
        title="Address of Plex's sign-in page",
        description="Where people say yes to signing in. To be changed only for tests.",
    )
    product: Annotated[str, AfterValidator(_product)] = Field(
        default="MediaNest Hub",
        title="Name shown by Plex",
        description="What Plex's sign-in page and people's lists of devices call this hub.",
    )

    @property
    def servers(self) -> tuple[ServerSettings, ...]:
        """All servers there are, the first of `url`. `MOST_SERVERS` at most, each under an instance of its own."""
        first = ServerSettings(FIRST, self.url, self.token, self.machine_identifier, self.tls, tuple(self.sections))
        if not self.second_url:
            return (first,)
        second = ServerSettings(
            *(self.second_name, self.second_url, self.second_token, self.second_machine_identifier, self.second_tls),
            sections=tuple(self.second_sections),
            prefix="second_",
        )
        return (first, second)
