"""What a Plex server answers about its library, as far as it is kept; anything else is let pass, file names above all.

Shapes: recordings, Plex's OpenAPI document and public clients. Numbers may come as text, lists may be missing. What is
needed and does not fit fails the answer, or leaves out the entry where there are many; what merely adorns an item is left out
itself: one odd item holds up nothing.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticUseDefault

from medianest_plex.models import Answer, Name

LATEST: Final = 4_102_444_800
"""The year 2100 in Unix seconds: what lies after it is no date."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LINE_ENDS: Final = re.compile(r"\r\n?")
_PICTURE: Final = re.compile(r"/[\x21-\x7e]{1,499}")
_RESOLUTIONS: Final = ("8k", "4k", "1440", "1080", "720", "576", "480", "sd")
_SERVICES: Final = {
    "imdb": "imdb",
    "tmdb": "tmdb",
    "themoviedb": "tmdb",
    "tvdb": "tvdb",
    "thetvdb": "tvdb",
    "mbid": "musicbrainz",
}
_EXTERNAL: Final = re.compile(r"(?:com\.plexapp\.agents\.)?([a-z]+)://([A-Za-z0-9-]{1,64})(/[^?]*)?(?:\?.*)?")


def _or_default(value: Any, fits: ValidatorFunctionWrapHandler) -> Any:
    try:
        return fits(value)
    except ValueError:
        raise PydanticUseDefault from None


def _text(longest: int) -> BeforeValidator:
    def clean(value: Any) -> Any:
        if value is None:
            return ""
        if isinstance(value, int | float):
            value = str(value)  # a film called 1917
        return _CONTROLS.sub("", _LINE_ENDS.sub("\n", value)).strip()[:longest] if isinstance(value, str) else value

    return BeforeValidator(clean)


def _picture(value: Any) -> str:
    """A path on the server, without a query: that might hold somebody's token."""
    fits = isinstance(value, str) and _PICTURE.fullmatch(value) and "?" not in value and not value.startswith("//")
    return value if fits else ""


def _listed(value: Any) -> Any:
    return [] if value is None else [value] if isinstance(value, dict) else value


OrNot = WrapValidator(_or_default)
Key = Annotated[int, Field(gt=0, lt=2**63)]
MaybeKey = Annotated[Key | None, OrNot]
Small = Annotated[Annotated[int, Field(ge=0, lt=2**31)] | None, OrNot]
Big = Annotated[Annotated[int, Field(ge=0, lt=2**53)] | None, OrNot]
Moment = Annotated[Annotated[int, Field(ge=0, le=LATEST)] | None, OrNot]
Rating = Annotated[Annotated[float, Field(ge=0, le=100)] | None, OrNot]
Title = Annotated[str, _text(500)]
Label = Annotated[str, OrNot, _text(200)]
Summary = Annotated[str, OrNot, _text(10_000)]
Picture = Annotated[str, BeforeValidator(_picture)]


class _Tag(Answer):
    tag: Label = ""


class _Guid(Answer):
    id: Label = ""


class _Media(Answer):
    """One version. Its files are not read."""

    resolution: Annotated[Label, Field(alias="videoResolution")] = ""


