"""A process's clients for outside calls, and one plugin's of them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from medianest_hub.infrastructure.http_client import HttpClient, HttpClients


@pytest_asyncio.fixture
async def clients() -> AsyncIterator[HttpClients]:
    made = HttpClients()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def http(clients: HttpClients) -> HttpClient:
    return clients.client("weather")
