"""Checks the kinds of notifications a plugin declares and what it tells by them, and fills templates. Keeps and sends nothing."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args
from urllib.parse import urlsplit

from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_api.notifications import LANGUAGES, Choice, NotificationKind, Params, Words

LONGEST_NAME: Final = 60
LONGEST_KEY: Final = 200
LONGEST_TEXT: Final = 500
"""Characters of a text among the parameters; what is longer is cut."""

LONGEST_ADDRESS: Final = 2000
MOST_PARAMS: Final = 20

_NAME: Final = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_YES_NO: Final = {"en": ("no", "yes"), "de": ("nein", "ja")}


class KindError(ValueError):
    """A kind that cannot be told; the text tells its author why."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a plugin wants to tell, found sound. `name` is the kind's full name."""

    name: str
    kind: NotificationKind
    params: dict[str, str | int | float | bool]
    key: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Filled:
    """A title and a body as somebody reads them."""

    title: str
    body: str


def check_kinds(kinds: object) -> None:
    """Raises `KindError` for the first of a plugin's kinds that could not be put into words."""
    if isinstance(kinds, str | Mapping) or not isinstance(kinds, Iterable):
        raise KindError(f"PluginInfo.notifications must be a list of NotificationKind, not {type(kinds).__name__}")
    seen: set[str] = set()
    for kind in kinds:
        if not isinstance(kind, NotificationKind):
            raise KindError(
                f"PluginInfo.notifications must hold NotificationKind objects; one is {type(kind).__name__}"
            )
        what = f"notification kind {kind.name!r}"
        if not isinstance(kind.name, str) or not _NAME.fullmatch(kind.name):
            raise KindError(f"{what} is badly named: use lower-case letters, digits and _, at most {LONGEST_NAME}")
        if kind.name in seen:
            raise KindError(f"two notification kinds are called {kind.name!r}")
        seen.add(kind.name)
        _check_words(kind, what)
        if kind.default not in get_args(Choice):
            raise KindError(f"{what}: default must be one of {', '.join(get_args(Choice))}, not {kind.default!r}")
        if not (kind.activity or kind.notify):
            raise KindError(f"{what} reaches nobody: neither `activity` nor `notify` is set")


def _check_words(kind: NotificationKind, what: str) -> None:
    for field, given in (("title", kind.title), ("words", kind.words)):
        if not isinstance(given, Mapping) or "en" not in given:
            raise KindError(f"{what}: {field} has no `en`, which is read where a language is missing")
        if unknown := sorted(set(given) - set(LANGUAGES)):
            raise KindError(f"{what}: {field} has {unknown[0]!r}; the hub's languages are {', '.join(LANGUAGES)}")
    known: frozenset[str] | None = None
    for language in LANGUAGES:
        if language in kind.title and not str(kind.title[language]).strip():
            raise KindError(f"{what}: its title in {language!r} is empty")
        words = kind.words.get(language)
        if words is None:
            continue
        if not isinstance(words, Words) or not words.title.strip():
            raise KindError(f"{what}: its words in {language!r} must be Words with a title")
        try:
            used = placeholders(words)
        except ValueError as error:
            raise KindError(f"{what}: its words in {language!r} cannot be filled: {error}") from error
        known = used if known is None else known
        if unknown := sorted(used - known):
            raise KindError(f"{what}: {{{unknown[0]}}} in {language!r} is unknown, for `en` does not have it")


def placeholders(words: Words) -> frozenset[str]:
    """The parameters these words want. Raises `ValueError` for a template that is more than text and `{param}`."""
    return frozenset(name for text in (words.title, words.body) for _, name in _parts(text) if name is not None)


def wanted_params(kind: NotificationKind) -> frozenset[str]:
    """The parameters the kind cannot be told without, in whatever language."""
    return frozenset().union(*(placeholders(words) for words in kind.words.values()))


