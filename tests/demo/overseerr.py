"""The demo's Overseerr or Seerr: a family's requests in every state, decided and arriving when told to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from medianest_hub.testing.hub import HubProcess
from tests.demo.service import Ask, NotHere
from tests.simulators.overseerr.household import InLibrary, add_rarer_states, furnish, mirror
from tests.simulators.overseerr.records import Request, RequestStatus
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

VERSIONS = (SEERR, OVERSEERR)
_ARRIVING = (2, 12)
"""Arrive while the hub looks on, so that there is something in the activity."""

_HOW = "approve, decline, arrive, fail or remove"


class DemoOverseerr:
    """`friend` is the name, Plex id and e-mail of somebody who signs in to the hub by Plex, so that the hub knows them here.

    `library` is what is there already. The people of the household who have an account here are matched by the admin.
    """

    knobs = "requests"

    def __init__(
        self,
        version: str = SEERR,
        friend: tuple[str, int, str] | None = None,
        library: Iterable[InLibrary] = (),
    ) -> None:
        self.simulator = OverseerrSimulator(version)
        mirror(self.simulator, library)
        _, ben, chloe, _ = furnish(self.simulator)
        add_rarer_states(self.simulator, ben, chloe)
        if friend is not None:
            name, plex_id, email = friend
            self.simulator.add_user(name, plex_id=plex_id, email=email, movie_quota_limit=3, movie_quota_days=7)

    def running(self) -> AbstractContextManager[object]:
        """Serve until the block ends."""
        return self.simulator.running()

    def settings(self) -> dict[str, Any]:
        """Posters come from the simulator, too."""
        one = self.simulator
        own = {"url": one.url, "api_key": one.api_key, "posters_url": one.url, "poll_seconds": 15}
        return {"plugins": {"overseerr": own}}

    def settle(self, hub: HubProcess, ask: Ask) -> None:
        """Let it tell the hub at once, and say who is who: all but one have an account here under the same name."""
        made = ask("POST", "/api/v1/plugins/overseerr/webhooks/notification/secret")
        self.simulator.set_webhook(f"{hub.url}/api/v1/hooks/overseerr/notification", made["authorization"])
        known = {user.display_name.lower(): user.id for user in self.simulator.world.users.values()}
        for person in ask("GET", "/api/v1/users")["items"]:
            if (user := known.get(person["username"])) is not None:
                ask("PUT", f"/api/v1/overseerr/people/{person['id']}", {"user_id": user})
        for number in _ARRIVING:
            self.simulator.arrive(self.simulator.world.requests[number])

    def words(self, control: str) -> Sequence[str]:
        """Where it is, and how to make something happen."""
        world = self.simulator.world
        return [
            f"{world.settings.application_title} {world.version} (simulated) is at {self.simulator.url}.",
            "ben, chloe and dev have an account there; mia has none and is told so until anna matches her with somebody.",
            "",
            f"  see its requests:        curl {control}/requests",
            f"  approve one, decline it: curl -X POST {control}/requests/6/approve",
            f"  let it arrive:           curl -X POST {control}/requests/6/arrive",
        ]

    def look(self) -> str:
        """Each request with who asked, for what, and how it stands."""
        return "\n".join(self._said(one) for one in self.simulator.world.requests.values())

    def turn(self, what: str, how: str) -> str:
        """By the number of the request."""
        request = self.simulator.world.requests.get(int(what)) if what.isdigit() else None
        if request is None:
            raise NotHere(f"there is no request {what!r}; GET /requests lists them")
        match how:
            case "approve":
                self.simulator.approve(request)
            case "decline":
                self.simulator.decline(request)
            case "arrive":
                self.simulator.arrive(request)
            case "fail":
                self.simulator.fail(request)
            case "remove":
                self.simulator.remove(request)
                return f"{what}: removed"
            case _:
                raise NotHere(f"say {_HOW}")
        return self._said(request)

    def _said(self, request: Request) -> str:
        title = self.simulator.world.catalogue.get(request.type, request.media.tmdb_id)
        name = title.name if title is not None else "?"
        status, there = RequestStatus(request.status).name.lower(), self.simulator.world.is_there(request)
        return (
            f"{request.id}: {name}, for {request.requested_by.display_name}: {status}{', it is there' if there else ''}"
        )
