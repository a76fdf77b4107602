"""Films, series and people nobody ever made, for the catalogue; holds data only."""

from __future__ import annotations

GENRES = {
    12: "Adventure", 14: "Fantasy", 16: "Animation", 18: "Drama", 27: "Horror", 28: "Action", 35: "Comedy", 36: "History",
    37: "Western", 53: "Thriller", 80: "Crime", 99: "Documentary", 878: "Science Fiction", 9648: "Mystery",
    10402: "Music", 10749: "Romance", 10751: "Family", 10759: "Action & Adventure", 10765: "Sci-Fi & Fantasy",
}  # fmt: skip

Film = tuple[int, str, int, int, tuple[int, ...], float, float, str]
"""TMDB id, title, year, minutes, genres, popularity, votes' average, overview."""
Show = tuple[int, str, int, tuple[int, ...], tuple[int, ...], float, float, str, bool]
"""TMDB id, title, year, episodes of each season from 1 on, genres, popularity, average, overview, whether it goes on."""

FILMS: tuple[Film, ...] = (
    (910001, "The Salt Cartographer", 2024, 128, (12, 18), 312.4, 7.9,
     "A mapmaker walks a drying sea to find the town her maps have left out."),
    (910002, "Nine Lanterns", 2023, 111, (9648, 53), 251.8, 7.4,
     "Every autumn nine lights appear on the lake. This year there are ten."),
    (910003, "Under Copper Skies", 2021, 117, (878, 12), 201.1, 7.1,
     "Two welders on a weather station stop a storm that somebody wanted."),
    (910004, "Grandmother's Engine", 2022, 94, (16, 10751, 35), 188.7, 8.0,
     "A locomotive in a barn, three cousins and a summer without adults."),
    (910005, "Quiet Hours", 2019, 102, (18, 10749), 90.2, 7.2,
     "The night shift of a small hotel falls in love by notes at the desk."),
    (910006, "The Last Ferry to Norrland", 2018, 99, (53, 80), 77.9, 6.8,
     "A ferry, one missing passenger, and a captain who counts again."),
    (910007, "Kaleidoscope County", 2025, 124, (35, 80), 402.3, 7.6,
     "Four retired magicians rob the museum that bought their tricks."),
    (910008, "Glasshouse", 2020, 108, (27, 53), 120.5, 6.7,
     "The orchids grow towards whoever is afraid of them."),
    (910009, "Émile and the Tide", 2017, 91, (10751, 12), 64.0, 7.7,
     "A boy and a tired sea lion swim home."),
    (910010, "Seven Minutes to Oslo", 2024, 96, (28, 53), 277.3, 6.9,
     "A train that cannot stop, and a conductor who has never been late."),
    (910011, "The Beekeeper's Alphabet", 2016, 121, (18, 36), 41.8, 8.1,
     "Letters hidden in hives carry a village through an occupation."),
    (910012, "Low Orbit", 2025, 133, (878, 18), 351.6, 7.8,
     "The cleaning crew of a space station finds out why it was never full."),
    (910013, "Paper Wolves", 2015, 105, (14, 12), 55.1, 7.0,
     "A bookbinder's pages run away at night, and she runs after them."),
    (910014, "Harvest of Stones", 2014, 138, (37, 18), 33.7, 7.5,
     "Two brothers fence the same field from both ends."),
    (910015, "Midnight at the Aquarium", 2022, 88, (16, 35), 143.9, 7.3,
     "An octopus manages the night staff."),
    (910016, "A Map of Small Noises", 2023, 100, (9648, 18), 98.4, 7.6,
     "A sound engineer hears the same footsteps in every recording."),
    (910017, "Redwood Protocol", 2024, 119, (28, 878), 266.0, 6.5,
     "A forest files a lawsuit, and somebody burns the evidence."),
    (910018, "Sunday Clockmaker", 2013, 97, (35, 10749), 22.4, 6.9,
     "He repairs what couples break; then she brings her own watch."),
    (910019, "Everybody but the Lead", 2021, 115, (10402, 35), 84.6, 7.4,
     "The whole cast falls ill on opening night but for those who know no line."),
    (910020, "Winter, Briefly", 2020, 92, (18,), 47.2, 7.7,
     "Snow falls for one day in a town that has never seen any."),
    (910021, "Ostrich Season", 2019, 86, (35, 10751), 61.3, 6.4,
     "A family inherits a farm, and the farm has opinions."),
    (910022, "The Weight of Water Towers", 2018, 109, (80, 53), 39.9, 7.0,
     "A plumber reads in the pipes who was home that night."),
    (910023, "Brass Moon", 2025, 126, (14, 10402), 318.8, 7.5,
     "An orchestra must play until sunrise, and sunrise is late."),
    (910024, "Field Notes from Nowhere", 2022, 81, (99,), 27.5, 8.2,
     "One year in a weather hut with the two people who write down its wind."),
)  # fmt: skip

