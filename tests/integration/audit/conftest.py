"""The audit log on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from medianest_hub.audit import Audit
from medianest_hub.infrastructure.database import Database


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_url)
    yield database
    await database.close()


@pytest.fixture
async def audit(db: Database) -> AsyncIterator[Audit]:
    log = Audit(db)
    yield log
    await log.close()
