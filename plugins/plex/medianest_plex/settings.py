"""The plugin's settings; the hub makes a form of the model. Asks nobody anything."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from medianest_hub.plugin_api import PluginSettings, TlsTrust

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


class PlexSettings(PluginSettings):
    """Which Plex server's people are let in. Only `url` is needed."""

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
    sections: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]] = Field(
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
