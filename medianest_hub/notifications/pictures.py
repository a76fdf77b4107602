"""Pictures beside what was told: kept as what they are of, for links to them expire. Fetches none."""

from __future__ import annotations

import json
from dataclasses import asdict

from medianest_hub.plugin_api.errors import BadInput, Gone, NotFound
from medianest_hub.plugin_host.services.images import PATH, ImageLinks, PictureRef


class Pictures:
    """Takes links made by `ctx.images` apart, and makes them anew for whoever reads."""

    def __init__(self, links: ImageLinks) -> None:
        self._links = links

    def kept(self, link: str | None) -> str | None:
        """What the link is of, as a JSON document; None for one that has expired. Raises `BadInput` for any other address."""
        if link is None:
            return None
        try:
            return json.dumps(asdict(self._links.open(link.rpartition(PATH)[2])))
        except Gone:
            return None
        except NotFound:
            words = "The picture of a notification must be a link made by ctx.images.link."
            raise BadInput(words, code="bad_notification_image") from None

    def link(self, kept: str | None) -> str | None:
        """A fresh link to it."""
        return None if kept is None else self._links.link(PictureRef(**json.loads(kept)))
