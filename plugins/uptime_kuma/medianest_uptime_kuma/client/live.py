"""Signing in to Uptime Kuma's live connection, and its events as typed updates. Keeps no token, knows no database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from medianest_hub.plugin_api.errors import AuthFailed, FieldProblem, NotReady, UpstreamError, UpstreamTimeout
from medianest_uptime_kuma.client.answers import MOST_BEATS, MOST_MONITORS, Ratio
from medianest_uptime_kuma.client.guarded import SERVICE
from medianest_uptime_kuma.client.live_models import (
    CertificateInfo,
    LiveBeat,
    LiveMonitor,
    LoginAnswer,
    certificate,
)
from medianest_uptime_kuma.client.secrets import secrets_of
from medianest_uptime_kuma.client.socket import Socket
from medianest_uptime_kuma.client.status_page import MOST_PAGES, KumaMaintenance, is_slug
from medianest_uptime_kuma.client.words import clean

_DEADLINE: Final = 20.0
_GREETING_SECONDS: Final = 10.0
_SILENCE_SECONDS: Final = 0.5
_MOST_SAID: Final = 2000
_MOST_WORK: Final = 1000
_BAD_CODE: Final = (
    "Uptime Kuma does not take the code made of the two-factor secret: the secret is wrong, or the clock here or there."
)


@dataclass(frozen=True, slots=True)
class Listed:
    """Monitors with what must not be shown of each. `all`: this is the whole list; `whole`: and all of it could be read."""

    monitors: list[tuple[LiveMonitor, tuple[str, ...]]]
    all: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A monitor was deleted."""

    kuma_id: int


@dataclass(frozen=True, slots=True)
class Beaten:
    """Checks: one that just happened, or (`before`) the last ones of a monitor, the oldest first."""

    beats: list[LiveBeat]
    before: bool


@dataclass(frozen=True, slots=True)
class UptimeTold:
    """The part of the last `hours` a monitor was up."""

    kuma_id: int
    hours: int
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class CertificateTold:
    """What is known of a monitor's certificate."""

    kuma_id: int
    info: CertificateInfo


@dataclass(frozen=True, slots=True)
class MaintenanceTold:
    """All the work Uptime Kuma knows of."""

    items: list[KumaMaintenance]


@dataclass(frozen=True, slots=True)
class PagesTold:
    """The names of the published status pages."""

    slugs: list[str]


