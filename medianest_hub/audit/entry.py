"""One entry of the audit log: who, what, on what, from where, with what result; cleaned and bounded, written by nobody here."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.masking import mask_text, mask_value

ActorKind: TypeAlias = Literal["person", "api_key", "anonymous", "operator", "system"]
Result: TypeAlias = Literal["ok", "refused", "failed"]
Detail: TypeAlias = str | int | float | bool | Sequence[str] | None
IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_NAME: Final = 128
LONGEST_TEXT: Final = 300
MOST_DETAILS: Final = 24
MOST_IN_LIST: Final = 100
"""Characters of a name or an id, of a text among the details; how many details, and things in a list. More is cut."""

_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `id` is the person's, also when they used an API key; `name` is what they were called then."""

    kind: ActorKind
    id: UUID | None = None
    name: str = ""


ANONYMOUS: Final = Actor("anonymous")
SYSTEM: Final = Actor("system", name="hub")


@dataclass(frozen=True, slots=True)
class Target:
    """What it was done to: `kind` is one word (`user`, `plugin`), `id` whatever tells one from another."""

    kind: str = ""
    id: str = ""
    name: str = ""


_NOTHING: Final = Target()


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done. `action` is `<source>.<what>`; `code` the problem's where it was refused or failed.

    `details` are flat: texts, numbers, truth values, lists of texts. Never a password, key or token: what looks like one
    in them is masked once more before it is written (in no name), but whoever makes an entry must not count on that.
    Whoever gives a time of its own gives an `id_of` that time with it: entries are found and ordered by their ids.
    """

    action: str
    actor: Actor
    result: Result = "ok"
    target: Target = _NOTHING
    address: str = ""
    code: str = ""
    request_id: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def cleaned(self) -> Entry:
        """The same without secrets, without what no database can hold, and within bounds."""
        return replace(
            self,
            action=_text(self.action),
            # Names stay as they are: somebody named `password=x` would be hidden behind a mask.
            actor=replace(self.actor, name=_text(self.actor.name)),
            target=Target(_text(self.target.kind), _masked(self.target.id), _text(self.target.name)),
            code=_text(self.code),
            request_id=_text(self.request_id),
            details={
                _text(name): _detail(name, value) for name, value in list(self.details.items())[:MOST_DETAILS] if name
            },
        )

    @property
    def ip_address(self) -> IpAddress | None:
        """`address` as one, None where it is none."""
        try:
            found = ipaddress.ip_address(self.address.partition("%")[0])
        except ValueError:
            return None
        return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def operator() -> Actor:
    """Whoever runs this command, by the name of their account on this machine."""
    try:
        return Actor("operator", name=pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        return Actor("operator", name=f"uid {os.getuid()}")


def by_operator(action: str, target: Target = _NOTHING, **details: Detail) -> Entry:
    """Something done with a command on the machine the hub runs on."""
    return Entry(action, operator(), target=target, details=details)


def id_of(at: datetime, *parts: str) -> UUID:
    """The same UUIDv7 for the same thing at the same time: several processes that saw it write it once."""
    random = hashlib.blake2b("\0".join(parts).encode(), digest_size=10).digest()
    milliseconds = int(at.timestamp() * 1000)
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + random, "big")
    number = number & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))


def _detail(name: str, value: Detail) -> Detail:
    """One detail as JSON can hold it. Anything of another type is a mistake of ours and becomes the name of its type."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, str):
        return _text(str(mask_value(name, value[: 4 * LONGEST_TEXT])), LONGEST_TEXT)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        many = [_masked(str(one)) for one in value[:MOST_IN_LIST]]
        return many if len(value) <= MOST_IN_LIST else [*many, _CUT]
    return f"<{type(value).__name__}>"


def _masked(text: str) -> str:
    return _text(mask_text(text[: 4 * LONGEST_NAME]))


def _text(text: str, longest: int = LONGEST_NAME) -> str:
    """Without U+0000, half characters and control characters, which would also fool whoever reads it in a terminal."""
    plain = text.encode("utf-8", "replace").decode()
    plain = "".join(character if character.isprintable() else "\ufffd" for character in plain[: 2 * longest])
    return plain if len(plain) <= longest else plain[: longest - 1] + _CUT
