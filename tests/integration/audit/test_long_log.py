"""However long the log is: the usual filters are answered by an index, and no more than a piece of it is held at once."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from medianest_hub.audit import Audit, Filter, reading
from medianest_hub.audit.reading import PIECE
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from tests.conftest import fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long_log(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[Database]:
    """200,000 entries over a year."""
    made = fresh_database(postgres_server.url, migrated_template)
    db = await Database.connect(await asyncio.to_thread(next, made))
    await db.execute(
        """
        INSERT INTO medianest.audit (id, at, actor_kind, actor_id, action, target_id, address, result)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
                || substr(md5(n::text), 4, 15))::uuid,
               at, 'person', ('00000000-0000-0000-0000-' || lpad((n % 50)::text, 12, '0'))::uuid,
               (ARRAY['auth.login', 'auth.logout', 'plugins.enable', 'users.update'])[1 + n % 4],
               (n % 3000)::text, ('10.0.' || n % 200 || '.' || n % 7)::inet,
               CASE WHEN n % 500 = 0 THEN 'refused' WHEN n % 700 = 0 THEN 'failed' ELSE 'ok' END
        FROM generate_series(1, 200000) n, LATERAL (SELECT now() - make_interval(secs => (200000 - n) * 150) AS at)
        """
    )
    await db.execute(
        "INSERT INTO medianest.audit (id, actor_kind, action, result) VALUES ($1, 'system', 'rare.one', 'ok')", uuid4()
    )
    await db.execute("ANALYZE medianest.audit")
    yield db
    await db.close()
    await asyncio.to_thread(next, made, None)


async def test_no_usual_filter_reads_the_whole_log(long_log: Database) -> None:
    somebody = UUID("00000000-0000-0000-0000-000000000007")
    month = Filter(since=NOW - timedelta(days=60), until=NOW - timedelta(days=30))
    filters = {
        "all": Filter(),
        "actor": Filter(actor=somebody),
        "nobody": Filter(actor=uuid4()),
        "action": Filter(action="plugins.enable"),
        "rare action": Filter(action="rare."),
        "prefix": Filter(action="plugins."),
        "target": Filter(target="17"),
        "address": Filter(address=ipaddress.IPv4Address("10.0.7.0")),
        "result": Filter(result="refused"),
        "time": month,
        "actor and time": replace(month, actor=somebody),
        "sign-ins refused": Filter(action="auth.login", result="refused"),
    }
    slow = {}
    for name, wanted in filters.items():
        where, arguments = wanted.where(2)
        sql = f"SELECT * FROM medianest.audit WHERE {where} ORDER BY id DESC LIMIT $1"
        plan = json.loads(await long_log.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", 51, *arguments))[0][
            "Plan"
        ]
        touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        if "Seq Scan" in json.dumps(plan) or touched > 4000:
            slow[name] = touched
    assert slow == {}


async def test_listing_the_actions_does_not_read_the_whole_log(long_log: Database) -> None:
    assert await Audit(long_log).actions() == [
        "auth.login",
        "auth.logout",
        "plugins.enable",
        "rare.one",
        "users.update",
    ]
    plan = json.loads(await long_log.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {reading._ACTIONS}"))[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100


async def test_an_export_holds_no_more_than_a_piece_of_a_long_log_at_once(long_log: Database) -> None:
    audit, count, largest = Audit(long_log), 0, 0
    before = NOW - timedelta(days=300)
    async for piece in audit.export(Filter(until=before)):
        count, largest = count + len(piece), max(largest, len(piece))
    assert largest == PIECE
    assert count == await long_log.fetchval("SELECT count(*) FROM medianest.audit WHERE at < $1", before)
