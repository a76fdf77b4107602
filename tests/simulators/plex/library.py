"""All items of one server and what each person did with them; answers no request and tells nobody of changes."""

from __future__ import annotations

import itertools
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from .bulk import Block
from .items import LEAVES, LEVELS, PARENTS, Item, Media, Section, View

_FIELDS = {one.name for one in fields(Item)} | {"sort_title"}
NOBODY = View()
_KEPT = 2000


class Library:
    """`items` holds those that were added or changed one by one; those of `blocks` are worked out when asked for."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self.blocks: list[Block] = []
        self.gone: set[int] = set()
        """Keys of blocks' items that are deleted."""
        self.views: dict[int, dict[str, View]] = {}
        """By person and guid, as Plex keeps them: they outlive a file that moves."""
        self.version = 0
        """Counts the changes."""
        self.tag_ids: dict[tuple[str, str], int] = {}
        self._children: dict[int, dict[int, None]] = {}
        self._orders: dict[tuple[Any, ...], tuple[int, list[int]]] = {}
        self._made: dict[int, Item] = {}
        """Blocks' items made lately: those above are asked for again and again."""
        self._keys = itertools.count(1)
        self._media_ids = itertools.count(1)

    # --- finding

    def get(self, key: int) -> Item | None:
        """The item of that key."""
        found = self.items.get(key) or self._made.get(key)
        if found is None and key not in self.gone and (block := self.block(key)) is not None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            found = self._made[key] = block.item(key)
        return found

    def block(self, key: int) -> Block | None:
        """The block whose key it is, also when the item was changed or deleted."""
        at = bisect_right(self.blocks, key, key=lambda one: one.first) - 1
        return self.blocks[at] if at >= 0 and self.blocks[at].has(key) else None

    def keys(self, section: int, kind: str) -> Iterator[int]:
        """The keys of a section's items of one kind, oldest first."""
        for block in self.blocks:
            if block.section == section and block.type == kind:
                every = range(block.first, block.first + block.count)
                if not self.gone and not self.items:
                    yield from every
                else:
                    yield from (key for key in every if key not in self.gone and key not in self.items)
        yield from (key for key, one in self.items.items() if one.type == kind and one.section == section)

    def count(self, section: int, kind: str) -> int:
        """How many there are."""
        return sum(1 for _ in self.keys(section, kind))

    def children(self, key: int) -> list[int]:
        """The keys of the children, by index."""
        block = self.block(key)
        theirs = [one for one in block.children(key) if one not in self.gone] if block and block.per_child else []
        added = [one for one in self._children.get(key, ()) if one not in theirs]
        if added:
            theirs = sorted(theirs + added, key=lambda one: (self.value(one, "index") or 0, one))
        return theirs

    def leaves(self, key: int) -> list[int]:
        """The keys of the episodes or tracks below."""
        item = self.get(key)
        if item is None or item.type in LEAVES:
            return []
        below = self.children(key)
        if item.type in ("season", "album"):
            return below
        return [leaf for one in below for leaf in self.children(one)]

    def value(self, key: int, name: str) -> Any:
        """One field of the item."""
        item = self.items.get(key)
        if item is None:
            block = self.block(key)
            assert block is not None, key
            try:
                return block.value(key, name)
            except KeyError:
                item = block.item(key)
        return getattr(item, name)

    def guid(self, key: int) -> str:
        """The item's guid."""
        item = self.items.get(key)
        block = self.block(key)
        return item.guid if item is not None else block.guid(key) if block is not None else ""

    def ordered(self, name: tuple[Any, ...], make: Callable[[], list[int]]) -> list[int]:
        """A list of keys that holds until the library changes."""
        kept = self._orders.get(name)
        if kept is None or kept[0] != self.version:
            kept = self._orders[name] = (self.version, make())
        return kept[1]

    def tag_id(self, kind: str, tag: str) -> int:
        """The number of a genre, a person and so on."""
        return self.tag_ids.setdefault((kind, tag), len(self.tag_ids) + 1)

    # --- people

    def view(self, person: int, guid: str) -> View:
        """What the person did with it; not to be changed."""
        return self.views.get(person, {}).get(guid, NOBODY)

    def touch(self, person: int, guid: str) -> View:
        """The same, to be changed."""
        return self.views.setdefault(person, {}).setdefault(guid, View())

    def viewed(self, person: int, key: int) -> int:
        """How many episodes or tracks below the person has finished."""
        theirs = self.views.get(person)
        if not theirs:
            return 0
        return sum(1 for leaf in self.leaves(key) if (seen := theirs.get(self.guid(leaf))) and seen.count)

    # --- changing

    def changed(self, section: int) -> None:
        """Count a change of the section."""
        self.version += 1
        if section in self.sections:
            self.sections[section].content_changed_at += 1

    def add_section(self, kind: str, title: str, path: str) -> Section:
        """A new one, empty."""
        now = int(self.now())
        key = max(self.sections, default=0) + 1
        made = Section(key, kind, title, path, str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key} {title}")), now, now, now)
        self.sections[key] = made
        return made

    def section_of(self, kind: str) -> Section:
        """The first section of that kind; a new one when there is none."""
        found = next((one for one in self.sections.values() if one.type == kind), None)
        title, path = {"movie": ("Movies", "/media/movies"), "show": ("TV Shows", "/media/tv")}.get(
            kind, ("Music", "/media/music")
        )
        return found or self.add_section(kind, title, path)

    def add(self, kind: str, section: int, title: str, **given: Any) -> Item:
        """A new item. `given` are fields of Item; without a guid it gets one."""
        key = next(self._keys)
        now = int(self.now())
        guid = given.pop("guid", None) or f"plex://{kind}/{uuid.uuid4().hex[:24]}"
        added = int(given.pop("added_at", now))
        extra = given.pop("extra", {}) | {name: given.pop(name) for name in list(given) if name not in _FIELDS}
        made = Item(key, kind, section, title, guid, added, int(given.pop("updated_at", max(added, now))), **given)
        made.extra = extra
        made.media = tuple(replace(one, id=next(self._media_ids), part_id=next(self._media_ids)) for one in made.media)
        self.items[key] = made
        if made.parent is not None:
            self._children.setdefault(made.parent, {})[key] = None
        self.changed(section)
        return made

    def own(self, key: int) -> Item:
        """The item, to be changed: one of a block is kept from now on. Raises KeyError when there is none."""
        item = self.get(key)
        if item is None:
            raise KeyError(key)
        self._made.pop(key, None)
        return self.items.setdefault(key, item)

    def change(self, key: int, **given: Any) -> Item:
        """Edit it; its `updated_at` becomes now, if it is not given. Names Item doesn't know go to `extra`."""
        item = self.own(key)
        given.setdefault("updated_at", int(self.now()))
        for name, value in given.items():
            if name in _FIELDS:
                setattr(item, name, value)
            else:
                item.extra[name] = value
        self.changed(item.section)
        return item

    def delete(self, key: int) -> list[Item]:
        """Take it and all below away; returns them, the lowest first."""
        item = self.get(key)
        if item is None:
            return []
        taken = [one for child in self.children(key) for one in self.delete(child)]
        self.items.pop(key, None)
        self._made.pop(key, None)
        if self.block(key) is not None:
            self.gone.add(key)
        self._children.pop(key, None)
        if item.parent is not None:
            self._children.get(item.parent, {}).pop(key, None)
        for holder in self.items.values():
            if key in holder.members:
                holder.members.remove(key)
        self.changed(item.section)
        return [*taken, item]

    def move(self, key: int, section: int, file: Callable[[str], str], parent: int | None = None) -> Item:
        """The files went elsewhere: the same guids, other keys. Returns the new item."""
        old = self.own(key)
        below = [self.own(child) for child in self.children(key)]
        copied = {one.name: getattr(old, one.name) for one in fields(Item)}
        for name in ("rating_key", "type", "section", "title", "added_at", "updated_at", "extra"):
            del copied[name]
        copied["media"] = tuple(replace(one, file=file(one.file)) for one in old.media)
        copied["parent"] = old.parent if parent is None else parent
        made = self.add(old.type, section, old.title, **copied, **old.extra)
        for child in below:
            self.move(child.rating_key, section, file, made.rating_key)
        self.delete(key)
        return made

    # --- in bulk

    def fill(self, section: Section, counts: dict[str, int], seed: int = 1) -> None:
        """Add blocks for the kinds of the section: `counts` says how many at the top, and how many for each above."""
        above: Block | None = None
        levels = LEVELS[section.type]
        sizes, total = [], 1
        for kind in levels:
            total *= counts[kind]
            sizes.append(total)
        firsts, following = [], next(self._keys)
        for size in sizes:
            firsts.append(following)
            following += size
        self._keys = itertools.count(following)
        self._media_ids = itertools.count(max(following, next(self._media_ids)))
        since = int(self.now()) - 9 * 365 * 86400
        for at, kind in enumerate(levels):
            last = at + 1 == len(levels)
            above = Block(
                kind,
                section.key,
                section.path,
                firsts[at],
                sizes[at],
                since,
                seed,
                above if kind in PARENTS else None,
                counts[kind],
                0 if last else counts[levels[at + 1]],
                0 if last else firsts[at + 1],
            )
            self.blocks.append(above)
        self.changed(section.key)


def one_file(path: str, **given: Any) -> tuple[Media, ...]:
    """One version in that file; ids come with the item."""
    return (Media(0, 0, path, **given),)
