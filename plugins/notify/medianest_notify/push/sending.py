"""Pushes one message to one device by the hub's own HTTP client, and says what became of it."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from medianest_hub.plugin_api import Context, errors
from medianest_notify.models import Push
from medianest_notify.outcomes import DELIVERED, Outcome
from medianest_notify.push import services
from medianest_notify.push.devices import Subscribed
from medianest_notify.push.encryption import MOST_PLAIN, authorization, encrypt, padless
from medianest_notify.push.keys import push_key
from medianest_notify.settings import NotifySettings

_SECONDS: Final = 12.0
_CAP: Final = 64 * 1024
_TOPIC: Final = 24
_NOT_JUDGED: Final = (408, 425, 429)
_JUDGED: Final = (*range(200, 300), *(status for status in range(400, 500) if status not in _NOT_JUDGED))


def payload(push: Push) -> bytes:
    """The message as JSON, with as much of its body as fits."""
    data = push.model_dump_json(exclude_none=True).encode()
    body = push.body
    while len(data) > MOST_PLAIN and body:
        # A character takes six bytes at most, so this never cuts too much, and ends.
        body = body[: -max((len(data) - MOST_PLAIN) // 6, 1)]
        data = push.model_copy(update={"body": f"{body.rstrip()}…"}).model_dump_json(exclude_none=True).encode()
    return data


async def send(ctx: Context[NotifySettings], device: Subscribed, push: Push) -> Outcome:
    """Hand it to the push service: what it may have taken is uncertain. Raises `Unavailable` where the hub has no key."""
    if device.endpoint is None or device.receiver is None:
        return Outcome("refused", "unreadable")
    try:
        endpoint = services.read(device.endpoint, ctx.settings.push_services)
    except errors.BadInput:
        return Outcome("refused", "not_offered")
    key = await push_key(ctx)
    headers = {
        "Authorization": authorization(key, endpoint.url, ctx.clock.now(), ctx.settings.push_contact),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(ctx.settings.push_hours * 3600),
        "Urgency": "normal",
        # Of two with one topic the push service keeps the later, should one come twice in spite of all.
        "Topic": padless(hashlib.sha256(push.id.encode()).digest()[:_TOPIC]),
    }
    try:
        answer = await ctx.http.request(
            *("POST", endpoint.url),
            service=f"push service {urlsplit(endpoint.url).hostname}",
            headers=headers,
            data=encrypt(payload(push), device.receiver),
            deadline=_SECONDS,
            cap=_CAP,
            ok=_JUDGED,
            tls=ctx.settings.tls if endpoint.added else None,
        )
    except errors.Unavailable as error:
        return Outcome("passing", "service_busy", error.retry_after)  # it was not even tried
    except errors.UpstreamError as error:
        if error.not_taken:
            return Outcome("passing", "service_busy", error.retry_after)
        return Outcome("uncertain", "no_answer")
    return _judged(answer.status)


def _judged(status: int) -> Outcome:
    if 200 <= status < 300:
        return DELIVERED
    if status in (404, 410):
        return Outcome("refused", "push_gone")
    return Outcome("refused", "push_key" if status in (401, 403) else "push_refused")
