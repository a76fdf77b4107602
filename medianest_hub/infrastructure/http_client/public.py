"""Fetches from addresses that others chose: https, public addresses only, checked when the connection is made. No credentials.

The address is resolved once and connected to as it was checked, so that a name that changes its mind (DNS rebinding)
gains nothing; each redirection is checked like the first address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from medianest_hub.infrastructure.http_client.failures import Failure, broken_connection
from medianest_hub.plugin_api.errors import UpstreamError, UpstreamTimeout

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_REDIRECTS: Final = 3
_CHUNK: Final = 64 * 1024
_CONNECT_SECONDS: Final = 5.0
# Each can carry an IPv4 address inside, which `is_global` does not look at in every Python: ::/96, NAT64, 6to4, Teredo.
_CARRIERS: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


def is_public(address: IPAddress) -> bool:
    """Whether that is an address of the open internet, and nothing in this house."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in carrier for carrier in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class PublicFetcher:
    """Opens its connections when first asked; `close` drops them. `allowed` and `schemes` are the rule, for tests of it."""

    def __init__(
        self, *, allowed: Callable[[IPAddress], bool] = is_public, schemes: Collection[str] = ("https",)
    ) -> None:
        self._allowed = allowed
        self._schemes = schemes
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, *, service: str, cap: int, deadline: float = 10.0) -> bytes:
        """The body of that address, at most `cap` bytes.

        Raises `UpstreamError` for an address that is refused and for all that goes wrong, `UpstreamTimeout`. No words of
        these repeat the address.
        """
        try:
            async with asyncio.timeout(deadline):
                return await self._follow(url, service, cap)
        except Failure as failure:
            raise failure.error from None
        except TimeoutError:
            words = f"{service} did not answer within {deadline:g} seconds."
            raise UpstreamTimeout(words, service=service) from None

    async def close(self) -> None:
        """Drop every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _follow(self, url: str, service: str, cap: int) -> bytes:
        import aiohttp
        from yarl import URL

        try:
            target = URL(url)
            for _ in range(_REDIRECTS + 1):
                self._check(target, service)
                async with self._opened().get(target, allow_redirects=False) as answer:
                    if answer.status in (301, 302, 303, 307, 308) and "Location" in answer.headers:
                        target = target.join(URL(answer.headers["Location"]))
                        continue
                    if answer.status != 200:
                        raise UpstreamError(f"{service} answered {answer.status}.", service=service)
                    return await _read(answer, cap, service)
        except _Refused:
            raise _refusal(service) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(getattr(error, "os_error", None), _Refused):
                raise _refusal(service) from None
            raise broken_connection(error, service) from None
        raise UpstreamError(f"{service} redirects in a circle.", service=service)

    def _check(self, target: URL, service: str) -> None:
        if target.scheme not in self._schemes or not target.host:
            raise _refusal(service)
        try:
            address = ipaddress.ip_address(target.host)
        except ValueError:
            # `2130706433` and `127.1` pass for addresses further down, where no resolver is asked.
            if target.host.replace(".", "").isdigit():
                raise _refusal(service) from None
            return  # a name: the resolver looks at what it stands for
        if not self._allowed(address):
            raise _refusal(service)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_resolver(self._allowed), limit=16, ttl_dns_cache=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                trust_env=False,
            )
        return self._session


class _Refused(OSError):
    """No address of that name may be connected to."""


def _refusal(service: str) -> UpstreamError:
    return UpstreamError(f"The address of {service} is not a public https address.", service=service)


def _resolver(allowed: Callable[[IPAddress], bool]) -> Any:
    """A resolver that gives only addresses that may be connected to; what it gives is what is connected to."""
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.resolver import ThreadedResolver

    class Checked(AbstractResolver):
        def __init__(self) -> None:
            self._inner = ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await self._inner.resolve(host, port, family)
            good = [one for one in found if allowed(ipaddress.ip_address(one["host"].partition("%")[0]))]
            if not good:
                raise _Refused
            return good

        async def close(self) -> None:
            await self._inner.close()

    return Checked()


async def _read(answer: aiohttp.ClientResponse, cap: int, service: str) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > cap:
            answer.close()
            raise UpstreamError(f"{service} answered more than {cap} bytes.", service=service)
        chunks.append(chunk)
    return b"".join(chunks)
