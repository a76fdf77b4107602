"""The way in by user and password: Uptime Kuma's own live connection, as its page has it. Shows changes at once."""

from __future__ import annotations

import asyncio
from typing import Final

import pyotp

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, UpstreamError, UpstreamTimeout
from medianest_uptime_kuma.client import live
from medianest_uptime_kuma.client.guarded import SERVICE
from medianest_uptime_kuma.client.seen import Found
from medianest_uptime_kuma.client.socket import Socket
from medianest_uptime_kuma.client.web import KumaWeb
from medianest_uptime_kuma.ledger import source
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.ways.live_view import LiveView
from medianest_uptime_kuma.ways.pages import LOOK_SECONDS, Looked, announce, look

PATIENCE: Final = 60.0
_HEARD_SECONDS: Final = 10.0
_FLUSH_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 60.0
_SOON_SECONDS: Final = 2.0
_LIST_SECONDS: Final = 30.0
_MOST_AT_ONCE: Final = 5000
_CODE_SECONDS: Final = 30


async def watch_live(ctx: Context[UptimeKumaSettings], ledger: Ledger, web: KumaWeb) -> None:
    """Never returns. Raises `AuthFailed` when the log-in is refused, `UpstreamError` when the connection ends."""
    async with open_socket(ctx) as socket:
        await sign_in(ctx, socket)
        following = _Following(ctx, ledger, socket)
        pages = asyncio.create_task(_look_at_pages(ctx, ledger, web, following), name="uptime-kuma-pages")
        try:
            await following.run()
        finally:
            pages.cancel()
            await asyncio.gather(pages, return_exceptions=True)


def open_socket(ctx: Context[UptimeKumaSettings]) -> Socket:
    """The connection, to be used in `async with`."""
    return Socket(ctx.http, ctx.settings.url, ctx.settings.tls)


async def sign_in(ctx: Context[UptimeKumaSettings], socket: Socket, *, keep: bool = True) -> None:
    """By the token kept, else by password; with `keep` the new token is. Raises `AuthFailed`, or `NotReady` after too many.

    All who log in at Uptime Kuma share twenty log-ins a minute, so the password is used once and the token from then on.
    """
    if not await live.needs_login(socket):
        return
    if keep and (token := await source.kept_token(ctx)) is not None:
        if await live.login_by_token(socket, token):
            return
        ctx.log.info("uptime kuma does not take its token any more; logging in anew")
        await source.keep_token(ctx, None)
    token = await _log_in(ctx, socket)
    if keep:
        await source.keep_token(ctx, token)


async def _log_in(ctx: Context[UptimeKumaSettings], socket: Socket) -> str:
    settings = ctx.settings
    if settings.password is None:
        raise ConfigInvalid("The way live needs a user and a password.")
    password = settings.password.get_secret_value()
    if settings.totp_secret is None:
        return await live.login(socket, settings.username, password)
    maker = pyotp.TOTP(settings.totp_secret.get_secret_value())
    try:
        return await live.login(socket, settings.username, password, maker.at(ctx.clock.now()))
    except AuthFailed as error:
        if not any(problem.field == "totp_secret" for problem in error.fields):
            raise
    # A code is good once: somebody, perhaps we ourselves, has used it in this half minute.
    await asyncio.sleep(_CODE_SECONDS - ctx.clock.now().timestamp() % _CODE_SECONDS + 0.5)
    return await live.login(socket, settings.username, password, maker.at(ctx.clock.now()))


