"""Makes the message a notifier is handed: one thing that happened, or a digest of several. Sends nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.notifications.kinds import Kinds
from medianest_hub.notifications.pictures import Pictures
from medianest_hub.plugin_api.notifiers import Notification
from medianest_hub.plugin_host.notification_kinds import shortened

DIGEST: Final = "hub.digest"
_MOST_TITLES: Final = 5
"""Of each kind, in a digest."""

_LONGEST_LINE: Final = 300
_TITLES: Final[Mapping[str, str]] = {"en": "{} new notifications", "de": "{} neue Mitteilungen"}
_MORE: Final[Mapping[str, str]] = {"en": "and {} more", "de": "und {} weitere"}


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened, as it is kept."""

    id: UUID
    kind: str
    params: Mapping[str, str | int | float | bool]
    href: str | None
    image: str | None
    at: datetime


def happened(row: Any) -> Happened:
    """A row with the columns of a happening."""
    params = json.loads(row["params"])
    return Happened(row["id"], row["kind"], params, row["href"], row["image"], row["at"])


class Wording:
    """`public_url`: the hub's own address, by which paths become whole addresses; without it they stay paths."""

    def __init__(self, kinds: Kinds, pictures: Pictures, public_url: str | None, base_path: str) -> None:
        self._kinds = kinds
        self._pictures = pictures
        self._url = public_url
        self._origin = (public_url or "").removesuffix(base_path)

    def message(self, happened: Sequence[Happened], language: str) -> Notification:
        """What to send: the thing itself where it is one, a digest of all else."""
        if len(happened) == 1:
            return self.of_one(happened[0], language)
        by_kind = Counter(one.kind for one in happened)
        lines = []
        for kind, count in by_kind.most_common():
            titles = [self._kinds.words(one.kind, language, one.params).title for one in happened if one.kind == kind]
            shown = ", ".join(titles[-_MOST_TITLES:][::-1])
            more = f", {_MORE[language].format(count - _MOST_TITLES)}" if count > _MOST_TITLES else ""
            lines.append(shortened(f"{self._kinds.title(kind, language)} ({count}): {shown}", _LONGEST_LINE) + more)
        return Notification(
            kind=DIGEST,
            title=_TITLES[language].format(len(happened)),
            body="\n".join(lines),
            params={"count": len(happened)},
            at=max(one.at for one in happened),
        )

    def of_one(self, one: Happened, language: str) -> Notification:
        """The thing itself."""
        words = self._kinds.words(one.kind, language, one.params)
        image = self.picture(one)
        return Notification(
            kind=one.kind,
            title=words.title,
            body=words.body,
            href=self._whole(one.href),
            image=f"{self._origin}{image}" if image is not None else None,
            params=dict(one.params),
            id=one.id,
            at=one.at,
        )

    def picture(self, one: Happened) -> str | None:
        """A fresh link to its picture, as the hub's own pages take it."""
        return self._pictures.link(one.image)

    def _whole(self, href: str | None) -> str | None:
        if href is None or not href.startswith("/") or self._url is None:
            return href
        return self._url + href
