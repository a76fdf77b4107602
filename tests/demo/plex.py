"""The demo's Plex: a library, and a simulated page where somebody it is shared with may sign in, and a stranger may not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from medianest_hub.testing.hub import HubProcess
from tests.demo.service import Ask, NotHere
from tests.simulators.overseerr.household import InLibrary
from tests.simulators.plex.household import furnish
from tests.simulators.plex.server import Item, PlexSimulator

FRIEND, STRANGER = "friend", "stranger"


class DemoPlex:
    """The simulator with a family's library, a friend the server is shared with, and a stranger."""

    knobs = "plex"

    def __init__(self) -> None:
        self._simulator = PlexSimulator()
        self.library = furnish(self._simulator)

    @property
    def friend(self) -> tuple[str, int, str]:
        """Name, Plex id and e-mail of the friend, for services that know people by their Plex accounts."""
        found = self.library.friend
        return FRIEND, found.id, found.email

    def titles(self) -> list[InLibrary]:
        """The films and series, for a service that looks after the same library."""
        return [self._title("movie", one) for one in self.library.films] + [
            self._title("tv", one) for one in self.library.series
        ]

    def _title(self, kind: str, item: Item) -> InLibrary:
        ids = dict(one.split("://") for one in item.ids)
        library = self._simulator.pms.library
        seasons = [library.get(key) for key in library.children(item.rating_key)] if kind == "tv" else []
        episodes = tuple(len(library.children(one.rating_key)) for one in seasons if one is not None)
        key = str(item.rating_key)
        return InLibrary(kind, int(ids["tmdb"]), item.title, item.year or 2000, item.summary, key, episodes)

    def running(self) -> AbstractContextManager[object]:
        """Serve until the block ends."""
        return self._simulator.running()

    def settings(self) -> dict[str, Any]:
        """Whoever the server is shared with is let in at once."""
        one = self._simulator
        plex = {"url": one.server_url, "plex_tv_url": one.plex_tv_url, "app_url": one.app_url}
        plex["token"] = one.world.token(one.world.owner)
        return {"auth": {"newcomers": "auto"}, "plugins": {"plex": plex}}

    def settle(self, hub: HubProcess, ask: Ask) -> None:
        """Nothing: it reads the library by itself."""

    def words(self, control: str) -> Sequence[str]:
        """How to sign in with it."""
        return [
            f"Plex (simulated), with 200 films and 40 series, is at {self._simulator.server_url}.",
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
