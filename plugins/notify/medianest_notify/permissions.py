"""The rights this plugin defines."""

from __future__ import annotations

from typing import Final

ADDRESSES: Final = "addresses"
"""To enter addresses of one's own, and so to say where the hub connects."""

PUSH: Final = "push"
"""To let the hub push to one's own devices."""
