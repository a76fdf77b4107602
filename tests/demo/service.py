"""What the demo wants of a simulated service; a new one is a module of its own, named in `__main__`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from medianest_hub.testing.hub import HubProcess


class NotHere(LookupError):
    """The control port was asked for something the service does not have; the words say what there is."""


class Ask(Protocol):
    """A call of the hub's API."""

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The parsed answer; raises `HubDied` when it is none of success."""


class Service(Protocol):
    """`knobs` is the first part of the paths it answers on the control port."""

    knobs: str

    def running(self) -> AbstractContextManager[object]:
        """Serve until the block ends."""

    def settings(self) -> dict[str, Any]:
        """What the hub has to be told to use it, as a tree like the configuration file's. Ask once it runs."""

    def settle(self, hub: HubProcess, ask: Ask) -> None:
        """Once the hub runs and people live there: what an operator would do by hand. `ask` calls the hub as its admin."""

    def words(self, control: str) -> Sequence[str]:
        """Lines for whoever tries the demo; `control` is the address of the control port."""

    def look(self) -> str:
        """What can be turned, for a GET of `knobs`."""

    def turn(self, what: str, how: str) -> str:
        """Do what a POST of `knobs/what/how` asks for, and say what was done. Raises `NotHere`."""
