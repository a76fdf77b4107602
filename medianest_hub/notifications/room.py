"""Puts the parts of this room together for one process. Begins nothing."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.notifications.activity import Activity
from medianest_hub.notifications.announcing import Announcing
from medianest_hub.notifications.choices import Choices, Defaults
from medianest_hub.notifications.deliveries import Deliveries
from medianest_hub.notifications.keeping import Keeping
from medianest_hub.notifications.kinds import HUB, Host, Kinds
from medianest_hub.notifications.listing import NotificationList
from medianest_hub.notifications.own_kinds import OWN
from medianest_hub.notifications.pictures import Pictures
from medianest_hub.notifications.preferences import PreferencesDesk
from medianest_hub.notifications.telling import Tellings
from medianest_hub.notifications.ways import Ways
from medianest_hub.notifications.wording import Wording
from medianest_hub.plugin_api.notifications import Params
from medianest_hub.plugin_api.services import Clock, Queries
from medianest_hub.plugin_host.notification_kinds import telling
from medianest_hub.plugin_host.services.images import ImageLinks
from medianest_hub.settings import HubSettings


class Notifications:
    """The parts: `tellings` write, `list` and `activity` read, `preferences` hold what people chose, and what sends is for the
    worker: `announcing`, `deliveries`, `ways`, `wording`.
    """

    def __init__(
        self,
        db: Database,
        people: People,
        realtime: RealtimeLog,
        images: ImageLinks,
        host: Host,
        clock: Clock,
        settings: HubSettings,
    ) -> None:
        chosen = settings.notifications
        defaults, pictures = Defaults(chosen), Pictures(images)
        self.clock = clock
        self.kinds, self.ways = Kinds(host), Ways(host)
        self.choices = Choices(db, defaults)
        self.tellings = Tellings(db, people, pictures, clock)
        self.list = NotificationList(db, self.kinds, pictures)
        self.activity = Activity(db, people, self.kinds, pictures)
        self.preferences = PreferencesDesk(self.choices, self.kinds, self.ways)
        self.wording = Wording(self.kinds, pictures, settings.server.public_url, settings.server.base_path)
        self.announcing = Announcing(
            people, realtime, self.kinds, self.ways, self.list, self.wording, defaults, clock, chosen.digest_most
        )
        self.deliveries = Deliveries(people, self.kinds, defaults, chosen.per_hour)
        self.keeping = Keeping(db, chosen.retention_days)

    async def tell_own(
        self,
        kind: str,
        params: Params,
        *,
        key: str,
        person: UUID | None = None,
        href: str | None = None,
        tx: Queries | None = None,
    ) -> None:
        """Tell people by one of the hub's own kinds, as `Notify.tell`."""
        sound = telling(OWN, HUB, kind, params, key, href)
        await self.tellings.tell(sound, "main", person=person, tx=tx)
