"""What is recorded stays as it is, is there once, survives a database that is away, and ends by retention alone."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

from medianest_hub.audit import ANONYMOUS, Actor, Audit, Entry, Filter, Target, id_of
from medianest_hub.audit.flood import MORE, PER_MINUTE
from medianest_hub.audit.log import PRUNED_AT_ONCE
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.quarantine import Quarantine
from medianest_hub.jobs.quarantined import tell_of_quarantine

EVERYTHING = Filter()
MIA = Actor("person", uuid4(), "mia")


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


async def count(db: Database) -> int:
    found: int = await db.fetchval("SELECT count(*) FROM medianest.audit")
    return found


async def test_an_entry_is_read_as_it_was_recorded(audit: Audit) -> None:
    entry = Entry(
        action="users.update",
        actor=MIA,
        target=Target("user", "u1", "tom"),
        address="fe80::1%eth0",
        request_id="r-1",
        details={
            "role_before": "guest",
            "role_after": "member",
            "ended": 2,
            "granted": ["youtube.download"],
            "x": None,
        },
    )
    await audit.record(entry)
    (found,) = await audit.list(EVERYTHING)
    assert (found.id, found.at, found.action, found.result) == (entry.id, entry.at, "users.update", "ok")
    assert (found.actor_kind, found.actor_id, found.actor_name) == ("person", MIA.id, "mia")
    assert (found.target_kind, found.target_id, found.target_name) == ("user", "u1", "tom")
    assert (found.address, found.request_id, found.details) == ("fe80::1", "r-1", dict(entry.details))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE medianest.audit SET result = 'failed'",
        "DELETE FROM medianest.audit",
        "TRUNCATE medianest.audit",
        "TRUNCATE medianest.audit CASCADE",
        "INSERT INTO medianest.audit SELECT * FROM medianest.audit ON CONFLICT (id) DO UPDATE SET actor_name = 'tom'",
    ],
)
async def test_not_even_the_hubs_own_role_may_change_or_remove_an_entry(db: Database, audit: Audit, sql: str) -> None:
    await audit.record(Entry("auth.login", MIA))
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await db.execute(sql)
    assert [entry.actor_name for entry in await audit.list(EVERYTHING)] == ["mia"]


async def test_what_retention_may_do_covers_nothing_up_that_was_just_done(db: Database, audit: Audit) -> None:
    await audit.record(Entry("auth.login", MIA))
    for statement in ("DELETE FROM medianest.audit", "TRUNCATE medianest.audit"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await db.execute(f"SET medianest.audit_retention = 'on'; {statement}")
    assert await count(db) == 1


async def fill(db: Database, rows: int, days_ago: int) -> None:
    await db.execute(
        "INSERT INTO medianest.audit (id, at, actor_kind, action, result) "
        "SELECT gen_random_uuid(), now() - make_interval(days => $2), 'system', 'x.y', 'ok' FROM generate_series(1, $1)",
        rows,
        days_ago,
    )


async def test_retention_removes_what_is_older_in_batches_and_nothing_else(db: Database, audit: Audit) -> None:
    await fill(db, PRUNED_AT_ONCE + 7, 31)
    await fill(db, 3, 29)
    assert await audit.prune(30) == PRUNED_AT_ONCE + 7
    assert await count(db) == 3
    assert await audit.prune(30) == 0


async def test_several_processes_forget_only_once(db: Database, postgres_url: str, audit: Audit) -> None:
    await fill(db, PRUNED_AT_ONCE + 7, 31)
    other = await Database.connect(postgres_url)
    try:
        removed = await asyncio.gather(*(Audit(one).prune(30) for one in (db, other)))
    finally:
        await other.close()
    assert sum(removed) == PRUNED_AT_ONCE + 7
    assert await count(db) == 0


async def test_the_same_thing_seen_by_several_processes_is_recorded_once(db: Database, audit: Audit) -> None:
    at = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
    for _ in range(3):
        await audit.record(Entry("plugins.quarantine", MIA, id=id_of(at, "plex"), at=at))
    await audit.record(Entry("plugins.quarantine", MIA, id=id_of(at, "youtube"), at=at))
    assert await count(db) == 2
    assert id_of(at, "plex").version == 7
    assert await audit.list(Filter(since=at, until=at + timedelta(milliseconds=1)))


async def test_a_flood_of_failures_leaves_a_bounded_number_of_rows_and_says_how_many_more(db: Database) -> None:
    audit = Audit(db)
    mine = Target("user", "u1", "ada")
    for number in range(300):
        stranger = Entry(
            "auth.login", ANONYMOUS, "refused", address=f"198.51.100.{number % 250}", code="wrong_credentials"
        )
        await audit.record(stranger)
    aimed = [
        Entry("auth.login", ANONYMOUS, "refused", target=mine, address="203.0.113.9") for _ in range(PER_MINUTE + 1)
    ]
    await audit.record_many(aimed)
    await audit.record_many(Entry("auth.login", MIA, address="192.0.2.1") for _ in range(40))
    await audit.close()

    assert len(await audit.list(Filter(result="ok"), limit=200)) == 40, "what goes well is always written"
    refused = await audit.list(Filter(result="refused"), limit=200)
    assert len(refused) == 2 * PER_MINUTE + 2
    more = {entry.target_name: entry for entry in refused if entry.code == MORE}
    assert more[""].details == {"more": 300 - PER_MINUTE, "addresses": 250, "seconds": 60}
    assert more[""].address == ""
    assert more["ada"].details == {"more": 1, "addresses": 1, "seconds": 60}
    assert more["ada"].address == "203.0.113.9"


async def test_what_was_typed_into_it_cannot_break_the_row(audit: Audit) -> None:
    odd = "a\0b\ud800\x1b[31m\n" + "x" * 500
    await audit.record(
        Entry("users.update", Actor("person", uuid4(), odd), target=Target(odd, odd, odd), address="no address", code=odd,
              request_id=odd, details={odd: odd, "n": float("nan"), "i": float("inf"), "many": [odd] * 1000})
    )  # fmt: skip
    (found,) = await audit.list(EVERYTHING)
    assert found.address == ""
    assert "\x1b" not in found.model_dump_json()
    assert len(found.model_dump_json()) < 40_000
    assert len(found.target_name) == 128


async def test_secrets_are_masked_also_where_a_handler_lets_one_through(db: Database, audit: Audit) -> None:
    key = "mn_" + "k3Y" * 14 + "z"
    await audit.record(
        Entry(
            "plugins.change_settings",
            MIA,
            target=Target("plugin", f"https://mia:hunter2@example.org/?token=s3cretvalue {key}"),
            details={
                "api_key": "s3cretvalue",
                "changed": ["api_key", "url"],
                "words": f"Authorization: Bearer s3cretvalue and {key} and mnr_{key[3:]}",
            },
        )
    )
    row = json.dumps([dict(row) for row in await db.fetch("SELECT * FROM medianest.audit")], default=str)
    for secret in ("hunter2", "s3cretvalue", key, key[3:]):
        assert secret not in row
    (found,) = await audit.list(EVERYTHING)
    assert found.details["changed"] == ["api_key", "url"], "names are no secrets"


async def test_nobody_hides_behind_a_name_that_looks_like_a_secret(audit: Audit) -> None:
    name = "password=hidden"
    await audit.record(
        Entry("users.create", Actor("person", uuid4(), name), target=Target("user", "1", name), details={"words": name})
    )
    (found,) = await audit.list(EVERYTHING)
    assert (found.actor_name, found.target_name) == (name, name)
    assert "hidden" not in str(found.details)


async def test_an_entry_is_written_once_the_database_is_back_and_nobody_waits_for_that(
    own_postgres: EmbeddedPostgres, logged: list[dict[str, object]]
) -> None:
    db = await Database.connect(own_postgres.url)
    audit = Audit(db)
    try:
        await audit.record(Entry("auth.login", MIA))
        await asyncio.to_thread(own_postgres.stop)
        async with asyncio.timeout(3):
            for _ in range(250):
                await audit.record(Entry("users.delete", MIA))
        assert any(line["event"] == "audit_entry_not_written_yet" and line["log_level"] == "error" for line in logged)
        own_postgres.start()  # children are started from the main thread
        await asyncio.to_thread(own_postgres.wait_ready)
        async with asyncio.timeout(30):
            while (
                sum(int(str(line["count"])) for line in logged if line["event"] == "audit_entries_written_late") < 250
            ):
                await asyncio.sleep(0.05)
        actions = [entry.action for entry in await audit.list(EVERYTHING, limit=1000)]
        assert actions == ["users.delete"] * 250 + ["auth.login"]
    finally:
        await audit.close()
        await db.close()


async def test_what_can_no_longer_be_written_is_in_the_log_whole(
    own_postgres: EmbeddedPostgres, logged: list[dict[str, object]]
) -> None:
    db = await Database.connect(own_postgres.url)
    audit = Audit(db)
    await asyncio.to_thread(own_postgres.stop)
    await audit.record(Entry("users.delete", MIA, target=Target("user", "u1", "tom"), details={"sessions": 2}))
    async with asyncio.timeout(5):
        await audit.close()
    await db.close()
    (lost,) = [line for line in logged if line["event"] == "audit_entry_lost"]
    assert lost["log_level"] == "error"
    assert (lost["action"], lost["target"], lost["details"]) == ("users.delete", "user u1 tom", {"sessions": 2})


async def test_one_row_the_database_refuses_keeps_no_other_out(audit: Audit, logged: list[dict[str, object]]) -> None:
    wrong = Entry("users.delete", Actor("nobody"))  # type: ignore[arg-type]
    await audit.record_many([Entry("auth.login", MIA), wrong, Entry("auth.logout", MIA)])
    await audit.close()
    assert {entry.action for entry in await audit.list(EVERYTHING)} == {"auth.login", "auth.logout"}
    assert [line["action"] for line in logged if line["event"] == "audit_entry_lost"] == ["users.delete"]


async def test_an_entry_made_wrongly_breaks_nothing(audit: Audit, logged: list[dict[str, object]]) -> None:
    await audit.record_many(
        [Entry("x.wrong", MIA, address=7), Entry("x.odd", Actor("person", name=7)), Entry("x.y", MIA)]
    )  # type: ignore[arg-type]
    await audit.close()
    assert [entry.action for entry in await audit.list(EVERYTHING)] == ["x.y"]
    assert [line["action"] for line in logged if line["event"] == "audit_entry_not_made"] == ["x.odd"]


async def test_a_plugin_in_quarantine_is_in_the_log_once_however_many_processes_start(
    audit: Audit, tmp_path: Path
) -> None:
    path = tmp_path / "quarantine.json"
    Quarantine(path).add("plex", "the web process was killed while importing it")
    for _ in range(3):
        await tell_of_quarantine(audit, path)
    (found,) = await audit.list(EVERYTHING)
    assert (found.action, found.actor_kind, found.target_id) == ("plugins.quarantine", "system", "plex")
    assert found.details == {"reason": "the web process was killed while importing it"}
    path.write_text('{"odd": {"at": "yesterday"}, "odder": 7}')
    await tell_of_quarantine(audit, path)
    assert len(await audit.list(EVERYTHING)) == 1
