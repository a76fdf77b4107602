"""TLS contexts for outside services: always verified, one kept for each set of trusted certificates. Opens no connection."""

from __future__ import annotations

import functools
import ssl
from typing import Any, Final

from medianest_hub.plugin_api.tls import TlsTrust

CONTEXTS_KEPT: Final = 64
NOT_THE_PINNED: Final = "it is not the pinned one"
_PUBLIC: Final = TlsTrust()


def context_for(trust: TlsTrust | None) -> ssl.SSLContext:
    """The context of that trust, the same one each time while it is among the 64 last used.

    Whoever connects with one context may keep connections; so the same trust must not get a new one for each call.
    """
    return _made(trust or _PUBLIC)


@functools.lru_cache(maxsize=CONTEXTS_KEPT)
def _made(trust: TlsTrust) -> ssl.SSLContext:
    context = _pinning(trust.pinned) if trust.pinned else ssl.create_default_context()
    if trust.ca:
        context.load_verify_locations(cadata=trust.ca)
    if trust:
        # As a home's CA may be one in the middle, and as openssl's own examples make certificates without the extensions
        # RFC 5280 asks for. Python 3.13 has other defaults than 3.11 here; ours are the same everywhere.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    return context


def _pinning(pem: str) -> ssl.SSLContext:
    """Accepts that certificate alone, while its dates are good; whatever name it is for.

    The one anchor is not enough: where a CA's own certificate is pinned, all it ever signed would do, for any name.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pem)
    wanted = ssl.PEM_cert_to_DER_cert(pem)

    class PinnedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            _compare(self.getpeercert(binary_form=True), wanted)

    class PinnedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _compare(self.getpeercert(binary_form=True), wanted)

    context.sslobject_class = PinnedObject
    context.sslsocket_class = PinnedSocket
    return context


def _compare(shown: bytes | None, wanted: bytes) -> None:
    if shown != wanted:
        error: Any = ssl.SSLCertVerificationError(1, f"certificate verify failed: {NOT_THE_PINNED}")
        error.verify_message, error.verify_code = NOT_THE_PINNED, -1
        raise error
