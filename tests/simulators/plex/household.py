"""A believable household's library, for demos: 200 films, 40 series, some music, and somebody watching. Changes nothing later.

Old films are in the public domain; all other titles, people and summaries are made up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .items import Item
from .server import PlexSimulator
from .world import Account

OLD_FILMS = (
    ("A Trip to the Moon", 1902, "Fantasy"),
    ("The Great Train Robbery", 1903, "Western"),
    ("The Cabinet of Dr. Caligari", 1920, "Horror"),
    ("The Kid", 1921, "Comedy"),
    ("Häxan", 1922, "Documentary"),
    ("Nosferatu", 1922, "Horror"),
    ("Nanook of the North", 1922, "Documentary"),
    ("Safety Last!", 1923, "Comedy"),
    ("Our Hospitality", 1923, "Comedy"),
    ("Sherlock Jr.", 1924, "Comedy"),
    ("The Thief of Bagdad", 1924, "Adventure"),
    ("The Gold Rush", 1925, "Comedy"),
    ("Battleship Potemkin", 1925, "Drama"),
    ("The Phantom of the Opera", 1925, "Horror"),
    ("The General", 1926, "Comedy"),
    ("The Adventures of Prince Achmed", 1926, "Animation"),
    ("Metropolis", 1927, "Science Fiction"),
    ("Sunrise", 1927, "Romance"),
    ("Wings", 1927, "War"),
    ("Steamboat Bill, Jr.", 1928, "Comedy"),
    ("La Passion de Jeanne d'Arc", 1928, "Drama"),
    ("Man with a Movie Camera", 1929, "Documentary"),
    ("Un Chien Andalou", 1929, "Fantasy"),
    ("My Man Godfrey", 1936, "Comedy"),
    ("His Girl Friday", 1940, "Comedy"),
    ("Detour", 1945, "Crime"),
    ("D.O.A.", 1950, "Crime"),
    ("House on Haunted Hill", 1959, "Horror"),
    ("Carnival of Souls", 1962, "Horror"),
    ("Charade", 1963, "Mystery"),
    ("Night of the Living Dead", 1968, "Horror"),
)
GENRES = ("Drama", "Comedy", "Mystery", "Adventure", "Science Fiction", "Documentary", "Family", "Crime", "Romance")
_SERIES = (
    "Harbour Lights, Night Bakery, The Cartographers, Café Étoile, Signal Hill, Ferry 9, The Long Allotment, Quiet Carriage,"
    " Tidewater, Lower Street, The Lamp Works, Second Platform, Snowline, Orchard Row, Copper & Pine, The Understudies,"
    " Radio Nordkapp, Bright Cellar, Field Notes, The Weather House, Ölandsbron, Salt Road, Kitchen Table, Blue Ledger,"
    " Aurora Patrol, The Glass Pier, Backyard Astronomers, Twelve Windows, Rooftop Nine, Slow Train North,"
    " The Puppet Bureau, Granite, Señora Detective, Lost & Found, The Beekeepers, Minute Market, Canal Zone, Paper Moons,"
    " The Museum at Night, Evergreen Close"
)
SERIES = _SERIES.split(", ")
BANDS = (
    "The Lanterns",
    "Ida Novak Trio",
    "Paper Boats",
    "Møller & Sons",
    "Static Orchard",
    "Chamber Nine",
    "Low Sun",
    "Rosa Vidal",
)
_WORDS = (
    "Silent Golden Hidden Northern Broken Little Last Distant Paper Winter Crimson Restless Hollow Amber",
    "Harbour Garden Letter Orchard Signal Kitchen River Lantern Station Mirror",
)
_FIRST, _LAST = (one.split() for one in _WORDS)
_NAMES = ("Ada North", "Bo Lindqvist", "Cleo Marsh", "Dario Conti", "Edda Falk", "Femi Ade", "Greta Holm", "Hugo Sand")
_STUDIOS = ("Lantern Pictures", "Tidal Films", "Studio Norr", "Red Door", "Harbour House")
_DAY = 86400


@dataclass(frozen=True)
class Household:
    """Who lives there, and who is let in."""

    owner: Account
    friend: Account
    kid: Account
    films: list[Item]
    series: list[Item]


def furnish(sim: PlexSimulator, seed: int = 7) -> Household:
    """Fill it, with a history of watching and two people who watch now. The child may see the series alone."""
    dice = random.Random(seed)  # a demo is the same each time
    world = sim.world
    friend = world.friend("friend", email="friend@home.example", friendly_name="Fred Friend")
    kid = world.managed("Kid")
    world.account("stranger", email="stranger@else.example")
    films = [_film(sim, dice, *one) for one in _titles(dice)]
    series = [_series(sim, dice, title) for title in SERIES]
    _music(sim, dice)
    oldest = sorted(films, key=lambda one: one.year or 0)
    sim.add_collection("Silent era", [one for one in oldest if (one.year or 0) < 1930])
    sim.add_collection("Harbour stories", [one for one in films if "Harbour" in one.title])
    sim.add_collection("Short seasons", series[:6])
    sim.add_playlist("Rainy Sunday", dice.sample(films, 8))
    sim.share(kid, [sim.pms.library.sections[series[0].section]])
    _history(sim, dice, films, series, (world.owner, friend))
    _watch_now(sim, films, series, friend, kid)
    return Household(world.owner, friend, kid, films, series)


def _titles(dice: random.Random) -> list[tuple[str, int, str]]:
    made = [(f"The {first} {last}", first, last) for first in _FIRST for last in _LAST]
    dice.shuffle(made)
    plain = [title if at % 4 == 0 else f"{first} {last}" for at, (title, first, last) in enumerate(made)]
    taken = [f"{title} Part II" if at % 37 == 36 else title for at, title in enumerate(plain)]
    films = [(title, dice.randint(1952, 2025), dice.choice(GENRES)) for title in taken]
    more = [
        (f"{last} of the {first}", dice.randint(1952, 2025), "Drama")
        for first, last in zip(_FIRST, _LAST, strict=False)
    ]
    more += [(f"One {last}, Two {last}s", dice.randint(1990, 2025), "Comedy") for last in _LAST]
    more += [(f"Night at the {last}", dice.randint(1960, 2025), "Mystery") for last in _LAST]
    return [*OLD_FILMS, *more, *films][:200]


def _film(sim: PlexSimulator, dice: random.Random, title: str, year: int, genre: str) -> Item:
    new = year > 1975
    number = 9_000_000 + dice.randrange(900_000)
    return sim.add_movie(
        title,
        year=year,
        genres=(genre, *dice.sample(GENRES, 1)) if new else (genre,),
        studio=dice.choice(_STUDIOS),
        summary=f"A made-up story of {dice.choice(('a promise', 'a journey', 'two sisters', 'one long night', 'a map'))}.",
        content_rating=dice.choice(("G", "PG", "PG-13", "R")),
        rating=round(dice.uniform(4.5, 9.4), 1),
        audience_rating=round(dice.uniform(5, 9.5), 1),
        duration=dice.randint(70 if new else 40, 150) * 60_000,
        directors=(dice.choice(_NAMES),),
        roles=tuple((name, "Somebody") for name in dice.sample(_NAMES, 3)),
        ids=(f"imdb://tt{number}", f"tmdb://{number}"),
        resolution=dice.choice(("1080", "1080", "4k", "720")) if new else "sd",
        video_codec="hevc" if new and dice.random() < 0.4 else "h264",
        audio_codec=dice.choice(("ac3", "eac3", "aac", "dca")),
        added_at=sim.world.now() - dice.randint(0, 900) * _DAY - dice.randint(0, _DAY),
    )


def _series(sim: PlexSimulator, dice: random.Random, title: str) -> Item:
    year = dice.randint(1985, 2025)
    number = 400_000 + dice.randrange(90_000)
    show = sim.add_show(
        title,
        year=year,
        genres=tuple(dice.sample(GENRES, 2)),
        studio=dice.choice(_STUDIOS),
        summary="A made-up series.",
        content_rating=dice.choice(("TV-G", "TV-PG", "TV-14")),
        audience_rating=round(dice.uniform(6, 9.3), 1),
        ids=(f"tvdb://{number}", f"tmdb://{number}"),
        added_at=sim.world.now() - dice.randint(100, 900) * _DAY,
    )
    for at in range(1, dice.randint(1, 4) + 1):
        added = sim.world.now() - dice.randint(0, 99) * _DAY - dice.randint(0, _DAY)
        season = sim.add_season(show, at, added_at=added)
        for number in range(1, dice.randint(5, 8) + 1):
            sim.add_episode(season, number, f"Chapter {number}", added_at=added + number * 60, duration=42 * 60_000)
    return show


def _music(sim: PlexSimulator, dice: random.Random) -> None:
    for band in BANDS:
        artist = sim.add_artist(band, genres=(dice.choice(("Folk", "Jazz", "Ambient", "Rock")),))
        for title in dice.sample(("First Light", "Low Water", "Rooms", "North", "Paper", "Études", "Homeward"), 2):
            album = sim.add_album(artist, title, year=dice.randint(1994, 2025), studio="Harbour Records")
            for number in range(1, 9):
                sim.add_track(album, f"{dice.choice(_FIRST)} {dice.choice(_LAST)}", number)


def _history(
    sim: PlexSimulator, dice: random.Random, films: list[Item], series: list[Item], people: tuple[Account, ...]
) -> None:
    library = sim.pms.library
    for person in people:
        for film in dice.sample(films, 45):
            at = sim.world.now() - dice.randint(1, 300) * _DAY
            begun = dice.random() < 0.1
            sim.watch(person, film, count=0 if begun else 1, offset=20 * 60_000 if begun else 0, at=at)
        for show in dice.sample(series, 8):
            leaves = library.leaves(show.rating_key)
            for leaf in leaves[: dice.randint(1, len(leaves))]:
                episode = library.get(leaf)
                assert episode is not None
                sim.watch(person, episode, at=sim.world.now() - dice.randint(1, 60) * _DAY)


def _watch_now(sim: PlexSimulator, films: list[Item], series: list[Item], friend: Account, kid: Account) -> None:
    episode = sim.pms.library.get(sim.pms.library.leaves(series[3].rating_key)[2])
    assert episode is not None
    sim.play(friend, films[40], "Apple TV", transcode=True, local=False, address="203.0.113.20", offset=25 * 60_000)
    sim.pause(sim.play(kid, episode, "SHIELD Android TV", offset=9 * 60_000))