class PlexItem(Answer):
    """An entry of `Metadata`. Times are Unix seconds, `duration` is in milliseconds."""

    rating_key: Annotated[Key, Field(alias="ratingKey")]
    kind: Annotated[str, Field(alias="type", max_length=40)]
    section_key: Annotated[Small, Field(alias="librarySectionID")] = None
    guid: Label = ""
    parent_key: Annotated[MaybeKey, Field(alias="parentRatingKey")] = None
    grandparent_key: Annotated[MaybeKey, Field(alias="grandparentRatingKey")] = None
    number: Annotated[Small, Field(alias="index")] = None
    parent_number: Annotated[Small, Field(alias="parentIndex")] = None
    title: Title = ""
    sort_title: Annotated[Title, OrNot, Field(alias="titleSort")] = ""
    original_title: Annotated[Title, OrNot, Field(alias="originalTitle")] = ""
    parent_title: Annotated[Title, OrNot, Field(alias="parentTitle")] = ""
    grandparent_title: Annotated[Title, OrNot, Field(alias="grandparentTitle")] = ""
    year: Small = None
    summary: Summary = ""
    critics: Annotated[Rating, Field(alias="rating")] = None
    audience: Annotated[Rating, Field(alias="audienceRating")] = None
    content_rating: Annotated[Label, Field(alias="contentRating")] = ""
    studio: Label = ""
    duration: Big = None
    genres: Annotated[list[_Tag], OrNot, BeforeValidator(_listed), Field(alias="Genre")] = []
    media: Annotated[list[_Media], OrNot, BeforeValidator(_listed), Field(alias="Media")] = []
    guids: Annotated[list[_Guid], OrNot, BeforeValidator(_listed), Field(alias="Guid")] = []
    thumb: Picture = ""
    composite: Picture = ""
    art: Picture = ""
    leaves: Annotated[Small, Field(alias="leafCount")] = None
    children: Annotated[Small, Field(alias="childCount")] = None
    playlist_type: Annotated[Label, Field(alias="playlistType")] = ""
    added_at: Annotated[Moment, Field(alias="addedAt")] = None
    updated_at: Annotated[Moment, Field(alias="updatedAt")] = None

    @property
    def rating(self) -> float | None:
        """The critics', else the audience's."""
        return self.critics if self.critics is not None else self.audience

    @property
    def tags(self) -> list[str]:
        """The genres, each once."""
        return list(dict.fromkeys(one.tag for one in self.genres if one.tag))

    @property
    def resolution(self) -> str:
        """The best of all versions, as Plex names it: `4k`, `1080`, `sd`."""
        has = {one.resolution.lower() for one in self.media}
        return next((one for one in _RESOLUTIONS if one in has), "")

    @property
    def external_ids(self) -> dict[str, str]:
        """Ids at `tmdb`, `tvdb`, `imdb`, `musicbrainz`: those listed, else the one in the guid of an older agent."""
        found: dict[str, str] = {}
        for text in (*(one.id for one in self.guids), self.guid):
            match = _EXTERNAL.fullmatch(text)
            service = _SERVICES.get(match[1]) if match else None
            # An older agent's guid of a season or an episode is the show's id, with numbers after it.
            if match and service and not match[3] and not (text is self.guid and self.kind in ("season", "episode")):
                found.setdefault(service, match[2])
        return found


class PlexMember(Answer):
    """An entry of a collection or a playlist."""

    rating_key: Annotated[MaybeKey, Field(alias="ratingKey")] = None


class _Location(Answer):
    path: Annotated[str, _text(4096)] = ""


class PlexSection(Answer):
    """A library. `kind` is movie, show, artist or photo."""

    key: Annotated[int, Field(gt=0, lt=2**31)]
    kind: Annotated[str, Field(alias="type", max_length=40)]
    title: Title
    locations: Annotated[list[_Location], OrNot, BeforeValidator(_listed), Field(alias="Location")] = []


EntryT = TypeVar("EntryT", bound=BaseModel)
_FEW_ODD: Final = 10
_ODD_SHARE: Final = 20
"""So many entries of an answer may not fit, or one in so many of them; yet not all, where there are several."""


def _fitting(value: Any, fits: ValidatorFunctionWrapHandler) -> Any:
    """Those of the entries that fit."""
    try:
        return fits(value)
    except ValidationError as error:
        odd = {problem["loc"][0] for problem in error.errors(include_url=False, include_input=False) if problem["loc"]}
        if (
            not isinstance(value, list)
            or len(odd) > max(_FEW_ODD, len(value) // _ODD_SHARE)
            or 1 < len(odd) == len(value)
        ):
            raise
        return fits([one for at, one in enumerate(value) if at not in odd])


class Container(Answer, Generic[EntryT]):
    """A part of a list. `total` is how many there are of them all, where a part was asked for."""

    size: Small = None
    total: Annotated[Small, Field(alias="totalSize")] = None
    section_key: Annotated[Small, Field(alias="librarySectionID")] = None
    entries: Annotated[
        list[EntryT], BeforeValidator(_listed), Field(validation_alias=AliasChoices("Metadata", "Directory"))
    ] = []


class Fitting(Container[EntryT], Generic[EntryT]):
    """The same without the entries that do not fit, so long as they are few. `sent` counts those as well."""

    entries: Annotated[
        list[EntryT],
        WrapValidator(_fitting),
        BeforeValidator(_listed),
        Field(validation_alias=AliasChoices("Metadata", "Directory")),
    ] = []
    sent: Annotated[
        int,
        BeforeValidator(lambda value: len(_listed(value)) if isinstance(value, list | dict) else 0),
        Field(validation_alias=AliasChoices("Metadata", "Directory")),
    ] = 0


class Listing(Answer, Generic[EntryT]):
    """The answer around it."""

    container: Annotated[Container[EntryT], Field(alias="MediaContainer")]


class FittingListing(Answer, Generic[EntryT]):
    """The answer around what fits of a list."""

    container: Annotated[Fitting[EntryT], Field(alias="MediaContainer")]


class ServerAbout(Answer):
    """What the server says of itself to its owner."""

    machine_identifier: Annotated[Name, Field(alias="machineIdentifier")] = ""
    name: Annotated[Name, Field(alias="friendlyName")] = ""
    version: Name = ""


class AboutAnswer(Answer):
    """The answer of `/`."""

    container: Annotated[ServerAbout, Field(alias="MediaContainer")]
