"""The fixtures pytest finds by itself once the hub is installed; each imports what it needs only when asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from medianest_hub.testing.upstream import FakeUpstream


@pytest_asyncio.fixture
async def fake_upstream() -> AsyncIterator[FakeUpstream]:
    """An HTTP server on 127.0.0.1 that answers what the test scripts."""
    from medianest_hub.testing.upstream import FakeUpstream

    upstream = FakeUpstream()
    await upstream.start()
    yield upstream
    await upstream.stop()
