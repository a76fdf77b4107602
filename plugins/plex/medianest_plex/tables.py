"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, Array, BigInt, Boolean, Integer, Real, Text, Timestamptz
from piccolo.table import Table

SCHEMA = "plugin_plex"


class InstallationRow(Table, tablename="installation", schema=SCHEMA):
    """What Plex knows this hub by: one for all replicas, for as long as the database lives."""

    instance = Text(primary_key=True, default=None)
    client_identifier = UUID(default=None)
    created_at = Timestamptz(default=None)


class KnownServerRow(Table, tablename="known_server", schema=SCHEMA):
    """Which server first answered at an address; another one there is not believed."""

    instance = Text(default=None)
    url = Text(default=None)
    machine_identifier = Text(default=None)
    learned_at = Timestamptz(default=None)


class ServerRow(Table, tablename="server", schema=SCHEMA):
    """How it stands with the Plex server of one instance. `run` counts syncs; `synced_at` is when one last went through.

    `hint_round` counts the times hints were taken up; `announce_at` is when to look for what is ripe to be told of.
    `trouble` is what whoever listens has to say of the server, `sync_trouble` what kept the last sync from its end.
    """

    instance = Text(primary_key=True, default=None)
    machine_identifier = Text(default="")
    name = Text(default="")
    version = Text(default="")
    connected = Boolean(default=False)
    since = Timestamptz(null=True, default=None)
    heard_at = Timestamptz(null=True, default=None)
    trouble = Text(default="")
    run = BigInt(default=0)
    synced_at = Timestamptz(null=True, default=None)
    hint_round = BigInt(default=0)
    announce_at = Timestamptz(null=True, default=None)
    sync_trouble = Text(default="")


class SectionRow(Table, tablename="section", schema=SCHEMA):
    """A library of the server. `run_part` and `run_offset` say how far a sync under way has come.

    `changed_until` is up to when changes are known, in Unix seconds of the server, and `run_until` what that becomes when
    the sync under way is through. `missing_since`: the server does not name it any more; `doubt_since`: too much of it
    seemed to be gone to be believed at once.
    """

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    section_key = Integer(default=None)
    kind = Text(default=None)
    title = Text(default=None)
    position = Integer(default=0)
    locations = Array(base_column=Text(), default=list)
    run = BigInt(default=0)
    run_part = Text(default="")
    run_offset = Integer(default=0)
    run_started_at = Timestamptz(null=True, default=None)
    changed_until = BigInt(default=0)
    full_at = Timestamptz(null=True, default=None)
    synced_at = Timestamptz(null=True, default=None)
    run_until = BigInt(default=0)
    missing_since = Timestamptz(null=True, default=None)
    doubt_since = Timestamptz(null=True, default=None)


class ItemRow(Table, tablename="item", schema=SCHEMA):
    """A movie, show, season, episode, artist or album. Keys are the server's own.

    `words` is what searching compares, `run` the last sync that saw it, `leaves` how many episodes or tracks it holds.
    """

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    section_key = Integer(default=None)
    rating_key = BigInt(default=None)
    kind = Text(default=None)
    guid = Text(default="")
    parent_key = BigInt(null=True, default=None)
    grandparent_key = BigInt(null=True, default=None)
    number = Integer(null=True, default=None)
    parent_number = Integer(null=True, default=None)
    title = Text(default=None)
    sort_title = Text(default=None)
    original_title = Text(default="")
    parent_title = Text(default="")
    grandparent_title = Text(default="")
    year = Integer(null=True, default=None)
    summary = Text(default="")
    rating = Real(null=True, default=None)
    content_rating = Text(default="")
    studio = Text(default="")
    duration_ms = BigInt(null=True, default=None)
    genres = Array(base_column=Text(), default=list)
    resolution = Text(default="")
    tmdb = Text(null=True, default=None)
    tvdb = Text(null=True, default=None)
    imdb = Text(null=True, default=None)
    musicbrainz = Text(null=True, default=None)
    thumb = Text(default="")
    art = Text(default="")
    leaves = Integer(null=True, default=None)
    added_at = Timestamptz(default=None)
    changed_at = Timestamptz(default=None)
    words = Text(default=None)
    run = BigInt(default=None)
    first_seen_at = Timestamptz(default=None)


