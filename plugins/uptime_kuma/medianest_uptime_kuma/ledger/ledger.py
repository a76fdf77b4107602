"""`Ledger`: what the holder of the stream writes, each time in one transaction that fails once somebody else holds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from medianest_hub.plugin_api import Context, Queries
from medianest_uptime_kuma.client.seen import Found, Seen
from medianest_uptime_kuma.client.status_page import KumaMaintenance, PageIncident
from medianest_uptime_kuma.ledger import source
from medianest_uptime_kuma.ledger.announcements import bring_incidents, bring_maintenance
from medianest_uptime_kuma.ledger.recording import Recorded, reconsider, record
from medianest_uptime_kuma.ledger.registering import Register
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.telling import STATUS_TILES, tell, tell_incident, tell_tiles

GRACE_SECONDS = 180.0
"""How long after it was last seen a monitor that is left out is still believed: Uptime Kuma leaves out what has no beat yet."""


class Ledger:
    """Made by `Ledger.claim`. Every call may raise `source.Overtaken`; then end the stream."""

    def __init__(self, ctx: Context[UptimeKumaSettings], fence: int) -> None:
        self.ctx = ctx
        self.fence = fence
        self.remark = ""
        """What an admin should look at although Uptime Kuma is heard."""
        self._register = Register(ctx.instance)
        self._wakes: dict[int, float] = {}
        self._is_heard: bool | None = None
        self._connected = ctx.metrics.gauge("connected", "Whether Uptime Kuma is heard, in the process that reads it.")
        self._beats = ctx.metrics.counter("beats", "Checks of monitors taken in.")
        self._changes = ctx.metrics.counter("changes", "Changes of monitors by what they became.", ["status"])

    @classmethod
    async def claim(cls, ctx: Context[UptimeKumaSettings], fence: int) -> Ledger:
        """Take over from whoever held a smaller fence. Raises `Overtaken` when somebody holds a larger one."""
        ledger = cls(ctx, fence)
        await source.claim(ctx.db, ctx.instance, fence)
        await ledger._load()
        was = await source.read(ctx.db, ctx.instance)
        if was.trouble and not was.connected:
            ledger._is_heard = False  # has been said: a stream that cannot connect begins again and again
        # What the holder before us wrote, and died before it told anybody.
        await tell_tiles(ctx, *STATUS_TILES)
        return ledger

    async def heard(self, way: Way, patience: float, version: str = "") -> None:
        """Uptime Kuma has just been heard; statuses are believed for `patience` seconds."""
        now = self.ctx.clock.now()
        await source.heard(
            *(self.ctx.db, self.ctx.instance, self.fence),
            way=way, version=version, patience=patience, remark=self.remark, now=now,
        )  # fmt: skip
        if not self._is_heard:
            self._is_heard = True
            self._connected.set(1)
            self.ctx.log.info("uptime_kuma_up", way=way.value, version=version)
            await tell_tiles(self.ctx, *STATUS_TILES)

    async def lost(self, trouble: str) -> None:
        """Uptime Kuma does not answer as it should."""
        await source.lost(self.ctx.db, self.ctx.instance, self.fence, trouble, self.ctx.clock.now())
        if self._is_heard is not False:
            self._is_heard = False
            self._connected.set(0)
            self.ctx.log.warning("uptime_kuma_down", trouble=trouble)

    async def register(self, seen: Sequence[Seen], *, whole: bool = False, partly: bool = False) -> list[int]:
        """Bring the list of monitors to what was seen; the numbers of those seen, in their order.

        `whole`: there are no others. `partly`: there are. Neither: the others are missing, and unknown after a while.
        """
        now = self.ctx.clock.now()
        async with self._transaction() as tx:
            done = await self._register.register(tx, seen, whole=whole, partly=partly, now=now)
        await self._lose_sight(done.missing, now)
        if done.changed:
            await tell_tiles(self.ctx, *STATUS_TILES)
        return done.numbers

    async def remove(self, kuma_id: int) -> None:
        """A monitor was deleted in Uptime Kuma."""
        async with self._transaction() as tx:
            known = await self._register.remove(tx, kuma_id, self.ctx.clock.now())
        if known:
            await tell_tiles(self.ctx, *STATUS_TILES)

    def number_of(self, kuma_id: int) -> int | None:
        """The number of a monitor Uptime Kuma knows by that one."""
        return self._register.number_of(kuma_id)

    async def record(self, found: Sequence[tuple[int, Found]], *, live: bool = True) -> None:
        """Take in beats, by number; pages are told of what changed. `live` as in `recording.record`."""
        if not found:
            return
        async with self._transaction() as tx:
            outcome = await record(self.ctx, tx, found, live=live, now=self.ctx.clock.now())
        self._beats.inc(len(found))
        for change in outcome.changes:
            self._changes.inc(status=change.status.value)
        await self._told(outcome)

    async def tick(self) -> None:
        """Tell of what was waited for. Asks nobody while nothing is due, and tells nothing while Uptime Kuma is away."""
        if not self._is_heard:
            return
        now = self.ctx.clock.now()
        due = [number for number, at in self._wakes.items() if at <= now.timestamp()]
        if not due:
            return
        async with self._transaction() as tx:
            outcome = await reconsider(self.ctx, tx, due, now)
        for number in due:
            self._wakes.pop(number, None)
        await self._told(outcome)

    async def incidents(self, page: str, found: Sequence[PageIncident]) -> None:
        """Bring the incidents of a status page to what stands there now; events tell of each that came or went."""
        async with self._transaction() as tx:
            outcome = await bring_incidents(self.ctx, tx, page, found, self.ctx.clock.now())
        for event, data in outcome:
            await tell_incident(self.ctx, event, data)
        if outcome:
            await tell_tiles(self.ctx, "incidents")

    async def only_pages(self, pages: Sequence[str]) -> None:
        """Whatever other status pages announced is over."""
        open_on = await self.ctx.db.fetch(
            """SELECT DISTINCT page FROM plugin_uptime_kuma.incident
                WHERE instance = $1 AND closed_at IS NULL AND page <> ALL($2)""",
            *(self.ctx.instance, list(pages)),
        )
        for row in open_on:
            await self.incidents(row["page"], [])

    async def maintenance(self, items: Sequence[KumaMaintenance]) -> None:
        """Bring the work that is planned or under way to what Uptime Kuma says now."""
        async with self._transaction() as tx:
            changed = await bring_maintenance(self.ctx, tx, items)
        if changed:
            await tell_tiles(self.ctx, "incidents")

    async def _told(self, outcome: Recorded) -> None:
        for number, at in outcome.wakes.items():
            if at is None:
                self._wakes.pop(number, None)
            else:
                self._wakes[number] = at
        await tell(self.ctx, outcome.changes, outcome.alerts)

    async def _lose_sight(self, missing: Sequence[int], now: datetime) -> None:
        """Those left out for a while are unknown from then on."""
        if not missing:
            return
        rows = await self.ctx.db.fetch(
            """SELECT number FROM plugin_uptime_kuma.monitor
                WHERE number = ANY($1) AND status <> $2 AND seen_at < $3 AND missing_since < $3""",
            *(missing, Status.UNKNOWN.number, now - timedelta(seconds=GRACE_SECONDS)),
        )
        await self.record([(row["number"], Found(now, Status.UNKNOWN, 0.0)) for row in rows])

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Queries]:
        """Ours alone. Should it fail, this ledger knows more than is kept: end the stream, and claim another one."""
        async with self.ctx.db.transaction() as tx:
            await source.hold(tx, self.ctx.instance, self.fence)
            yield tx

    async def _load(self) -> None:
        await self._register.load(self.ctx.db)
        rows = await self.ctx.db.fetch(
            """SELECT number, (alert->>'wake_at')::double precision AS wake_at FROM plugin_uptime_kuma.monitor
                WHERE instance = $1 AND gone_at IS NULL AND alert->>'wake_at' IS NOT NULL""",
            self.ctx.instance,
        )
        self._wakes = {row["number"]: row["wake_at"] for row in rows}
