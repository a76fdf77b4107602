"""Whose certificate is accepted: the public CAs' at first, else what an integration's settings say, and never just any."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from medianest_hub.infrastructure.http_client import HttpClient
from medianest_hub.infrastructure.http_client.trust import CONTEXTS_KEPT
from medianest_hub.plugin_api import TlsTrust
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_hub.testing import Authority, Certificate, FakeUpstream, self_signed

HOME = Authority()


async def asked(http: HttpClient, upstream: FakeUpstream, tls: TlsTrust | None) -> int:
    upstream.answer("GET", "/word", json={"word": "sunny"})
    return (await http.request("GET", f"{upstream.url}/word", service="weather.example", tls=tls)).status


async def refused(http: HttpClient, upstream: FakeUpstream, tls: TlsTrust | None) -> str:
    with pytest.raises(UpstreamError) as failed:
        await asked(http, upstream, tls)
    assert upstream.requests == []
    assert failed.value.message.startswith("weather.example has a certificate that is not trusted: ")
    assert failed.value.message.endswith(".")
    return failed.value.message


@pytest.mark.parametrize("certificate", [HOME.certificate(), self_signed()], ids=["of a CA", "self-signed"])
async def test_a_certificate_nobody_trusts_is_refused_with_words(
    http: HttpClient, fake_upstream: FakeUpstream, certificate: Certificate
) -> None:
    await fake_upstream.restart(certificate)
    words = await refused(http, fake_upstream, TlsTrust())
    assert "set its CA or pin it in the plugin's settings" in words
    # A plugin whose settings have no say must not send anybody there.
    assert "settings" not in await refused(http, fake_upstream, None)


async def test_a_certificate_of_the_private_ca_is_accepted(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.restart(HOME.certificate())
    assert await asked(http, fake_upstream, TlsTrust(ca=HOME.pem)) == 200


async def test_several_cas_may_be_trusted_at_once(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.restart(HOME.certificate())
    assert await asked(http, fake_upstream, TlsTrust(ca=Authority("Other").pem + HOME.pem)) == 200


async def test_a_private_ca_does_not_make_up_for_a_wrong_name(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.restart(HOME.certificate("weather.home.example"))
    assert "name in its certificate" in await refused(http, fake_upstream, TlsTrust(ca=HOME.pem))


async def test_another_private_ca_is_refused_with_words(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.restart(HOME.certificate())
    # It even has the same name.
    assert "CA is not the one" in await refused(http, fake_upstream, TlsTrust(ca=Authority().pem))


async def test_an_expired_certificate_of_the_private_ca_is_refused(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    await fake_upstream.restart(HOME.certificate(expired=True))
    assert "expired; renew it there" in await refused(http, fake_upstream, TlsTrust(ca=HOME.pem))


@pytest.mark.parametrize("name", ["127.0.0.1", "weather.home.example"])
@pytest.mark.parametrize("signed", [True, False])
async def test_the_pinned_certificate_is_accepted_under_any_name(
    http: HttpClient, fake_upstream: FakeUpstream, name: str, signed: bool
) -> None:
    certificate = HOME.certificate(name) if signed else self_signed(name)
    await fake_upstream.restart(certificate)
    assert await asked(http, fake_upstream, TlsTrust(pinned=certificate.pem)) == 200


@pytest.mark.parametrize("other", [self_signed(), HOME.certificate()], ids=["self-signed", "of a CA"])
async def test_another_than_the_pinned_certificate_is_refused_with_words(
    http: HttpClient, fake_upstream: FakeUpstream, other: Certificate
) -> None:
    await fake_upstream.restart(other)
    for pinned in (self_signed(), HOME.certificate()):
        assert "pin that in the plugin's settings" in await refused(http, fake_upstream, TlsTrust(pinned=pinned.pem))


async def test_pinning_a_ca_does_not_let_in_what_it_signed(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    """The name is not compared, so anybody to whom that CA ever gave a certificate could take the service's place."""
    await fake_upstream.restart(HOME.certificate("somebody.else.example"))
    assert "it is not the pinned one" in await refused(http, fake_upstream, TlsTrust(pinned=HOME.pem))


