"""A believable family's requests, in every state there is, and some issues, for demos and load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .knobs import Knobs
from .records import MOVIE, TV, IssueType, MediaStatus, Permission, RequestStatus, User

P = Permission


@dataclass(frozen=True)
class InLibrary:
    """A title of the media server; `episodes` counts those of a series' seasons from 1 on."""

    kind: str
    tmdb_id: int
    name: str
    year: int
    overview: str = ""
    rating_key: str | None = None
    episodes: tuple[int, ...] = ()


_RULES: dict[str, tuple[int, dict[str, int | None]]] = {
    "Ada": (P.REQUEST | P.MANAGE_REQUESTS | P.MANAGE_ISSUES | P.REQUEST_4K, {}),
    "Ben": (P.REQUEST | P.CREATE_ISSUES | P.REQUEST_4K_MOVIE, {}),
    "Chloe": (P.REQUEST | P.AUTO_APPROVE_TV | P.CREATE_ISSUES, {}),
    "Dev": (P.REQUEST | P.CREATE_ISSUES, {"movie_quota_limit": 2, "movie_quota_days": 7,
                                          "tv_quota_limit": 3, "tv_quota_days": 7}),
}  # fmt: skip


def mirror(sim: Knobs, titles: Iterable[InLibrary]) -> None:
    """What a media server has exists here, too, and is there: for a demo with both. Nobody is told."""
    for one in titles:
        date = f"{one.year}-06-15"
        if one.kind == MOVIE:
            made = sim.add_film(one.tmdb_id, one.name, date, one.overview)
        else:
            episodes = one.episodes or (8,)
            made = sim.add_series(one.tmdb_id, one.name, date, one.overview, episodes=episodes, specials=0)
        sim.arrive(made, rating_key=one.rating_key)


def furnish(sim: Knobs) -> list[User]:
    """Five people, of whom the owner and Ada decide; ten requests; two issues. Returns the four guests.

    The second request, of Ben, is on its way.
    """
    people = [
        sim.add_user(name, permissions=allowed, plex_id=1002 + at, **quotas)
        for at, (name, (allowed, quotas)) in enumerate(_RULES.items())
    ]
    _, ben, chloe, dev = people
    for id in (910003, 910005, 910006, 910009, 910011, 910014, 910018, 910020):
        sim.arrive((MOVIE, id))
    sim.arrive((TV, 210004))
    sim.arrive((TV, 210006), seasons=(1, 2))
    there = sim.request(ben, (MOVIE, 910001))
    sim.arrive(sim.approve(there))
    sim.approve(sim.request(ben, (MOVIE, 910012)))
    sim.approve(sim.request(ben, (MOVIE, 910007), is4k=True))
    sim.decline(sim.request(dev, (MOVIE, 910017)))
    sim.fail(sim.approve(sim.request(chloe, (MOVIE, 910010))))
    sim.request(dev, (MOVIE, 910004))
    sim.request(ben, (TV, 210001), seasons=(1, 2))
    sim.arrive(sim.request(chloe, (TV, 210008)), seasons=(1,))
    sim.request(chloe, (TV, 210010))
    sim.request(dev, (TV, 210003))
    dark = sim.open_issue(ben, (MOVIE, 910003), "The picture is far too dark from the middle on.", IssueType.VIDEO)
    sim.comment(dark, "Ada", "Thanks, I am looking for another copy.")
    off = sim.open_issue(
        chloe, (TV, 210004), "The words come two seconds late.", IssueType.SUBTITLES, season=2, episode=3
    )
    sim.close_issue(off)
    return people


def add_rarer_states(sim: Knobs, ben: User, chloe: User) -> None:
    """Requests 11 and on: approved and not handed on yet, on its way (12), and what only Seerr tells apart."""
    sim.put_status(sim.approve(sim.request(ben, (MOVIE, 910002))), MediaStatus.UNKNOWN)
    sim.approve(sim.request(chloe, (MOVIE, 910016)))
    if not sim.world.seerr:
        return
    there = sim.approve(sim.request(chloe, (MOVIE, 910008)))
    sim.arrive(there)
    there.status = RequestStatus.APPROVED  # as long as nobody has closed it
    gone = sim.approve(sim.request(ben, (MOVIE, 910013)))
    sim.arrive(gone)
    sim.put_status(gone, MediaStatus.DELETED)
    sim.put_status(sim.request(ben, (MOVIE, 910015)), MediaStatus.BLOCKLISTED)
