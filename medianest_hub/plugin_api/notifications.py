"""What a plugin may tell people: the kinds it declares with their words in each language, and how it tells. Does no I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias
from uuid import UUID

from medianest_hub.plugin_api.people import SIGNED_IN

if TYPE_CHECKING:
    from medianest_hub.plugin_api.services import Queries

Language: TypeAlias = Literal["en", "de"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")
"""The languages people read. `en` is what is read where another is missing."""

Choice: TypeAlias = Literal["on", "digest", "off"]
"""How somebody wants to hear of a kind by one way: at once, gathered, or not at all."""

Params: TypeAlias = Mapping[str, str | int | float | bool]
"""What is put into the words, by name."""


@dataclass(frozen=True, slots=True)
class Words:
    """Templates of a title and a body, with `{param}` where a parameter belongs and `{{`, `}}` for braces."""

    title: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class NotificationKind:
    """Something worth telling people. `name` is local (`download_done`); its full name is `<plugin>.<name>`.

    `title` and `words` are by language: `title` is what the kind is called where people choose what they hear of, `words` what
    is told. `permission`: who may be told, and see it in the activity. `oversight`: whose holders see in the activity what
    was told to others alone. `default`: how people hear of it who chose nothing. `activity`: whether it is part of the
    activity; `notify`: whether people are told, rather than it only being part of the activity.
    """

    name: str
    title: Mapping[str, str] = field(hash=False)
    words: Mapping[str, Words] = field(hash=False)
    permission: str = SIGNED_IN
    oversight: str | None = None
    default: Choice = "on"
    activity: bool = True
    notify: bool = True


class Notify(Protocol):
    """Telling people what happened: in their list, by the ways they chose, and in the activity."""

    async def tell(
        self,
        kind: str | NotificationKind,
        params: Params,
        *,
        key: str,
        person: UUID | None = None,
        permission: str | None = None,
        hidden_from: Collection[UUID] = (),
        href: str | None = None,
        image: str | None = None,
        at: datetime | None = None,
        tx: Queries | None = None,
    ) -> None:
        """Tell one person (`person`: it concerns them alone) or everybody with the kind's permission; kept once it returns.

        `key` is what makes it the same happening: told twice with the same kind, key and person it is told once, over all
        replicas. `permission`: of everybody, only those who have this one as well; `hidden_from`: but not these. `href`: a
        path of the hub, or a whole http or https address. `image`: a link made by `ctx.images`. `at`: when it happened, by
        default now. `tx`: take part in a transaction; nobody is told unless it commits. Somebody who is gone, not active or
        without the kind's permission is told nothing. Raises `BadInput` for a kind that is not declared, a parameter its
        words want and did not get, and a bad key or link.
        """
