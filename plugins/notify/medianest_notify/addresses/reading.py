"""Reads what a person enters as an address: whether it may be used at all, and what of it may be shown. Asks nobody."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from medianest_hub.plugin_api import errors
from medianest_notify.addresses.catalogue import BY_SCHEMA, MAIL, SERVICES, Service

LONGEST: Final = 1000
MOST_TARGETS: Final = 8
"""Parts of an address's path: many services take each for one more recipient, and each is one more call."""

_SCHEMA: Final = re.compile(r"([a-z0-9]{2,16})://(?=[^/?#\s])", re.IGNORECASE)
_MAIL: Final = re.compile(r"(?:mailto:(?://)?)?([A-Za-z0-9._+-]{1,64}@(?=.{4,253}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]+(\.[a-z0-9-]+)+|[0-9a-f:]*:[0-9a-f:.]+", re.IGNORECASE)

_WITHHELD: Final = {
    "verify": "certificates are always verified; whoever runs the hub can have it trust a CA of your own",
    "redirect": "redirections are never followed",
    "template": "templates are files on the hub's own disk",
    "cto": "how long the hub waits is not for an address to say",
    "rto": "how long the hub waits is not for an address to say",
    "attach": "nothing can be attached",
    "config": "an address must stand for itself, not for a list kept elsewhere",
    "keyfile": "files on the hub's own disk are not read",
    "store": "nothing is stored between messages",
    "retry": "the hub itself tries again",
    "wait": "the hub itself tries again",
}
"""What Apprise would take after the `?` of any address, and why it is not for the person to choose."""


@dataclass(frozen=True, slots=True)
class Entered:
    """An address that may be kept: `text` is a secret, `service` and `shown` are not."""

    text: str
    service: str
    shown: str


def read(text: str, offered: Collection[str]) -> Entered:
    """The address in what was entered. `offered` are names of services. `BadInput` with words that repeat nothing of it."""
    text = text.strip()
    if len(text) > LONGEST:
        raise _refused("too_long", f"This is too long for an address: {LONGEST} characters at most.")
    if re.search(r"[\x00-\x20\x7f-\xa0\u2028\u2029]", text):
        raise _refused("bad_address", "An address has no spaces and no line breaks; write %20 for a space within it.")
    if found := _MAIL.fullmatch(text):
        return _read_mail(found[1], offered)
    schema = _SCHEMA.match(text)
    if schema is None:
        example = SERVICES["ntfy"].example
        raise _refused("bad_address", f"Write a whole address of a service, such as {example}.")
    service = BY_SCHEMA.get(schema[1].lower())
    if service is None or service.name not in offered:
        # One answer for both, and for what Apprise might know besides.
        raise _refused("not_offered", f"Addresses that begin with {schema[1].lower()}:// are not offered by this hub.")
    _check_options(text)
    if _targets(text) > MOST_TARGETS:
        raise _refused("too_many_targets", f"An address may name {MOST_TARGETS} recipients at most; add a second one.")
    return Entered(text, service.name, _shown(text, service))


def _read_mail(recipient: str, offered: Collection[str]) -> Entered:
    if MAIL not in offered:
        raise _refused("not_offered", "E-mail is not offered by this hub: whoever runs it has set no mail server.")
    name, _, domain = recipient.partition("@")
    return Entered(recipient, MAIL, f"{name[0]}•••@{domain.lower()}")


def _check_options(text: str) -> None:
    query = text.partition("?")[2].partition("#")[0]
    for key, _ in parse_qsl(query.replace(";", "&"), keep_blank_values=True):
        plain = key.strip().lower()
        if words := _WITHHELD.get(plain):
            raise _refused("option_withheld", f"Leave out {plain}= after the question mark: {words}.")


def _targets(text: str) -> int:
    return len([part for part in re.split(r"[/,]|%2c|%2f", text.partition("://")[2].partition("?")[0].lower()) if part])


def _shown(text: str, service: Service) -> str:
    """The server's name where the address has one that is no secret, else nothing."""
    if not service.host:
        return ""
    try:
        split = urlsplit(text)
        host = split.hostname or ""
    except ValueError:
        return ""
    # `ntfy://topic` has its secret where others have the server.
    return host if split.path.strip("/") and _HOST.fullmatch(host) else ""


def _refused(code: str, words: str) -> errors.BadInput:
    return errors.BadInput(words, fields=[errors.FieldProblem(field="body.address", code=code, message=words)])
