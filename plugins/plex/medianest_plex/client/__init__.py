"""All this plugin says to plex.tv and to the Plex server. Tokens go in a header, never in an address."""

from medianest_plex.client.plex_tv import PlexTv
from medianest_plex.client.server import PlexServer

__all__ = ["PlexServer", "PlexTv"]
