"""The plugin's settings; the hub makes a form of the model. Asks nobody anything."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from medianest_hub.plugin_api import PluginSettings, TlsTrust

_KEY: Final = re.compile(r"[\x21-\x7e]{16,512}")
# People copy the address from the browser, where Overseerr's own pages lie under these.
_PAGE: Final = re.compile(
    r"/(api/v1|login|setup|search|requests|issues|users|profile|settings|discover|movie/\d+|tv/\d+)(/[^?#]*)?$"
)


def web_address(text: str) -> str:
    """The address without a slash at its end, nor a page of Overseerr's.

    Raises `ValueError` for what is none; its text is not repeated in that, as it may hold a password.
    """
    text = text.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", text):
        raise ValueError("write a whole web address, such as http://192.168.1.10:5055")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("write the address alone: no password, nothing after ? or #. The API key has its own field")
    return _PAGE.sub("", text)


def _pictures(text: str) -> str:
    return web_address(text).removesuffix("/t/p")


def _address_or_none(text: str) -> str:
    return web_address(text) if text.strip() else ""


def _key(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if _KEY.fullmatch(text) is None:
        raise ValueError("this is no API key of Overseerr: copy it whole from its settings, under General")
    return SecretStr(text)


class OverseerrSettings(PluginSettings):
    """Where Overseerr or Seerr is. `url` and `api_key` are needed."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        title="Address of Overseerr or Seerr",
        description="As the hub reaches it, such as http://192.168.1.10:5055.",
    )
    api_key: Annotated[SecretStr, AfterValidator(_key)] = Field(
        title="API key",
        description="In Overseerr under Settings, General. The hub asks with it in the name of each person, never as its "
        "owner.",
    )
    public_url: Annotated[str, AfterValidator(_address_or_none)] = Field(
        default="",
        title="Address for people",
        description="Where people open Overseerr in their browser, for links to it. Empty: the address Overseerr itself "
        "has set as its own, and no links where there is none.",
    )
    poll_seconds: int = Field(
        default=60,
        ge=15,
        le=3600,
        title="Seconds between looks",
        description="With the webhook set up changes are known at once; this finds those it did not tell of.",
    )
    posters_url: Annotated[str, AfterValidator(_pictures)] = Field(
        default="https://image.tmdb.org",
        title="Address of posters",
        description="Where posters come from; the hub fetches them, people's browsers do not. To be changed only for a "
        "mirror of it, and for tests.",
    )
    tls: TlsTrust = Field(
        default=TlsTrust(),
        title="Certificate of Overseerr",
        description="Only if Overseerr answers by https with a certificate of your own making.",
    )
