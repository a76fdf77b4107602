"""One search over every media source of the running plugins, and one page of each thing. Knows no HTTP."""

from medianest_hub.media.models import MediaFound, MediaItem, MediaPage
from medianest_hub.media.room import Media

__all__ = ["Media", "MediaFound", "MediaItem", "MediaPage"]
