"""All this plugin says to Overseerr and Seerr. The key goes into a header, never into an address."""

from medianest_overseerr.client.service import Overseerr

__all__ = ["Overseerr"]
