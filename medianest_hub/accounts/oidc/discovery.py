"""What an OpenID Connect provider says of itself: its addresses and its keys, cached; verifies no token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from medianest_hub.accounts.oidc.failures import untrusted
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.services import Http

if TYPE_CHECKING:
    from joserfc.jwk import Key

CALL_SECONDS: Final = 5.0
CAP: Final = 512 * 1024
"""Bytes of any answer of the provider."""

FRESH_SECONDS: Final = 3600.0
STALE_SECONDS: Final = 24 * 3600.0
"""How long something fetched is used without asking; and how long when asking fails."""

REFETCH_SECONDS: Final = 30.0
"""Between two fetches of the keys because of an unknown key id: anybody can send one."""

MOST_KEYS: Final = 32

ThingT = TypeVar("ThingT")


class Metadata(BaseModel):
    """The part of OpenID Connect Discovery 1.0 section 3, RFC 8414 and RFC 9207 that matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(BaseModel):
    """RFC 7517 section 5; each key is looked at alone, so that one not understood does no harm."""

    keys: list[dict[str, Any]]


class Cached(Generic[ThingT]):
    """Something fetched at most once at a time. A failed fetch leaves what was known, for a day."""

    def __init__(self, fetch: Callable[[], Awaitable[ThingT]], monotonic: Callable[[], float]) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._known: ThingT | None = None
        self._at = float("-inf")
        self._under_way: asyncio.Task[ThingT] | None = None

    @property
    def age(self) -> float:
        """Seconds since it was fetched."""
        return self._monotonic() - self._at

    async def get(self, younger_than: float = FRESH_SECONDS) -> ThingT:
        """It, not older than that, unless asking anew fails. Raises what fetching raises."""
        if self._known is not None and self.age < younger_than:
            return self._known
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._renew())
            self._under_way.add_done_callback(_taken)
        try:
            return await asyncio.shield(self._under_way)
        except HubError:
            if self._known is None or self.age > STALE_SECONDS:
                raise
            return self._known

    async def _renew(self) -> ThingT:
        self._known = await self._fetch()
        self._at = self._monotonic()
        return self._known


def _taken(task: asyncio.Task[Any]) -> None:
    """Whoever waited may have gone away: nothing shall complain of a failure nobody heard of."""
    if not task.cancelled():
        task.exception()


class Discovery:
    """One issuer. `service` is how errors and metrics name it."""

    def __init__(self, issuer: str, http: Http, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._http = http
        self._monotonic = monotonic
        self._metadata = Cached(self._fetch_metadata, monotonic)
        self._keys = Cached(self._fetch_keys, monotonic)
        self.service = urlsplit(issuer).netloc

    async def metadata(self) -> Metadata:
        """Its addresses. Raises `UpstreamError` or `Unavailable`."""
        return await self._metadata.get()

    async def keys(self, unless: Callable[[Sequence[Key]], bool] = bool) -> Sequence[Key]:
        """Its keys; fetched anew, though not all the time, where those known are not enough (`unless` says so)."""
        known = await self._keys.get()
        return known if unless(known) else await self._keys.get(REFETCH_SECONDS)

    async def _fetch_metadata(self) -> Metadata:
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = await self._http.request("GET", address, service=self.service, deadline=CALL_SECONDS, cap=CAP)
        found = answer.parse(Metadata)
        # By the letter it must be the same text; operators lose the slash at the end, which names nobody else.
        if found.issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise untrusted(self.service, "it calls itself by another issuer than the settings do")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            self._check_address(name, getattr(found, name))
        return found

    def _check_address(self, name: str, address: str | None) -> None:
        """No plain http and no odd scheme where the issuer has https; a browser will be sent to one of them."""
        if address is None:
            return
        try:
            parts = urlsplit(address)
            host = parts.hostname
        except ValueError:
            host = None
        allowed = {"https", urlsplit(self._issuer).scheme}
        if not host or parts.scheme not in allowed or not address.isprintable() or "@" in parts.netloc:
            raise untrusted(self.service, f"its {name} is no https address")

    async def _fetch_keys(self) -> Sequence[Key]:
        from joserfc.errors import JoseError
        from joserfc.jwk import import_key

        address = (await self.metadata()).jwks_uri
        answer = await self._http.request("GET", address, service=self.service, deadline=CALL_SECONDS, cap=CAP)
        keys: list[Key] = []
        for data in answer.parse(_KeySet).keys[:MOST_KEYS]:
            if data.get("kty") not in ("RSA", "EC", "OKP") or data.get("use", "sig") != "sig":
                continue
            try:
                keys.append(import_key(data))
            except (JoseError, ValueError, TypeError, KeyError):
                continue
        return keys
