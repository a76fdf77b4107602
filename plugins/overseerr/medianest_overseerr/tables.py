"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, Array, BigInt, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table

SCHEMA = "plugin_overseerr"


class SourceRow(Table, tablename="source", schema=SCHEMA):
    """How it stands with the service of one instance.

    `swept_at` is when it was last looked for what had changed, `whole_at` when at all requests; `accounts_at` when all users
    were read, `issues_at` when issues were first looked at. `trouble` is what kept the last look from its end, empty when
    nothing did. `url` and `fingerprint` say which service it is; the latter begins with what it was made of, `key:` or `url:`.
    """

    instance = Text(primary_key=True, default=None)
    url = Text(default="")
    fingerprint = Text(default="")
    swept_at = Timestamptz(null=True, default=None)
    whole_at = Timestamptz(null=True, default=None)
    issues_at = Timestamptz(null=True, default=None)
    accounts_at = Timestamptz(null=True, default=None)
    trouble = Text(default="")
    since = Timestamptz(null=True, default=None)


class AccountRow(Table, tablename="account", schema=SCHEMA):
    """A user of the service, by its number there. `email` is in small letters."""

    instance = Text(default=None)
    user_id = Integer(default=None)
    plex_id = BigInt(null=True, default=None)
    email = Text(default="")
    name = Text(default="")
    permissions = BigInt(default=0)
    seen_at = Timestamptz(default=None)


class MatchRow(Table, tablename="match", schema=SCHEMA):
    """Which person is which user; one of each. `how`: plex, email or admin."""

    instance = Text(default=None)
    person_id = UUID(default=None)
    user_id = Integer(default=None)
    how = Text(default=None)
    matched_at = Timestamptz(default=None)


class UnmatchedRow(Table, tablename="unmatched", schema=SCHEMA):
    """A person who wanted something and is no user there, for an admin to see. `reason` is a problem's code."""

    instance = Text(default=None)
    person_id = UUID(default=None)
    reason = Text(default=None)
    user_id = Integer(null=True, default=None)
    at = Timestamptz(default=None)


class RequestRow(Table, tablename="request", schema=SCHEMA):
    """A request, by its number in the service. `state` is one of `states.RequestState`.

    `seasons` is empty for films. `asked_at` is when, by the database's clock, the question was asked that this answers: an
    older answer that comes in later changes nothing. `media_at` is when its media last changed there. `reason` is why it was
    declined, as written here. `deciding_until`: until then nobody else decides on it.
    """

    instance = Text(default=None)
    request_id = Integer(default=None)
    user_id = Integer(null=True, default=None)
    kind = Text(default=None)
    tmdb_id = Integer(default=None)
    media_id = Integer(default=None)
    is4k = Boolean(default=False)
    state = Text(default=None)
    seasons = Array(base_column=Integer(), default=list)
    reason = Text(default="")
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    changed_at = Timestamptz(default=None)
    media_at = Timestamptz(null=True, default=None)
    asked_at = Timestamptz(default=None)
    deciding_until = Timestamptz(null=True, default=None)


class TitleRow(Table, tablename="title", schema=SCHEMA):
    """What a film (`movie`) or series (`tv`) is called and looks like. `title` empty: TMDB knew of none at `fetched_at`."""

    instance = Text(default=None)
    kind = Text(default=None)
    tmdb_id = Integer(default=None)
    title = Text(default="")
    year = Integer(null=True, default=None)
    poster = Text(default="")
    backdrop = Text(default="")
    fetched_at = Timestamptz(default=None)


class IssueRow(Table, tablename="issue", schema=SCHEMA):
    """What people know of an issue: told anew is what is different. `last_comment` is the number of the newest comment."""

    instance = Text(default=None)
    issue_id = Integer(default=None)
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    is_open = Boolean(default=True)
    last_comment = Integer(default=0)
    asked_at = Timestamptz(default=None)