SHOWS: tuple[Show, ...] = (
    (210001, "Harbour Nine", 2019, (10, 10, 8, 8), (80, 18), 298.6, 8.3,
     "Customs officers of a harbour where nothing is what its papers say.", True),
    (210002, "The Lighthouse Shift", 2021, (8, 8), (9648, 18), 176.2, 7.9,
     "Three keepers, one lamp, and a logbook that writes itself.", True),
    (210003, "Small Gods of the Motorway", 2023, (6,), (10765, 35), 141.0, 7.6,
     "Every service station has its patron, and they are out of petrol.", True),
    (210004, "Walnut & Sons", 2016, (13, 13, 13, 10, 6), (18, 10751), 88.1, 8.0,
     "A family of furniture makers through five hard years.", False),
    (210005, "Orbital Kindergarten", 2024, (26,), (16, 10751), 133.5, 7.2,
     "Six children, one robot and a lot of drifting crayons.", True),
    (210006, "The Interpreters", 2018, (8, 8, 8), (53, 18), 69.7, 8.4,
     "Those who say what others mean hear what nobody should.", False),
    (210007, "Night Bakers", 2022, (10, 10), (99,), 52.3, 7.8,
     "One city, twelve ovens, and the people awake with them.", True),
    (210008, "Saltmarsh", 2020, (6, 6), (80, 9648), 97.4, 7.7,
     "Tide tables are the only witnesses a young detective can trust.", True),
    (210009, "The Second Viola", 2017, (8,), (10402, 35), 31.9, 7.3,
     "A quartet that cannot stand one another tours a country that loves them.", False),
    (210010, "Parliament of Owls", 2025, (8,), (10759, 10765), 344.9, 8.1,
     "Spies of a forest kingdom vote on a war nobody declared.", True),
    (210011, "Ten Metres Down", 2015, (12, 12, 12, 12, 12, 12), (99, 12), 44.0, 8.5,
     "Divers map the harbours of the world, one bottle at a time.", False),
    (210012, "Postcards from Mars", 2023, (9, 9), (10765, 18), 187.3, 7.5,
     "The mail of a colony takes eight months; the answers change everything.", True),
)  # fmt: skip

PEOPLE: tuple[tuple[int, str, float], ...] = (
    (310001, "Marguerite Salt", 18.2),
    (310002, "Anders Quillfeather", 12.7),
    (310003, "Ines Lantern", 9.9),
)

COLLECTIONS: tuple[tuple[int, str, str, float], ...] = (
    (410001, "Brass Moon Collection", "An orchestra, a moon, and what came after.", 11.3),
)

_FIRST = (
    "Amber Bitter Broken Calm Copper Crimson Distant Early Endless Fading Golden Hidden Hollow Idle Ivory Jagged Late Little"
    " Lost Lunar Mellow Midnight Northern Olive Pale Patient Quiet Rapid Restless Rusty Scarlet Second Secret Silent Silver"
    " Slow Solemn Southern Stolen Tender Thirsty Velvet Wandering Wild"
)
_SECOND = (
    "Archive Avenue Balloon Bridge Canal Castle Chimney City Coast Compass Courtyard Dune Engine Estuary Ferry Forest Garden"
    " Glacier Harbour Island Kitchen Ladder Lantern Letter Lighthouse Market Meadow Mill Mirror Mountain Orchard Parade Piano"
    " Quarry Railway River Rooftop Shore Signal Station Stranger Summer Tower Tunnel Umbrella Valley Voyage Window Winter"
    " Workshop"
)
FIRST_WORDS, SECOND_WORDS = _FIRST.split(), _SECOND.split()
