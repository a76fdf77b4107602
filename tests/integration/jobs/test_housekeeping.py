"""What is forgotten, and what is not."""

from uuid import uuid4

from medianest_hub.accounts.sessions import Sessions
from medianest_hub.audit import Audit, Entry, Filter, operator
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.housekeeping import Housekeeping
from medianest_hub.notifications.keeping import Keeping


async def begin_attempts(db: Database) -> None:
    """A sign-in that is over, and one that is not."""
    for name, age in ((b"old", "-1 minute"), (b"young", "1 minute")):
        await db.execute(
            "INSERT INTO medianest.sign_in_attempts (token_hash, provider, sealed, expires_at) "
            f"VALUES ($1, 'oidc', '', now() + interval '{age}')",
            name,
        )


async def test_only_what_is_past_its_time_is_forgotten(postgres_url: str, redis_url: str) -> None:
    db = await Database.connect(postgres_url)
    redis = RedisLink.open(redis_url, worker=True)
    realtime = RealtimeLog(db, redis)
    try:
        user, old, young = uuid4(), uuid4(), uuid4()
        await db.execute(
            "INSERT INTO medianest.users (id, username, username_key, role) VALUES ($1, 'ada', 'ada', 'admin')", user
        )
        for session, age in ((old, "-2 days"), (young, "1 day")):
            await db.execute(
                f"INSERT INTO medianest.sessions (id, user_id, expires_at) VALUES ($1, $2, now() + interval '{age}')",
                session,
                user,
            )
        seqs = [await realtime.send("x:y", {}, permission="hub.admin") for _ in range(2)]
        await db.execute(
            "UPDATE medianest.realtime_events SET at = now() - interval '80 hours' WHERE seq = $1", seqs[0]
        )
        for hours in (0, 30):
            await db.execute(
                "INSERT INTO medianest.processes (id, role, host, pid, version, seen_at) "
                "VALUES ($1, 'web', 'h', 1, '1', now() - make_interval(hours => $2))",
                uuid4(),
                hours,
            )
        await begin_attempts(db)

        audit = Audit(db)
        await db.execute(
            "INSERT INTO medianest.audit (id, at, actor_kind, action, result) "
            "VALUES ($1, now() - interval '31 days', 'system', 'x.old', 'ok')",
            uuid4(),
        )
        await audit.record(Entry("x.young", operator()))

        keeping = Keeping(db, 10)
        await Housekeeping(db, Sessions(db, redis, realtime), realtime, 72, audit, 30, keeping).tidy()

        assert [row["id"] for row in await db.fetch("SELECT id FROM medianest.sessions")] == [young]
        assert [event.seq for event in await realtime.since(0)] == [seqs[1]]
        assert await realtime.latest_seq() == seqs[1]
        assert await db.fetchval("SELECT count(*) FROM medianest.processes") == 1
        assert [row[0] for row in await db.fetch("SELECT token_hash FROM medianest.sign_in_attempts")] == [b"young"]
        assert [entry.action for entry in await audit.list(Filter())] == ["x.young"]
    finally:
        await redis.close()
        await db.close()
