"""What went wrong with an outside call, in words without secrets, and whether a repeat may help; does no I/O."""

from __future__ import annotations

import http
import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from medianest_hub.infrastructure.http_client.answer import HttpAnswer
from medianest_hub.plugin_api.errors import AuthFailed, HubError, Unavailable, UpstreamError
from medianest_hub.plugin_api.tls import TlsTrust

_PASSING = frozenset({429, 502, 503, 504})
_NOT_TAKEN = frozenset({429, 503})
_LONGEST_WAIT = 3600.0


class Failure(Exception):
    """An attempt that failed with `error`, which the caller gets.

    `of_service`: the service itself is unwell, which counts for its breaker. `passing`: the same call may soon succeed.
    """

    def __init__(self, error: HubError, *, of_service: bool = False, passing: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.of_service = of_service
        self.passing = passing


def unfit_status(answer: HttpAnswer) -> Failure:
    """The failure behind a status the caller did not ask for."""
    if answer.status in (401, 403):
        words = f"{answer.service} refused the credentials ({answer.status})."
        return Failure(AuthFailed(words, params={"service": answer.service}))
    error = UpstreamError(
        f"{answer.service} answered {_named(answer.status)}.",
        service=answer.service,
        retry_after=retry_after(answer.headers.get("Retry-After")),
        not_taken=answer.status in _NOT_TAKEN,
    )
    return Failure(error, of_service=answer.status >= 500, passing=answer.status in _PASSING)


def unfit_handshake(status: int, headers: Mapping[str, str], service: str) -> Failure:
    """The failure behind an answer that opens no websocket; status 101 where it said it would."""
    if status in (401, 403):
        return unfit_status(HttpAnswer(status, headers, b"", service))
    if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
        words = f"{service} opens no live connection: its answer is not as the websocket protocol has it."
        return Failure(UpstreamError(words, service=service), of_service=True)
    error = UpstreamError(
        f"{service} opens no live connection: it answered {_named(status)}. Enter the address of {service} itself, or have "
        "what stands before it pass websockets on.",
        service=service,
        retry_after=retry_after(headers.get("Retry-After")),
    )
    return Failure(error, of_service=status >= 500)


def redirected_handshake(service: str) -> Failure:
    """The failure behind a websocket that is to be opened elsewhere."""
    words = f"The live connection of {service} is redirected elsewhere. Enter the address it is redirected to, if it is yours."
    return Failure(UpstreamError(words, service=service))


def held_back(seconds: float, service: str) -> Unavailable:
    """What a caller gets while the breaker is open, for another so many seconds."""
    return Unavailable(
        f"{service} has failed repeatedly; it is tried again shortly.",
        code="service_down",
        params={"service": service},
        retry_after=seconds,
    )


def _named(status: int) -> str:
    try:
        return f"{status} ({http.HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def broken_connection(error: BaseException, service: str, tls: TlsTrust | None = None) -> Failure:
    """The failure behind an exception of the HTTP library; its own text is used only where it can hold no address.

    `tls` is what the plugin's settings say of trust, None where they have no say.
    """
    import aiohttp

    passing = True
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
        cause = getattr(error, "certificate_error", error)
        words, passing = _distrust(cause, tls), False
    elif isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        words, passing = "does not speak TLS as it should; is it http:// rather than https://?", False
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        words = "cannot be found: its host name does not resolve"
    elif isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        words = f"cannot be reached: {os.strerror(number).lower() if number else 'connecting failed'}"
    elif isinstance(error, TimeoutError):
        words = "cannot be reached: connecting took too long"
    elif isinstance(error, aiohttp.ClientPayloadError):
        words = "broke off in the middle of its answer"
    elif isinstance(error, (aiohttp.ServerDisconnectedError, OSError)):
        words = "closed the connection without an answer"
    elif isinstance(error, aiohttp.ClientResponseError):
        words = "answered something that is not HTTP"
    else:
        words = f"could not be called ({type(error).__name__})"
    # These are raised before anything of the call is sent.
    unconnected = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    failed = UpstreamError(f"{service} {words}.", service=service, not_taken=unconnected)
    return Failure(failed, of_service=True, passing=passing)


_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
"""OpenSSL's `X509_V_ERR_…`, as in its x509_vfy.h."""


def _distrust(error: object, tls: TlsTrust | None) -> str:
    code = getattr(error, "verify_code", None)
    why = (getattr(error, "verify_message", "") or "it could not be verified").rstrip(".")
    if code in (_EXPIRED, _NOT_YET):
        advice = "renew it there" if code == _EXPIRED else "set the clocks right, there and here"
        if code == _EXPIRED and tls is not None and tls.pinned:
            advice += " and pin the new one in the plugin's settings"
    elif tls is None:
        advice = ""
    elif tls.pinned:
        advice = "if the service was given a new one, pin that in the plugin's settings"
    elif code in (_OTHER_NAME, _OTHER_ADDRESS):
        advice = "call it by a name in its certificate, or pin the certificate in the plugin's settings"
    elif tls.ca:
        advice = "its CA is not the one in the plugin's settings; set the right one there, or pin the certificate"
    else:
        advice = "if it is your own, set its CA or pin it in the plugin's settings"
    return f"has a certificate that is not trusted: {why}" + (f"; {advice}" if advice else "")


def retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header (RFC 9110, 10.2.3: seconds or a date), at most an hour; None if unusable."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value)
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _until(value: str) -> float:
    at = parsedate_to_datetime(value)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