def find_kind(kinds: Iterable[NotificationKind], kind: str | NotificationKind, plugin: str) -> NotificationKind:
    """The declared kind of that local or full name. Raises `BadInput` for one the plugin does not declare."""
    name = (kind if isinstance(kind, str) else kind.name).removeprefix(f"{plugin}.")
    for one in kinds:
        if one.name == name:
            return one
    words = f"The plugin {plugin} declares no kind of notification {name!r} in PluginInfo.notifications."
    raise BadInput(words, code="unknown_notification_kind")


def telling(
    kinds: Iterable[NotificationKind],
    plugin: str,
    kind: str | NotificationKind,
    params: Params,
    key: str,
    href: str | None,
) -> Telling:
    """What the plugin wants to tell, checked. Raises `BadInput` as `Notify.tell` does."""
    found = find_kind(kinds, kind, plugin)
    return Telling(
        f"{plugin}.{found.name}", found, checked_params(found, params), checked_key(key), checked_address(href)
    )


def checked_params(kind: NotificationKind, params: Params) -> dict[str, str | int | float | bool]:
    """The parameters as they are kept: texts cut to `LONGEST_TEXT`, without control characters.

    Raises `BadInput` for one that is missing or of another type, and for too many.
    """
    if missing := sorted(wanted_params(kind) - set(params)):
        raise _refused(f"{kind.name!r} cannot be told without the parameter {missing[0]!r}.")
    if len(params) > MOST_PARAMS:
        raise _refused(f"{kind.name!r} was given {len(params)} parameters; {MOST_PARAMS} are the most.")
    kept: dict[str, str | int | float | bool] = {}
    for name, value in params.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _refused(f"{kind.name!r}: a parameter is badly named; use lower-case letters, digits and _.")
        if isinstance(value, str):
            kept[name] = shortened(_UNPRINTABLE.sub("", value), LONGEST_TEXT)
        elif isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf")):
            if not isinstance(value, bool) and abs(value) >= 2**63:
                raise _refused(f"{kind.name!r}: the parameter {name!r} is too large a number.")
            kept[name] = value
        else:
            raise _refused(f"{kind.name!r}: the parameter {name!r} must be a text, a finite number or a truth value.")
    return kept


def checked_key(key: str) -> str:
    """Raises `BadInput` for what cannot tell one happening from another."""
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or _UNPRINTABLE.search(key):
        raise BadInput(
            f"The key of a notification must be 1 to {LONGEST_KEY} printable characters.", code="bad_notification_key"
        )
    return key


def checked_address(address: str | None) -> str | None:
    """A path of the hub (`/…`) or a whole http or https address. Raises `BadInput` for any other."""
    if address is None:
        return None
    if isinstance(address, str) and len(address) <= LONGEST_ADDRESS and not re.search(r"[\x00-\x20\x7f\\]", address):
        try:
            parts = urlsplit(address)
            inside = address.startswith("/") and not address.startswith("//")
            if not _UNPRINTABLE.search(address) and (inside or (parts.scheme in ("http", "https") and parts.hostname)):
                return address
        except ValueError:
            pass
    words = "The link of a notification must be a path of the hub that begins with /, or a whole http or https address."
    raise BadInput(words, code="bad_notification_link")


def fill(kind: NotificationKind, language: str, params: Params) -> Filled:
    """The words in that language, or in English. What is missing among the parameters shows as `…`: never raises."""
    used = language if language in kind.words else "en"
    words = kind.words[used]
    return Filled(_filled(words.title, used, params), _filled(words.body, used, params))


def shortened(text: str, longest: int) -> str:
    """The text, with `…` in place of what is too much."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _filled(template: str, language: str, params: Params) -> str:
    return "".join(
        text if name is None else text + _shown(params.get(name), language) for text, name in _parts(template)
    )


def _shown(value: str | int | float | bool | None, language: str) -> str:
    if value is None:
        return "…"
    if isinstance(value, bool):
        return _YES_NO[language][value]
    if isinstance(value, float):
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if language == "de" else text
    return str(value)


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Literal text, and the name of the placeholder after it."""
    for text, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (form or conversion or not _NAME.fullmatch(name)):
            raise ValueError(f"{{{name}}} must be a name alone, of lower-case letters, digits and _")
        yield text, name


def _refused(words: str) -> BadInput:
    return BadInput(words, code="bad_notification_params")
