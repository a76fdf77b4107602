"""Which push services a browser's endpoint may lie at: the known ones, and those the operator adds. Opens nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from medianest_hub.plugin_api import errors

LONGEST: Final = 1500

KNOWN: Final = {
    "fcm.googleapis.com": "Google",
    "jmt17.google.com": "Google",
    "push.services.mozilla.com": "Mozilla",
    "notify.windows.com": "Microsoft",
    "push.apple.com": "Apple",
}
"""What lies at these hosts and below them belongs to who is named. Nobody else can have a name there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to push. `service` is shown to people; `added`: the operator named its host, as one at home may be."""

    url: str
    service: str
    added: bool


def read(url: str, added: Sequence[str]) -> Endpoint:
    """The endpoint of a subscription. `BadInput` with words that repeat nothing of it."""
    if len(url) > LONGEST or re.search(r"[^\x21-\x7e]|[\\#]", url):
        raise _refused()
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").rstrip("."), split.port
    except ValueError:
        raise _refused() from None
    if split.scheme != "https" or "@" in split.netloc or not host:
        raise _refused()
    for known, service in KNOWN.items():
        if _below(host, known) and port in (None, 443):
            return Endpoint(url, service, added=False)
    for known in added:
        if _below(host, known):
            return Endpoint(url, known, added=True)
    raise _refused()


def _below(host: str, known: str) -> bool:
    return host == known or host.endswith(f".{known}")


def _refused() -> errors.BadInput:
    words = "This hub does not know the push service of that browser. Whoever runs it can add its host to the settings."
    field = errors.FieldProblem(field="body.endpoint", code="unknown_push_service", message=words)
    return errors.BadInput(words, fields=[field])
