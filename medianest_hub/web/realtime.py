"""Live events: lets people in by their token, puts them into their rooms, and passes on what each may hear.

Decides nothing about jobs, widgets or plugins; what happens in other processes comes over `realtime_feed`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError
from sanic import Sanic
from socketio.exceptions import ConnectionRefusedError as Refused

from medianest_hub.accounts.api_keys import invalid_key, is_key
from medianest_hub.accounts.people import CHANNEL as PEOPLE_CHANNEL
from medianest_hub.accounts.sessions import ENDED, LIVE, session_key
from medianest_hub.accounts.tokens import Claims
from medianest_hub.dashboard.announcer import EVENT as WIDGET_CHANGED
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.realtime_log import RealtimeEvent
from medianest_hub.infrastructure.redis import RedisAway
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import Forbidden, TooMany, Unauthorized, Unavailable
from medianest_hub.plugin_api.people import ADMIN, SIGNED_IN, Person
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.settings import ServerSettings
from medianest_hub.web.client_address import ClientAddresses
from medianest_hub.web.gate import session_ended
from medianest_hub.web.rate_limits import LocalLimiter, Zone
from medianest_hub.web.realtime_door import FLUSH_SECONDS, NAMESPACE, Door
from medianest_hub.web.realtime_feed import Delivery, Feed
from medianest_hub.web.realtime_guests import MOST_PER_PERSON, Guest
from medianest_hub.web.realtime_replay import Listener, Replayed, replay
from medianest_hub.web.realtime_words import answered, cursor_said, moment, refusal, token_said, uuid_of

log = structlog.get_logger(__name__)

GRACE_SECONDS: Final = 30.0
"""How long a connection stays after its token has expired, for the page to send a new one."""

SWEEP_SECONDS: Final = 1.0
RECHECK_SECONDS: Final = 30.0
"""How often sessions and rights are asked for anew although nobody said that they changed; without Redis at each sweep."""

passed_on = Counter(
    "medianest_realtime_events",
    "Events passed on to the pages of this process, by what stands before the colon.",
    ["kind"],
    registry=metrics.registry,
)


def attach_realtime(app: Sanic[Any, Any], server: ServerSettings, addresses: ClientAddresses) -> Realtime:
    """Mount Socket.IO on the application. `await open(parts)` on the result lets people in, `await close()` ends it."""
    realtime = Realtime(Door(server, addresses))
    realtime.door.attach(app)
    return realtime


class Realtime:
    """One per web process. `grace`: seconds a connection stays after its token has expired."""

    def __init__(self, door: Door, grace: float = GRACE_SECONDS) -> None:
        self.door = door
        self.grace = grace
        self._parts: HubParts | None = None
        self._feed: Feed | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._recheck = asyncio.Event()
        self._strangers_keys = LocalLimiter()
        door.sio.on("connect", self._connect)
        door.sio.on("reauth", self._reauth)
        door.sio.on("resume", self._resume)

    @property
    def cursor(self) -> int:
        """What a page that is up to date may resume from."""
        return self._feed.cursor if self._feed is not None else 0

    async def open(self, parts: HubParts) -> None:
        """Follow the log of events. Raises `DatabaseAway` when Postgres is away; then try again."""
        feed = Feed(parts.realtime, parts.redis, self._deliver, self._control)
        await feed.start()
        self._parts, self._feed = parts, feed
        parts.redis.subscribe(PEOPLE_CHANNEL, self._person_changed)
        parts.redis.on_back(self._recheck.set)
        parts.host.subscribe(self._plugin_changed)
        self._sweeping = asyncio.create_task(self._keep_sweeping(), name="realtime-sweep")

    async def close(self) -> None:
        """End every connection; before the parts are closed."""
        await self.door.close_all()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        if self._feed is not None:
            await self._feed.close()

    # From pages

    async def _connect(self, sid: str, _environ: object, auth: object) -> None:
        guest = self.door.guests.by_eio(self.door.sio.manager.eio_sid_from_sid(sid, NAMESPACE))
        if guest is None:
            raise Refused("closed")
        try:
            await self._let_in(guest, sid, auth)
        except Exception as error:
            # Anything but this exception would leave the page waiting for ever.
            self.door.close(guest, FLUSH_SECONDS)
            raise Refused(*refusal(error)) from None
        metrics.sockets.set(len(self.door.guests))

    async def _let_in(self, guest: Guest, sid: str, auth: object) -> None:
        parts = self._parts
        if parts is None:
            raise Unavailable("The hub is starting; try again shortly.", code="starting", retry_after=1)
        claims = await self._claims(parts, guest, auth)
        cursor = cursor_said(auth)
        # Known before its session is asked about, so that a session ended meanwhile closes it.
        if not self.door.guests.introduce(guest, sid, claims.person_id, claims.session_id, claims.expires_at):
            raise TooMany(
                f"There are {MOST_PER_PERSON} connections of yours already; close one.", code="too_many_sockets"
            )
        guest.claims = claims
        person = await self._person(parts, claims)
        if guest.closing:
            raise session_ended()
        _place(guest, person)
        self.door.spawn(self._welcome(guest, cursor))

    async def _welcome(self, guest: Guest, cursor: int | None) -> None:
        """Once the page knows that it is connected: what it missed, then the stream."""
        for _ in range(100):  # it is so by the loop's next turn; should that ever change, this does not wait for ever
            if guest.closing or self.door.sio.manager.is_connected(guest.sid, NAMESPACE):
                break
            await asyncio.sleep(0.01)
        try:
            replayed = await self._replay(guest, cursor)
            if replayed is not None:
                ready = {**replayed.answer(), "expires_at": moment(guest.expires_at)}
                await self.door.tell(guest, "realtime:ready", ready)
        finally:
            guest.welcomed.set()

    async def _reauth(self, sid: str, *said: object) -> dict[str, Any]:
        return await answered(self._renew(sid, said[0] if said else None))

    async def _renew(self, sid: str, said: object) -> dict[str, Any]:
        """A new token for a connection that goes on; also under another session of the same person."""
        guest, parts = self.door.guests.by_sid(sid), self._parts
        if guest is None or parts is None:
            raise Unauthorized("This connection has ended.")
        claims = await self._claims(parts, guest, said)
        if claims.person_id != guest.person_id:
            raise Unauthorized("That token is somebody else's; connect anew.", code="other_person")
        person = await self._person(parts, claims)
        if not guest.closing:
            self.door.guests.renew(guest, claims.session_id, claims.expires_at)
            guest.claims = claims
            await self._move(guest, person)
        return {"ok": True, "expires_at": moment(guest.expires_at)}

    async def _resume(self, sid: str, *said: object) -> dict[str, Any]:
        return await answered(self._catch_up(sid, said[0] if said else None))

    async def _catch_up(self, sid: str, said: object) -> dict[str, Any]:
        """Replay to a connected page what came after the cursor it sends."""
        guest, cursor = self.door.guests.by_sid(sid), cursor_said(said)
        if guest is None:
            raise Unauthorized("This connection has ended.")
        if not guest.replays.take():
            raise TooMany("Resume less often.", retry_after=2)
        await guest.welcomed.wait()
        if guest.replaying:
            raise TooMany("The last resume has not ended.", retry_after=2)
        guest.replaying, guest.joined = True, False
        await self._leave_rooms(guest, guest.rooms)
        replayed = await self._replay(guest, cursor)
        if replayed is None:
            raise Unauthorized("This connection has ended.")
        return replayed.answer()

    async def _replay(self, guest: Guest, cursor: int | None) -> Replayed | None:
        """Send what the page missed and join it to the stream; None when it is gone."""
        parts, feed, person = self._parts, self._feed, guest.person_id
        if parts is None or feed is None or person is None:
            return None

        async def send(event: RealtimeEvent, at: int | None) -> None:
            if self._is_audible(event.event):
                await self.door.tell(guest, event.event, _payload(event, at))

        try:
            result = await replay(feed, parts.realtime, Listener(person, guest.permissions), cursor, send)
            # Entering a room does not give way to anybody: nothing is delivered in between.
            if guest.closing or not self.door.sio.manager.is_connected(guest.sid, NAMESPACE):
                return None
            await self._enter_rooms(guest, guest.rooms)
            guest.joined = True
        except Exception:
            self.door.close(guest)  # it would be deaf otherwise
            raise
        finally:
            guest.replaying = False
        return result

    # To pages

    async def _deliver(self, delivery: Delivery) -> None:
        event = delivery.event
        if not self._is_audible(event.event):
            return
        if event.event == WIDGET_CHANGED and self._parts is not None:
            self._parts.dashboard.heard(event.data, event.person)
        room = f"user:{event.person}" if event.person is not None else f"perm:{event.permission}"
        self._emit(event.event, _payload(event, delivery.cursor), room)

    def _emit(self, event: str, data: dict[str, Any], room: str) -> None:
        passed_on.labels(event.partition(":")[0]).inc()
        self.door.tell_room(room, event, data)

    def _is_audible(self, event: str) -> bool:
        """A plugin that is switched off is not heard."""
        runtime = self._parts.host.runtimes.get(event.partition(":")[0]) if self._parts is not None else None
        return runtime is None or runtime.running

    def _plugin_changed(self, runtime: PluginRuntime, before: PluginState, after: PluginState) -> None:
        """Every process tells its own pages of its own plugins: admins the state, everybody the tiles that come or go."""
        if self.door.closed:
            return
        state = {
            "plugin": runtime.name,
            "instance": runtime.instance,
            "state": after.value,
            "reason": runtime.reason,
        }
        self._emit("plugin:state", state, f"perm:{ADMIN}")
        if runtime.plugin is None or PluginState.RUNNING not in (before, after) or before is after:
            return
        for widget in runtime.plugin.widgets:
            room = f"perm:{runtime.plugin.full_permission(widget.permission)}"
            tile = {"id": f"{runtime.name}.{runtime.instance}.{widget.name}", "loaded": False}
            self._emit(WIDGET_CHANGED, tile, room)

    # Ends and changes

    async def _control(self, message: dict[str, Any]) -> None:
        guests = self.door.guests
        if session := uuid_of(message.get("close_session")):
            self._end(guests.of_session(session), "auth:ended", "session_ended")
        if person := uuid_of(message.get("close_person")):
            self._end(guests.of_person(person), "auth:ended", "session_ended")

    def _end(self, guests: Iterable[Guest], event: str, code: str) -> None:
        for guest in guests:
            if not guest.closing:
                self.door.spawn(self._say_and_close(guest, event, code))

    async def _say_and_close(self, guest: Guest, event: str, code: str) -> None:
        await self.door.tell(guest, event, {"code": code})
        self.door.close(guest)

    async def _person_changed(self, _message: dict[str, Any]) -> None:
        self._recheck.set()

    async def _keep_sweeping(self) -> None:
        rechecked = time.monotonic()
        while True:
            asked = await self._asked_within(SWEEP_SECONDS)
            try:
                self.door.sweep(time.monotonic())
                await self._sweep_tokens(time.time())
                away = self._parts is not None and self._parts.redis.is_away
                if asked or away or time.monotonic() - rechecked > RECHECK_SECONDS:
                    rechecked = time.monotonic()
                    await self._check_everybody()
            except Exception as error:
                log.warning("sockets_not_checked", error=type(error).__name__)

    async def _asked_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._recheck.wait()
        except TimeoutError:
            return False
        self._recheck.clear()
        return True

    async def _sweep_tokens(self, now: float) -> None:
        for guest in self.door.guests:
            if guest.person_id is None or guest.closing or now < guest.expires_at:
                continue
            if now >= guest.expires_at + self.grace:
                self._end([guest], "auth:expired", "token_expired")
            elif not guest.warned:
                guest.warned = True
                await self.door.tell(guest, "auth:expiring", {"seconds": round(guest.expires_at + self.grace - now)})

    async def _check_everybody(self) -> None:
        """Are their sessions alive, and what may they do? What was said meanwhile may have been missed."""
        parts, guests = self._parts, self.door.guests
        if parts is None:
            return
        for session in await parts.sessions.over(guests.sessions()):
            self._end(guests.of_session(session), "auth:ended", "session_ended")
        asked = guests.people()
        people = await parts.people.get_many(asked)
        for person_id in asked:
            person = people.get(person_id)
            for guest in guests.of_person(person_id):
                allowed = guest.claims.narrow(person) if person is not None and guest.claims is not None else None
                if allowed is None or not allowed.can(SIGNED_IN):
                    self._end([guest], "auth:ended", "session_ended")
                elif allowed.permissions != guest.permissions:
                    await self._move(guest, allowed)

    # Rooms

    async def _move(self, guest: Guest, person: Person) -> None:
        """Into the rooms of what they may hear now."""
        before = guest.rooms
        _place(guest, person)
        if guest.joined and not guest.closing:
            await self._leave_rooms(guest, before - guest.rooms)
            await self._enter_rooms(guest, guest.rooms - before)

    async def _enter_rooms(self, guest: Guest, rooms: Iterable[str]) -> None:
        for room in rooms:
            await self.door.sio.enter_room(guest.sid, room)

    async def _leave_rooms(self, guest: Guest, rooms: Iterable[str]) -> None:
        for room in rooms:
            await self.door.sio.leave_room(guest.sid, room)

    async def _person(self, parts: HubParts, claims: Claims) -> Person:
        """Who it is, by the same verdict as the gate's. Raises `Unauthorized`, `DatabaseAway`."""
        try:
            hint = await parts.redis.call("GET", session_key(claims.session_id))
        except (RedisAway, RedisError):
            hint = None
        alive = hint == LIVE if hint in (LIVE, ENDED) else await parts.sessions.verdict(claims.session_id)
        person = await parts.people.get(claims.person_id) if alive else None
        if person is None or not person.permissions:
            raise invalid_key() if claims.is_key else session_ended()
        allowed = claims.narrow(person)
        if not allowed.can(SIGNED_IN):  # what happens to a person is for all who may act as that person
            raise Forbidden(f"This API key may not listen: it lacks {SIGNED_IN}.", params={"permission": SIGNED_IN})
        return allowed

    async def _claims(self, parts: HubParts, guest: Guest, said: object) -> Claims:
        """By a token or an API key. Raises `Unauthorized`; `TooMany` for too many keys nobody knows from one address."""
        token = token_said(said)
        if not is_key(token):
            return parts.tokens.read(token)
        known = parts.api_keys.known(token)
        if known is not None:
            return known
        refusal = self._strangers_keys.take(Zone("api", parts.settings.limits.api), f"a:{guest.address}")
        if refusal is not None:
            raise refusal.error()
        return await parts.api_keys.find(token)


def _place(guest: Guest, person: Person) -> None:
    guest.permissions = person.permissions
    own = {f"user:{person.id}", f"session:{guest.session_id}"}
    guest.rooms = frozenset(own | {f"perm:{name}" for name in person.permissions})


def _payload(event: RealtimeEvent, cursor: int | None) -> dict[str, Any]:
    return event.data if cursor is None else {**event.data, "cursor": cursor}