@dataclass(frozen=True, slots=True)
class VersionTold:
    """Uptime Kuma's own."""

    version: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event, or a part of it, that is not as it should be; `field` is the first that does not fit."""

    event: str
    field: str


_ODD: Final = (ValidationError, OverflowError, RecursionError)

Update = (
    Listed | Removed | Beaten | UptimeTold | CertificateTold | MaintenanceTold | PagesTold | VersionTold | Unreadable
)


async def needs_login(socket: Socket) -> bool:
    """Wait for Uptime Kuma's greeting: whether it wants to know who we are. What else it said is there to be received again.

    2.x says so; 1.23 greets with `info` and waits. Where log-ins are switched off both send everything at once.
    """
    said: list[tuple[str, list[Any]]] = []
    greeted = False
    clock = asyncio.get_running_loop()
    ends = clock.time() + _GREETING_SECONDS
    try:
        while True:
            left = max(ends - clock.time(), 0.0)
            async with asyncio.timeout(min(left, _SILENCE_SECONDS) if greeted else left):
                await asyncio.sleep(0)  # so that the deadline is looked at though there is always something more
                event, args = await socket.receive()
            if len(said) >= _MOST_SAID:
                raise UpstreamError(
                    f"Uptime Kuma sends more than {_MOST_SAID} events before anybody logged in.", service=SERVICE
                )
            said.append((event, args))
            greeted = greeted or event == "info"
            if event == "loginRequired":
                return True
            if event in ("autoLogin", "monitorList"):
                return False
            if event == "setup":
                raise NotReady("Uptime Kuma has not been set up yet: open its page and make its first user.")
    except TimeoutError:
        if not greeted:
            raise UpstreamTimeout(
                f"Uptime Kuma did not greet within {_GREETING_SECONDS:g} seconds.", service=SERVICE
            ) from None
        return True
    finally:
        socket.put_back(said)


async def login_by_token(socket: Socket, token: str) -> bool:
    """Whether Uptime Kuma takes the token it once gave. It does not after a change of password."""
    return _read(await socket.call("loginByToken", token, deadline=_DEADLINE)).ok


async def login(socket: Socket, username: str, password: str, code: str = "") -> str:
    """The token to come again with. Raises `AuthFailed`, `NotReady` when there were too many log-ins of late, `UpstreamError`.

    All who log in share twenty a minute, and then even the right password fails.
    """
    said = _read(
        await socket.call("login", {"username": username, "password": password, "token": code}, deadline=_DEADLINE)
    )
    if said.ok:
        if not said.token:
            raise UpstreamError("Uptime Kuma logged the hub in without a token.", service=SERVICE, field="login.token")
        return said.token
    if said.token_required:
        words = "That user signs in with two factors: enter the secret behind its QR code." if not code else _BAD_CODE
        raise AuthFailed(words, fields=[FieldProblem(field="totp_secret", code="refused", message=words)])
    if "frequent" in said.words.lower():
        raise NotReady("There were too many log-ins at Uptime Kuma within a minute.", retry_after=60.0)
    if code and said.words.lower() in ("authinvalidtoken", "invalid token!"):
        words = _BAD_CODE
        raise AuthFailed(words, fields=[FieldProblem(field="totp_secret", code="refused", message=words)])
    if not said.words.startswith("auth") and "incorrect" not in said.words.lower():
        # Not a refusal, and none may be made of it: after one the hub does not ask again.
        raise UpstreamError(
            f"Uptime Kuma does not log the hub in, and says: {said.words.rstrip('.') or 'nothing'}.",
            service=SERVICE,
            field="login",
        )
    words = "Uptime Kuma refuses this user and password."
    raise AuthFailed(words, fields=[FieldProblem(field="password", code="refused", message=words)])


def _read(answer: Any) -> LoginAnswer:
    try:
        return LoginAnswer.model_validate(answer)
    except ValidationError:
        raise UpstreamError(
            "Uptime Kuma answered a log-in with something unexpected.", service=SERVICE, field="login"
        ) from None


def updates_of(event: str, args: list[Any]) -> Iterator[Update]:
    """What an event tells; nothing for those that are not needed. Raises `UpstreamError` for a list of monitors that is none."""
    reader = _READERS.get(event)
    if reader is None:
        return
    try:
        yield from reader(args)
    except ValidationError as error:
        yield Unreadable(event, _field(error))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError):
        yield Unreadable(event, "")


def _listed(args: list[Any], *, all: bool) -> Iterator[Update]:
    if not args or not isinstance(args[0], dict):
        raise _bad_list()
    if len(args[0]) > MOST_MONITORS:
        raise UpstreamError(f"Uptime Kuma names more than {MOST_MONITORS} monitors.", service=SERVICE)
    monitors: dict[int, tuple[LiveMonitor, tuple[str, ...]]] = {}
    whole = all
    for raw in args[0].values():
        try:
            monitor = LiveMonitor.model_validate(raw)
            if monitor.id not in monitors:
                monitors[monitor.id] = monitor, secrets_of(raw)
        except _ODD as error:
            yield Unreadable("monitorList", _field(error))
            whole = False  # what cannot be read was not removed
    if args[0] and not monitors:
        raise _bad_list()
    yield Listed(list(monitors.values()), all, whole)


def _field(error: Exception) -> str:
    """The first that does not fit."""
    if not isinstance(error, ValidationError):
        return ""
    return ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])[:100]


def _bad_list() -> UpstreamError:
    return UpstreamError("Uptime Kuma's list of monitors is not as it should be.", service=SERVICE, field="monitorList")


def _beats(args: list[Any]) -> Iterator[Update]:
    beats, kuma_id = [], int(args[0])
    for raw in args[1][-MOST_BEATS:]:
        try:
            beats.append(LiveBeat.model_validate({"monitorID": kuma_id, **_named(raw)}))
        except (*_ODD, AttributeError):
            yield Unreadable("heartbeatList", "beats")
    yield Beaten(beats, before=True)


def _named(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in ("monitorID", "monitor_id")}


def _uptime(args: list[Any]) -> Iterator[Update]:
    if args[1] in (24, 720):  # 2.x tells "1y", too
        ratio = args[2]
        if isinstance(ratio, int | float) and not isinstance(ratio, bool) and 0 <= ratio <= 1:
            yield UptimeTold(int(args[0]), args[1], float(ratio))


def _certificate(args: list[Any]) -> Iterator[Update]:
    info = certificate(args[1])
    if info is not None:
        yield CertificateTold(int(args[0]), info)


def _maintenance(args: list[Any]) -> Iterator[Update]:
    items = []
    for raw in list(args[0].values())[:_MOST_WORK]:
        try:
            items.append(KumaMaintenance.model_validate(raw))
        except _ODD as error:
            yield Unreadable("maintenanceList", _field(error))
    if items or not args[0]:
        yield MaintenanceTold(items)


def _pages(args: list[Any]) -> Iterator[Update]:
    pages = [page for page in args[0].values() if isinstance(page, dict)]
    slugs = (page.get("slug") for page in pages if page.get("published", True) not in (False, 0))
    yield PagesTold([slug for slug in slugs if is_slug(slug)][:MOST_PAGES])


def _info(args: list[Any]) -> Iterator[Update]:
    if version := clean(args[0].get("version"), 40):  # not told before the log-in
        yield VersionTold(version)


_READERS: Final = {
    "monitorList": lambda args: _listed(args, all=True),
    "updateMonitorIntoList": lambda args: _listed(args, all=False),
    "deleteMonitorFromList": lambda args: iter([Removed(int(args[0]))]),
    "heartbeat": lambda args: iter([Beaten([LiveBeat.model_validate(args[0])], before=False)]),
    "heartbeatList": _beats,
    "uptime": _uptime,
    "certInfo": _certificate,
    "maintenanceList": _maintenance,
    "statusPageList": _pages,
    "info": _info,
}
