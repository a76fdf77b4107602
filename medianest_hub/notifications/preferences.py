"""What one person chose, as they see and change it: only of kinds they may be told by, and of ways there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from medianest_hub.notifications.choices import Choices, Chosen
from medianest_hub.notifications.hours import clock, minutes
from medianest_hub.notifications.kinds import HUB, Kinds
from medianest_hub.notifications.views import KindView, Preferences, QuietHours, WayView
from medianest_hub.notifications.ways import Ways
from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_hub.plugin_api.notifications import Choice, Language
from medianest_hub.plugin_api.people import Person

TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_MACHINES_OWN: Final = ("localtime", "posixrules", "Factory", "posix/", "right/")
_HUB_TITLE: Final[Mapping[str, str]] = {"en": "Here, on the pages of the hub", "de": "Hier, auf den Seiten des Hubs"}


class WantedQuietHours(BaseModel):
    """Times of day as `22:30`; over midnight when `end` is earlier than `start`."""

    model_config = ConfigDict(extra="forbid")

    start: str = Field(pattern=TIME)
    end: str = Field(pattern=TIME)


class WantedPreferences(BaseModel):
    """All of it: what is left out is as by default again. `choices`: by kind, then by way."""

    model_config = ConfigDict(extra="forbid")

    language: Language | None = None
    time_zone: str | None = Field(default=None, min_length=1, max_length=64)
    digest_at: str | None = Field(default=None, pattern=TIME)
    quiet_hours: WantedQuietHours | None = None
    choices: dict[str, dict[str, Choice]] = Field(default={}, max_length=500)


class PreferencesDesk:
    """Shows and replaces them."""

    def __init__(self, choices: Choices, kinds: Kinds, ways: Ways) -> None:
        self._choices = choices
        self._kinds = kinds
        self._ways = ways

    async def show(self, person: Person, wished: str) -> Preferences:
        """`wished`: what languages the reader's browser asks for."""
        chosen = await self._choices.of_person(person.id)
        language = self._choices.defaults.language({"language": chosen.language}, wished)
        ready = await self._ways.ready(person)
        titles = {HUB: _HUB_TITLE[language]} | {
            id: way.notifier.titled(language) for id, way in self._ways.all().items()
        }
        ways = [WayView(id=id, title=title, ready=id == HUB or ready.get(id)) for id, title in titles.items()]
        quiet = None
        if chosen.quiet_from is not None and chosen.quiet_to is not None:
            quiet = QuietHours(start=clock(chosen.quiet_from), end=clock(chosen.quiet_to))
        return Preferences(
            language=chosen.language,
            time_zone=chosen.time_zone,
            digest_at=clock(chosen.digest_at) if chosen.digest_at is not None else None,
            quiet_hours=quiet,
            ways=ways,
            kinds=[
                KindView(
                    kind=known.name,
                    plugin=known.plugin,
                    title=self._kinds.title(known.name, language),
                    default=known.kind.default,
                    choices={way.id: chosen.of.get((known.name, way.id), known.kind.default) for way in ways},
                )
                for known in self._kinds.choosable(person)
            ],
        )

    async def replace(self, person: Person, wanted: WantedPreferences) -> None:
        """From now on this. Raises `BadInput` naming each field that is about something there is not."""
        kinds = {known.name: known.kind for known in self._kinds.choosable(person)}
        ways = {HUB, *self._ways.all()}
        problems = [
            FieldProblem(field=f"body.choices.{kind}", code="unknown_kind", message="You are not told by such a kind.")
            for kind in wanted.choices
            if kind not in kinds
        ]
        problems += [
            FieldProblem(
                field=f"body.choices.{kind}.{way}", code="unknown_way", message="There is no such way to be told."
            )
            for kind, by_way in wanted.choices.items()
            for way in by_way
            if way not in ways
        ]
        if wanted.time_zone is not None and not _is_zone(wanted.time_zone):
            words = "The hub knows no such time zone; write one such as Europe/Berlin."
            problems.append(FieldProblem(field="body.time_zone", code="unknown_time_zone", message=words))
        quiet = wanted.quiet_hours
        if quiet is not None and quiet.start == quiet.end:
            words = "Quiet hours that end when they begin are none: leave them out, or write when they end."
            problems.append(FieldProblem(field="body.quiet_hours.end", code="no_quiet_hours", message=words))
        if problems:
            raise BadInput("These preferences cannot be kept.", code="preferences_refused", fields=problems[:50])
        chosen = Chosen(
            language=wanted.language,
            time_zone=wanted.time_zone,
            quiet_from=minutes(quiet.start) if quiet is not None else None,
            quiet_to=minutes(quiet.end) if quiet is not None else None,
            digest_at=minutes(wanted.digest_at) if wanted.digest_at is not None else None,
            of={
                (kind, way): choice
                for kind, by_way in wanted.choices.items()
                for way, choice in by_way.items()
                if choice != kinds[kind].default
            },
        )
        await self._choices.replace(person.id, chosen, list(kinds), list(ways))


def _is_zone(name: str) -> bool:
    """Whether it names a place's time, rather than whatever clock this machine goes by."""
    if name.startswith(_MACHINES_OWN):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True
