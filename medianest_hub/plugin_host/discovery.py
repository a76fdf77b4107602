"""Which plugins are installed, read from the distributions' metadata alone; imports none of their code."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from importlib_metadata import EntryPoint, entry_points
from packaging.requirements import InvalidRequirement, Requirement

from medianest_hub import __version__
from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP
from medianest_hub.plugin_api.plugin import CORE_NAMES, PLUGIN_NAME

HUB_DISTRIBUTION = "medianest-hub"


@dataclass(frozen=True, slots=True)
class Found:
    """One plugin name and the entry point behind it; neither one with a `problem` nor a `blocked` one is imported."""

    name: str
    point: EntryPoint
    distribution: str
    version: str
    problem: str = ""
    blocked: bool = False


def discover(blocked: Collection[str], quarantined: Mapping[str, str]) -> list[Found]:
    """Every plugin found, in the order of names. `quarantined` maps a name to why it was shut away."""
    by_name: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=PLUGINS_GROUP):
        known = by_name.setdefault(point.name, [])
        if not any(_same(point, other) for other in known):
            known.append(point)
    return [_judge(name, by_name[name], blocked, quarantined) for name in sorted(by_name)]


def _same(one: EntryPoint, other: EntryPoint) -> bool:
    """An editable install beside its own wheel shows up twice; that is one plugin."""
    return one.value == other.value and _distribution(one)[0] == _distribution(other)[0]


def _judge(name: str, points: list[EntryPoint], blocked: Collection[str], quarantined: Mapping[str, str]) -> Found:
    point = points[0]
    distribution, version = _distribution(point)
    found = Found(name, point, distribution, version, blocked=name in blocked)
    if found.blocked:
        return found
    return Found(name, point, distribution, version, _problem(name, points, quarantined))


def _problem(name: str, points: list[EntryPoint], quarantined: Mapping[str, str]) -> str:
    if len(points) > 1:
        owners = " and ".join(sorted(_distribution(point)[0] for point in points))
        return f"{owners} both claim the name {name!r}; uninstall one of them"
    if name in CORE_NAMES:
        return f"the name {name!r} belongs to the hub itself; the plugin must choose another"
    if not PLUGIN_NAME.fullmatch(name):
        return f"{name!r} is no plugin name: use lower-case letters, digits and _, beginning with a letter, at most 40"
    if name in quarantined:
        return f"quarantined: {quarantined[name]}; after repairing it, run `medianest plugins enable {name}`"
    return _unmet_requirement(points[0])


def _unmet_requirement(point: EntryPoint) -> str:
    """Whether the plugin's own distribution asks for another version of the hub than this one."""
    for text in (point.dist.requires if point.dist else None) or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name.lower().replace("_", "-") != HUB_DISTRIBUTION:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            return f"it needs {HUB_DISTRIBUTION}{requirement.specifier}, this is {__version__}"
    return ""


def _distribution(point: EntryPoint) -> tuple[str, str]:
    dist = point.dist
    return (dist.name, dist.version) if dist is not None else ("unknown", "0")