class HintRow(Table, tablename="hint", schema=SCHEMA):
    """Something the server said has changed or gone, to be looked at by the next sync; key 0 is just a reason to look."""

    instance = Text(default=None)
    rating_key = BigInt(default=None)
    at = Timestamptz(default=None)


class ArrivalRow(Table, tablename="arrival", schema=SCHEMA):
    """An item that came in and is not told of yet; `held` until it is known that it has not merely moved."""

    instance = Text(default=None)
    rating_key = BigInt(default=None)
    at = Timestamptz(default=None)
    held = Boolean(default=False)


class GroupingRow(Table, tablename="grouping", schema=SCHEMA):
    """A collection or a playlist."""

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    kind = Text(default=None)
    section_key = Integer(null=True, default=None)
    rating_key = BigInt(default=None)
    title = Text(default=None)
    sort_title = Text(default=None)
    summary = Text(default="")
    thumb = Text(default="")
    size = Integer(default=0)
    changed_at = Timestamptz(default=None)
    run = BigInt(default=None)


class GroupedRow(Table, tablename="grouped", schema=SCHEMA):
    """What is in one, in its order."""

    instance = Text(default=None)
    grouping_key = BigInt(default=None)
    rating_key = BigInt(default=None)
    position = Integer(default=None)


class SeenRow(Table, tablename="seen", schema=SCHEMA):
    """What a person has seen to its end, as their own Plex account says."""

    instance = Text(default=None)
    person_id = UUID(default=None)
    rating_key = BigInt(default=None)


class SeenStateRow(Table, tablename="seen_state", schema=SCHEMA):
    """When that was last asked, of which sections, and of which Plex account (`subject`; empty: of none, or that is not known).

    `doubt_since`: nothing was told where there had been something, which is believed when it is told again.
    """

    instance = Text(default=None)
    person_id = UUID(default=None)
    sections = Array(base_column=Integer(), default=list)
    refreshed_at = Timestamptz(default=None)
    subject = Text(default="")
    doubt_since = Timestamptz(null=True, default=None)


class PlayingRow(Table, tablename="playing", schema=SCHEMA):
    """Something that is being played. `decision`: direct, copy or transcode; `state`: playing, paused or buffering.

    `missing_since` is set from when the server's list left it out, although nobody had said that it ended.
    """

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    session_key = Text(default=None)
    account_id = BigInt(null=True, default=None)
    account_name = Text(default="")
    player = Text(default="")
    product = Text(default="")
    address = Text(default="")
    is_local = Boolean(null=True, default=None)
    state = Text(default=None)
    rating_key = BigInt(null=True, default=None)
    kind = Text(default=None)
    title = Text(default=None)
    parent_title = Text(default="")
    grandparent_title = Text(default="")
    thumb = Text(default="")
    year = Integer(null=True, default=None)
    progress_ms = BigInt(default=0)
    duration_ms = BigInt(null=True, default=None)
    decision = Text(default="")
    resolution = Text(default="")
    bandwidth_kbps = Integer(null=True, default=None)
    started_at = Timestamptz(default=None)
    seen_at = Timestamptz(default=None)
    player_id = Text(default="")
    section_key = Integer(null=True, default=None)
    number = Integer(null=True, default=None)
    parent_number = Integer(null=True, default=None)
    missing_since = Timestamptz(null=True, default=None)


class ListenerRow(Table, tablename="listener", schema=SCHEMA):
    """Who may write what is playing: the holder of `fence`.

    `look_began` (by the database's clock) is when the last look at the sessions that counts was begun: an older one that
    comes in later tells nothing. `looked_at` is when it came in, by the hub's clock.
    """

    instance = Text(primary_key=True, default=None)
    fence = BigInt(default=0)
    look_began = Timestamptz(null=True, default=None)
    looked_at = Timestamptz(null=True, default=None)


class EndedRow(Table, tablename="ended", schema=SCHEMA):
    """A session said to have ended a moment ago: the server may go on listing it for a while."""

    instance = Text(default=None)
    session_key = Text(default=None)
    rating_key = BigInt(null=True, default=None)
    at = Timestamptz(default=None)
