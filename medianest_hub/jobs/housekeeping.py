"""Forgets what nobody can need any more: ended sessions, events, notifications and audit entries past their time."""

from __future__ import annotations

from medianest_hub.accounts.sessions import Sessions
from medianest_hub.audit import Audit
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.jobs.loops import Loop
from medianest_hub.notifications.keeping import Keeping

FIRST_SECONDS = 60.0
EVERY_SECONDS = 3600.0


class Housekeeping:
    """Runs in every worker; each step is a harmless `DELETE`, so that two at once do no damage.

    `retention_hours` is for events, `audit_days` for the audit log.
    """

    def __init__(
        self,
        db: Database,
        sessions: Sessions,
        realtime: RealtimeLog,
        retention_hours: float,
        audit: Audit,
        audit_days: int,
        notifications: Keeping,
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._realtime = realtime
        self._retention_hours = retention_hours
        self._audit = audit
        self._audit_days = audit_days
        self._notifications = notifications
        self._settled = False
        self.loop = Loop("housekeeping", self._step)

    async def tidy(self) -> None:
        """Do it now."""
        await self._sessions.prune()
        await self._realtime.prune(self._retention_hours)
        await self._db.execute("DELETE FROM medianest.processes WHERE seen_at < now() - interval '1 day'")
        await self._db.execute("DELETE FROM medianest.sign_in_attempts WHERE expires_at < now()")
        await self._audit.prune(self._audit_days)
        await self._notifications.prune()

    async def _step(self) -> float:
        if self._settled:  # not in the first minute: starting is busy enough
            await self.tidy()
            return EVERY_SECONDS
        self._settled = True
        return FIRST_SECONDS
