"""Finds in a monitor the texts that must not be shown or kept, in every form a message may repeat them. Keeps none itself."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from medianest_uptime_kuma.client.words import LONGEST_SECRET, clean

SHORTEST_SECRET: Final = 6
"""Shorter texts are not looked for in messages: they would be found everywhere."""

MOST_SECRETS: Final = 200
_SHORTEST_LINE: Final = 8
_LONGEST_READ: Final = 256 * 1024
_MOST_PARTS: Final = 400
_LONGEST_WRITTEN: Final = 500

_WORDS: Final = (
    *("pushToken", "basic_auth_pass", "oauth_client_secret", "bearer_token", "gamedigToken", "radiusPassword"),
    *("radiusSecret", "mqttPassword", "rabbitmqPassword", "kafkaProducerSaslOptions"),
)
_HEADERS: Final = ("headers", "grpcMetadata")
_BODIES: Final = ("body", "grpcBody")
_LINES: Final = ("tlsKey", "tlsCert")
_HARMLESS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"}
)
_BETWEEN_TAGS: Final = re.compile(r">([^<>]{6,})<")
_FRAME: Final = re.compile(r"-{3,}[A-Z0-9 ]+-{3,}")
_NAMED: Final = re.compile(r"(?:pass(?:word)?|pwd|token|secret|\w*key)\s*=\s*([^;\s]+)", re.IGNORECASE)


def secrets_of(monitor: Mapping[str, Any]) -> tuple[str, ...]:
    """The longest first, each as `clean` makes a line of it; not more than `MOST_SECRETS`, the most telling ones."""
    found: dict[str, None] = {}
    for text in _found(monitor):
        line = clean(text[:_LONGEST_READ], _LONGEST_READ)
        for first in range(0, len(line), LONGEST_SECRET):
            piece = line[first : first + LONGEST_SECRET].strip()
            if len(piece) >= SHORTEST_SECRET:
                found[piece] = None
            if len(found) >= MOST_SECRETS:
                break
        if len(found) >= MOST_SECRETS:
            break
    return tuple(sorted(found, key=len, reverse=True))


def _found(monitor: Mapping[str, Any]) -> Iterator[str]:
    """The short ones before those of many lines."""
    words = chain.from_iterable(_texts(monitor.get(name)) for name in _WORDS)
    yield from _written(chain(words, _of_address(monitor.get("url"))))
    yield from _of_basic_auth(monitor.get("basic_auth_user"), monitor.get("basic_auth_pass"))
    yield from _written(_of_connection(monitor.get("databaseConnectionString")))
    for name in _HEADERS:
        yield from _written(_of_headers(monitor.get(name)))
    for name in _BODIES:
        yield from _written(_of_body(monitor.get(name)))
    for name in (*_LINES, *_BODIES):
        yield from _of_lines(monitor.get(name))


def _written(texts: Iterator[str]) -> Iterator[str]:
    """Each of them, and as it stands in an address and in JSON."""
    for text in texts:
        yield text
        if not SHORTEST_SECRET <= len(text) <= _LONGEST_WRITTEN:
            continue
        sound = text.encode("utf-8", "replace").decode()
        for other in (quote(sound, safe=""), quote_plus(sound), json.dumps(sound)[1:-1]):
            if other != text:
                yield other


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, also in text that is JSON."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        one, depth = waiting.pop()
        if isinstance(one, str):
            yield one
            inner = _json(one) if depth < 3 else None
            if inner is not None:
                waiting.append((inner, depth + 1))
        elif isinstance(one, dict | list) and depth < 6:
            inside = list(one.values() if isinstance(one, dict) else one)[:_MOST_PARTS]
            waiting += [(each, depth + 1) for each in reversed(inside)]


def _json(text: str) -> Any:
    """What the text says as JSON, if it is an object or a list."""
    if len(text) > _LONGEST_READ or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_address(url: Any) -> Iterator[str]:
    """Password, or the user where there is none, and what stands in the query: as written there, and decoded."""
    if not isinstance(url, str):
        return
    try:
        parts = urlsplit(url[:_LONGEST_READ])
        credential = parts.password or parts.username or ""
    except ValueError:
        return
    yield from (credential, unquote(credential))
    yield from _of_form(parts.query)


def _of_form(text: str) -> Iterator[str]:
    """The values of `name=value&…`."""
    for pair in text.split("&", _MOST_PARTS)[:_MOST_PARTS]:
        value = pair.partition("=")[2]
        yield from (value, unquote_plus(value), unquote(value))


def _of_basic_auth(user: Any, password: Any) -> Iterator[str]:
    if isinstance(user, str) and isinstance(password, str) and password:
        both = f"{user}:{password}"
        yield from (both, base64.b64encode(both.encode("utf-8", "replace")).decode())


def _of_connection(text: Any) -> Iterator[str]:
    """Of a database's address, or of `Server=…;Password=…`."""
    if isinstance(text, str):
        yield text
        yield from _of_address(text)
        yield from (found.group(1) for found in _NAMED.finditer(text[:LONGEST_SECRET]))


def _of_headers(value: Any) -> Iterator[str]:
    """Values as a whole and, where the header may hold a secret, word by word: `Bearer …`, `session=…; …`."""
    yield from _texts(value)
    said = _json(value) if isinstance(value, str) else value
    if isinstance(said, dict):
        pairs = [(name, text) for name, text in list(said.items())[:_MOST_PARTS] if isinstance(text, str)]
    else:
        lines = value[:_LONGEST_READ].splitlines() if isinstance(value, str) else []
        pairs = [(name, text) for name, _, text in (line.partition(":") for line in lines[:_MOST_PARTS])]
    for name, text in pairs:
        if name.strip().lower() not in _HARMLESS:
            yield from _of_header(text[:_LONGEST_READ])


def _of_header(text: str) -> Iterator[str]:
    kind, _, rest = text.strip().partition(" ")
    yield rest
    for word in rest.split(None, _MOST_PARTS)[:_MOST_PARTS]:
        yield word.strip(",;\"'")
    for part in re.split(r"[;,&\s]+", text, maxsplit=_MOST_PARTS)[:_MOST_PARTS]:
        yield part.partition("=")[2].strip("\"'")
    if kind.lower() == "basic":
        try:
            both = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return
        yield from (both, both.partition(":")[2])


def _of_body(value: Any) -> Iterator[str]:
    """What is in a body of JSON, of a form or of XML."""
    yield from _texts(value)
    if not isinstance(value, str) or _json(value) is not None:
        return
    text = value[:_LONGEST_READ]
    if "=" in text:
        yield from _of_form(text.strip())
    yield from (found.group(1) for found in _BETWEEN_TAGS.finditer(text))


def _of_lines(value: Any) -> Iterator[str]:
    """A key, a certificate or a body as a whole, and each of its lines but those that only frame it."""
    if not isinstance(value, str):
        return
    yield value
    lines = [line.strip() for line in value[:_LONGEST_READ].splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not _FRAME.fullmatch(line))
