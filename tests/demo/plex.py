"""The demo's Plex: somebody the server is shared with may sign in through the simulated page, a stranger may not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from tests.demo.service import NotHere
from tests.simulators.plex.server import PlexSimulator

FRIEND, STRANGER = "fred", "stranger"


class DemoPlex:
    """The simulator with a friend and a stranger."""

    knobs = "plex"

    def __init__(self) -> None:
        self._simulator = PlexSimulator()
        self._simulator.world.friend(FRIEND, email="fred@home.example", friendly_name="Fred Friend")
        self._simulator.world.account(STRANGER, email="stranger@else.example")

    @property
    def friend(self) -> tuple[str, int, str]:
        """Name, Plex id and e-mail of the friend, for services that know people by their Plex accounts."""
        found = self._simulator.world.find(FRIEND)
        return FRIEND, found.id, found.email

    def running(self) -> AbstractContextManager[object]:
        """Serve until the block ends."""
        return self._simulator.running()

    def settings(self) -> dict[str, Any]:
        """Whoever the server is shared with is let in at once."""
        one = self._simulator
        plex = {"url": one.server_url, "plex_tv_url": one.plex_tv_url, "app_url": one.app_url}
        return {"auth": {"newcomers": "auto"}, "plugins": {"plex": plex}}

    def words(self, control: str) -> Sequence[str]:
        """How to sign in with it."""
        return [
            f"Plex (simulated) is at {self._simulator.server_url}.",
            f"On the hub's sign-in page choose Plex, then {FRIEND}, who is let in, or {STRANGER}, who is not.",
        ]

    def look(self) -> str:
        """The accounts there are."""
        return "\n".join(one.username or one.title for one in self._simulator.world.accounts.values())

    def turn(self, what: str, how: str) -> str:
        """`unshare` takes the server from somebody, `share` gives it back."""
        world = self._simulator.world
        try:
            account = world.find(what)
        except StopIteration:
            raise NotHere(f"Plex knows no {what!r}") from None
        match how:
            case "share":
                world.home.shared_with.add(account.id)
            case "unshare":
                world.unshare(account)
            case _:
                raise NotHere("say share or unshare")
        return f"{what}: {how}d"