async def test_the_pinned_certificate_is_refused_once_it_has_expired(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    certificate = self_signed(expired=True)
    await fake_upstream.restart(certificate)
    words = await refused(http, fake_upstream, TlsTrust(pinned=certificate.pem))
    assert "expired; renew it there and pin the new one" in words


async def test_trust_holds_over_redirects(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    await fake_upstream.restart(HOME.certificate())
    fake_upstream.answer("GET", "/old", status=302, headers={"Location": "/word", "Connection": "close"})
    fake_upstream.answer("GET", "/word", json={"word": "sunny"})
    answer = await http.request("GET", f"{fake_upstream.url}/old", tls=TlsTrust(ca=HOME.pem))
    assert answer.json() == {"word": "sunny"}


async def test_a_kept_connection_serves_only_calls_of_the_same_trust(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    await fake_upstream.restart(HOME.certificate())
    assert await asked(http, fake_upstream, TlsTrust(ca=HOME.pem)) == 200
    for tls in (None, TlsTrust(pinned=self_signed().pem)):
        with pytest.raises(UpstreamError, match="not trusted"):
            await asked(http, fake_upstream, tls)
    assert len(fake_upstream.requests) == 1


def test_one_context_is_kept_for_each_trust_and_not_endlessly_many(http: HttpClient) -> None:
    trust = TlsTrust(pinned=self_signed().pem)
    made = http.ssl_context(trust)
    assert made is http.ssl_context(TlsTrust(pinned=f"\r\n{trust.pinned.strip()}  "))
    assert http.ssl_context(None) is http.ssl_context(TlsTrust())
    for _ in range(CONTEXTS_KEPT):
        http.ssl_context(TlsTrust(pinned=self_signed().pem))
    assert made is not http.ssl_context(trust)


# Connections of other libraries


@asynccontextmanager
async def echoing(certificate: Certificate) -> AsyncIterator[int]:
    """A websocket by TLS on 127.0.0.1 that says what it hears; yields its port."""

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", talk)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context()).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def said(port: int, context: ssl.SSLContext) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"wss://127.0.0.1:{port}/", ssl=context) as socket,
    ):
        await socket.send_str("sunny")
        return await socket.receive_str()


async def test_a_websocket_of_another_library_is_held_to_the_same_trust(http: HttpClient) -> None:
    certificate = HOME.certificate()
    elsewhere = HOME.certificate("somebody.else.example")
    async with echoing(certificate) as port:
        for tls in (TlsTrust(ca=HOME.pem), TlsTrust(pinned=certificate.pem)):
            assert await said(port, http.ssl_context(tls)) == "sunny"
        for refusing in (None, TlsTrust(), TlsTrust(ca=Authority().pem), TlsTrust(pinned=elsewhere.pem)):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await said(port, http.ssl_context(refusing))
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await said(port, http.ssl_context(TlsTrust(pinned=HOME.pem)))


async def test_a_library_that_blocks_is_held_to_the_pinned_certificate_too(http: HttpClient) -> None:
    certificate = HOME.certificate()

    def connected(context: ssl.SSLContext, port: int) -> bytes | None:
        import socket

        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            return secured.getpeercert(binary_form=True)

    async with echoing(certificate) as port:
        good = http.ssl_context(TlsTrust(pinned=certificate.pem))
        assert await asyncio.to_thread(connected, good, port) == ssl.PEM_cert_to_DER_cert(certificate.pem)
        with pytest.raises(ssl.SSLCertVerificationError, match="not the pinned one"):
            await asyncio.to_thread(connected, http.ssl_context(TlsTrust(pinned=HOME.pem)), port)