class _Following:
    """One connection from its log-in to its end."""

    def __init__(self, ctx: Context[UptimeKumaSettings], ledger: Ledger, socket: Socket) -> None:
        self.view = LiveView()
        self.slugs: list[str] = list(ctx.settings.status_pages)
        self.listed = asyncio.Event()
        self.pages_told = asyncio.Event()
        self._ctx = ctx
        self._ledger = ledger
        self._socket = socket
        self._before: list[tuple[int, Found]] = []
        self._now: list[tuple[int, Found]] = []
        self._version = ""
        self._urgent = False
        self._unreadable: set[str] = set()
        self._flushed = self._heard = self._again = self._beaten = self._listed_at = ctx.clock.monotonic()

    async def run(self) -> None:
        """Take in what comes until it ends."""
        began = self._ctx.clock.monotonic()
        while True:
            event = await self._next()
            while event is not None:
                for update in live.updates_of(*event):
                    await self._take(update)
                event = self._socket.received() if len(self._before) < _MOST_AT_ONCE and not self._urgent else None
            now = self._ctx.clock.monotonic()
            if not self.listed.is_set():
                if now - began > _LIST_SECONDS:
                    raise UpstreamTimeout(
                        f"Uptime Kuma sent no list of monitors within {_LIST_SECONDS:g} seconds.", service=SERVICE
                    )
                continue
            await self._keep_up(now)

    def learn(self, looked: Looked) -> None:
        """Take in what status pages say; the first time, whom a monitor is shown to may hang on it."""
        first = not self.view.headings.asked
        self.view.headings.learn(looked)
        if first:
            self._again = float("-inf")

    async def _next(self) -> tuple[str, list[object]] | None:
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                return await self._socket.receive()
        except TimeoutError:
            return None

    async def _keep_up(self, now: float) -> None:
        """Write what has gathered, at once where a status changed, else once a second."""
        if self._urgent or len(self._before) >= _MOST_AT_ONCE or now - self._flushed >= _FLUSH_SECONDS:
            self._flushed = now
            await self._flush()
            if now - self._listed_at >= _SOON_SECONDS:  # what was missed meanwhile is made up for by then
                await self._ledger.tick()
        if now - self._again >= _AGAIN_SECONDS:
            self._again = now
            await self._register(whole=False)
        if now - self._heard >= _HEARD_SECONDS:
            self._heard = now
            await self._ledger.heard(Way.LIVE, PATIENCE, self._version)
        if now - self._beaten > self.view.quiet_limit():
            raise UpstreamError(
                f"Uptime Kuma keeps the connection, but has told of no check for {now - self._beaten:.0f} seconds.",
                service=SERVICE,
            )

    async def _flush(self) -> None:
        self._urgent = False
        before, self._before = self._before, []
        fresh, self._now = self._now, []
        await self._ledger.record(before, live=False)
        await self._ledger.record(fresh)

    async def _take(self, update: live.Update) -> None:
        match update:
            case live.Beaten():
                self._take_beats(update)
            case live.Listed():
                self.view.take(update)
                if self.listed.is_set() or update.all:
                    await self._register(whole=update.whole)
            case live.Removed():
                self.view.remove(update.kuma_id)
                await self._flush()
                await self._ledger.remove(update.kuma_id)
            case live.UptimeTold():
                self.view.uptime(update)
            case live.CertificateTold():
                self.view.certificate(update)
                self._register_soon()
            case live.MaintenanceTold():
                await self._ledger.maintenance(update.items)
            case live.PagesTold():
                self.slugs = list(dict.fromkeys((*self._ctx.settings.status_pages, *update.slugs)))
                self.pages_told.set()
            case live.VersionTold():
                self._version = update.version
                self._heard = float("-inf")
            case live.Unreadable():
                self._complain(update)

    def _take_beats(self, told: live.Beaten) -> None:
        for beat in told.beats:
            number, found = self._ledger.number_of(beat.monitor_id), self.view.found(beat)
            if number is None or found is None:
                continue
            if told.before:
                self._before.append((number, found))
            else:
                self._beaten = self._ctx.clock.monotonic()
                self._now.append((number, found))
                self._urgent = self._urgent or self.view.status.get(beat.monitor_id) is not beat.status
            self.view.status[beat.monitor_id] = beat.status

    async def _register(self, *, whole: bool) -> None:
        """Keep the list of monitors, and those that are paused as paused."""
        await self._flush()
        seen = self.view.seen()
        numbers = await self._ledger.register(seen, whole=whole, partly=not whole)
        now, paused = self._ctx.clock.now(), set(self.view.paused())
        for kuma_id in paused:
            self.view.status[kuma_id] = Status.PAUSED
        await self._ledger.record(
            [
                (number, Found(now, Status.PAUSED, 2 * _AGAIN_SECONDS + 30))
                for number, one in zip(numbers, seen, strict=True)
                if one.kuma_id in paused
            ]
        )
        if not self.listed.is_set():
            self.listed.set()
            self._beaten = self._listed_at = self._ctx.clock.monotonic()
            self._register_soon()  # uptimes and certificates come after the list
            await self._ledger.heard(Way.LIVE, PATIENCE, self._version)

    def _register_soon(self) -> None:
        self._again = min(self._again, self._ctx.clock.monotonic() - _AGAIN_SECONDS + _SOON_SECONDS)

    def _complain(self, update: live.Unreadable) -> None:
        """Once for each kind of event."""
        if update.event not in self._unreadable:
            self._unreadable.add(update.event)
            self._ctx.log.warning("uptime kuma sent something unexpected", kuma_event=update.event, field=update.field)


async def _look_at_pages(ctx: Context[UptimeKumaSettings], ledger: Ledger, web: KumaWeb, following: _Following) -> None:
    """Incidents, and the headings of status pages: they only add, so what is wrong with them is borne."""
    await following.listed.wait()
    await following.pages_told.wait()  # else what stands on pages not named yet would seem to be over
    remark = ledger.remark
    while True:
        try:
            looked = await look(web, following.slugs)
            following.learn(looked)
            ledger.remark = f"{remark} {looked.remark}".strip()
            await announce(ledger, looked, with_maintenance=False)
        except source.Overtaken:
            return  # the connection beside us ends, too
        except Exception as error:
            ctx.log.debug("status pages not read", error=error.message if isinstance(error, HubError) else repr(error))
        await asyncio.sleep(LOOK_SECONDS)
