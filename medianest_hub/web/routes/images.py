"""Pictures over HTTP, by signed ids that plugins and the core hand out; takes no address from anybody."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.plugin_host.services.images import LONGEST_ID
from medianest_hub.web.answers import ready
from medianest_hub.web.header_block import MEDIA_CSP
from medianest_hub.web.pictures.gallery import FETCH_SECONDS, Gallery
from medianest_hub.web.pictures.rendering import CONTENT_TYPE

router = Router()

_A_DAY: Final = b"private, max-age=86400, immutable"
_A_MINUTE: Final = b"private, max-age=60"


class PicturePath(BaseModel):
    """The id of a picture, from a link the hub made."""

    id: str = Field(min_length=1, max_length=LONGEST_ID)


# Public by design: pictures are shown by elements of pages, which send no token. The id is the right to see it.
@router.get("/api/v1/images/{id}", public=True, deadline=FETCH_SECONDS * 2)
async def image(parts: HubParts, call: Call[PicturePath]) -> StreamAnswer:
    """A picture, as WebP, by the id in a link of the hub's.

    404 `no_such_picture` for an id the hub did not make and for a picture that is gone, 404 `plugin_disabled`; 410
    `link_expired` one to two days after the link was made: load again what it was in. 502 `picture_unusable` and
    `upstream_error`, 503 `plugin_unavailable`, 504 where the service does not give a picture and none is kept.
    """
    shown = await parts.of_room(Gallery).show(call.path.id, call.request_id)
    caching = _A_MINUTE if shown.stale else _A_DAY
    return ready(shown.content, CONTENT_TYPE, csp=MEDIA_CSP, etag=shown.etag, caching=caching)
