"""One webhook at work: the secret first, then the body, then whether it was heard before, then the plugin's handler.

The secret may be in the path: nothing here writes down a path, a header or a body.
"""

from __future__ import annotations

import contextvars
import hashlib
import hmac
import time
from contextlib import ExitStack
from typing import Any, Final

import structlog

from medianest_hub.infrastructure.database import is_transient
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import Conflict, HubError, NotFound, Unauthorized
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_host.webhooks import WebhookStore
from medianest_hub.web.binding import Binder, refuse
from medianest_hub.web.bodies import read_body
from medianest_hub.web.calling import foreseen, within
from medianest_hub.web.endpoint import Endpoint, Exchange
from medianest_hub.web.hub import WebHub
from medianest_hub.web.webhooks.mounted import MountedWebhook, Received
from medianest_hub.web.webhooks.payload import json_of
from medianest_hub.web.webhooks.replays import Replays

log = structlog.get_logger(__name__)

SAME_BODY_SECONDS: Final = 10
"""For so long the same body is taken for the same message, sent twice."""
SIGNED_SECONDS: Final = 300
"""How far a signed message's time may be from ours."""
TIMESTAMP: Final = "x-medianest-timestamp"
SIGNATURE: Final = "x-medianest-signature"
_BEARER: Final = "bearer "

Place = tuple[str, str, str]
"""Plugin, instance, webhook."""


class Webhooks:
    """What one process keeps for all webhooks."""

    def __init__(self, parts: HubParts) -> None:
        self.store = WebhookStore(parts.db)
        self.replays = Replays(parts.redis)

    async def close(self) -> None:
        """Nothing was begun."""


class WebhookEndpoint(Endpoint):
    """As every route, but with a secret of its own instead of a person."""

    def __init__(self, hub: WebHub, mounted: MountedWebhook, names: tuple[str, ...]) -> None:
        super().__init__(hub, mounted, names)
        self._webhook = mounted.declared
        self._plugin = mounted.plugin or ""

    async def _handle(
        self,
        held: ExitStack,
        exchange: Exchange,
        person: Person | None,
        context: contextvars.Context | None = None,
    ) -> object:
        runtime, parts = self._runtime(), self._hub.parts
        if runtime is None or parts is None:
            raise _unknown()
        ctx = held.enter_context(runtime.use())
        webhooks = parts.of_room(Webhooks)
        place = (self._plugin, runtime.instance, self._webhook.name)
        secret = await self._proven(webhooks.store, place, exchange)
        result = "abandoned"
        try:
            answer = await self._heard(webhooks.replays, place, secret, exchange, ctx, held)
            result = "ok"
        except Exception as error:
            result = _code(error)
            raise
        finally:
            await _note(webhooks.store, place, result)
        return answer

    async def _heard(
        self,
        replays: Replays,
        place: Place,
        secret: str,
        exchange: Exchange,
        ctx: Any,
        held: ExitStack,
    ) -> Received:
        """Do once what was sent. The sender has proven itself."""
        body = await read_body(exchange.request, self._webhook.body_limit)
        signature = _signature(exchange, secret, body)
        same = hashlib.sha256("\0".join(place).encode() + b"\0" + body).hexdigest()
        if not await replays.is_first(same, SAME_BODY_SECONDS):
            return Received(status="duplicate")
        marks = [same]
        if signature is not None:
            if not await replays.is_first(signature, 2 * SIGNED_SECONDS):
                await replays.forget(same)
                raise Conflict("This signed message was heard before.", code="signature_used")
            marks.append(signature)
        try:
            payload = self._payload(exchange, body)
            exchange.reached = True
            await within(self._route.deadline, self._webhook.handler, (ctx, payload), exchange.id, held)
        except BaseException:
            # What came to nothing was not heard: the sender's next attempt is no duplicate.
            for mark in marks:
                await replays.forget(mark)
            raise
        return Received()

    async def _proven(self, store: WebhookStore, place: Place, exchange: Exchange) -> str:
        """The secret that was sent, if it is the webhook's. Looks the same as no webhook where it is in the path."""
        if self._names:
            secret = exchange.segments["p0"]
        else:
            secret = exchange.request.headers.get("authorization", "").strip()
            if secret[: len(_BEARER)].lower() == _BEARER:
                secret = secret[len(_BEARER) :].strip()
        accepted = await store.accepts(*place, secret)
        if accepted:
            return secret
        if accepted is None or self._names:
            raise _unknown()
        raise Unauthorized("Send the webhook's secret in the `Authorization` header.", code="webhook_secret")

    def _payload(self, exchange: Exchange, body: bytes) -> object:
        headers = exchange.request.headers
        encoding = headers.get("content-encoding")
        content = json_of(headers.get("content-type"), encoding, body, self._webhook.multipart_field)
        if self._binder is None:
            self._binder = Binder(self.mounted.models)
        payload, wrong = self._binder.body("application/json", None, content)
        if wrong or payload is None:
            raise refuse(wrong)
        return payload


def _signature(exchange: Exchange, secret: str, body: bytes) -> str | None:
    """What marks a signed message, None for one that is not signed. Raises `Unauthorized` for a bad signature or an old one."""
    headers = exchange.request.headers
    stamp, given = headers.get(TIMESTAMP), headers.get(SIGNATURE)
    if stamp is None and given is None:
        return None
    stamp, given = (stamp or "").strip(), (given or "").strip().lower().removeprefix("sha256=")
    wanted = hmac.new(secret.encode(), stamp.encode("utf-8", "replace") + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise Unauthorized("The signature does not fit the body and its timestamp.", code="signature_invalid")
    # It is signed, so whoever knows the secret wrote it; still, nothing but seconds is a time.
    if not (stamp.isascii() and stamp.isdigit()) or abs(int(stamp[:18]) - time.time()) > SIGNED_SECONDS:
        words = f"The timestamp is not within {SIGNED_SECONDS} seconds of this machine's time."
        raise Unauthorized(words, code="signature_invalid")
    return f"signed:{wanted}"


def _code(error: Exception) -> str:
    known: HubError | None = foreseen(error)
    return known.error_code if known is not None else "internal_error"


async def _note(store: WebhookStore, place: Place, result: str) -> None:
    """Write down that something came. The answer does not depend on it."""
    try:
        await store.note(*place, result)
    except Exception as error:
        if not is_transient(error):
            log.exception("webhook_not_noted", plugin=place[0], webhook=place[2])


def _unknown() -> NotFound:
    return NotFound("There is no such webhook.", code="no_such_webhook")


__all__ = ["WebhookEndpoint", "Webhooks"]
