"""Entries are found by every filter, page by page, and leave as NDJSON and as CSV that is harmless in a spreadsheet."""

import csv
import io
import ipaddress
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from medianest_hub.audit import ANONYMOUS, Actor, Audit, AuditEntry, Entry, Filter, Target, id_of
from medianest_hub.audit.formats import Format, lines

NOW = datetime.now(UTC)
MIA, ADA = Actor("person", uuid4(), "mia"), Actor("person", uuid4(), "ada")


@pytest.fixture
async def filled(audit: Audit) -> Audit:
    await audit.record_many(
        [
            Entry("auth.login", MIA, address="192.0.2.1"),
            Entry("auth.login", ANONYMOUS, "refused", address="2001:db8::7", code="wrong_credentials"),
            Entry("plugins.enable", ADA, target=Target("plugin", "plex")),
            Entry("plugins.change_settings", ADA, "failed", target=Target("plugin", "plex"), code="settings_invalid"),
            Entry("pluginsX", ADA),
            Entry("users.delete", replace(ADA, kind="api_key"), target=Target("user", str(MIA.id), "mia")),
        ]
    )
    return audit


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["users.delete", "pluginsX", "plugins.change_settings", "plugins.enable", "auth.login", "auth.login"]),
        (Filter(actor=MIA.id), ["auth.login"]),
        (Filter(actor=ADA.id, target="plex"), ["plugins.change_settings", "plugins.enable"]),
        (Filter(action="plugins."), ["plugins.change_settings", "plugins.enable"]),
        (Filter(action="plugins.enable"), ["plugins.enable"]),
        (Filter(action="plugins_"), []),
        (Filter(action="%"), []),
        (Filter(result="refused"), ["auth.login"]),
        (Filter(result="failed"), ["plugins.change_settings"]),
        (Filter(result="ok", action="auth"), ["auth.login"]),
        (Filter(address=ipaddress.IPv6Address("2001:db8::7")), ["auth.login"]),
        (Filter(since=NOW + timedelta(hours=1)), []),
        (Filter(until=NOW - timedelta(hours=1)), []),
        (Filter(since=datetime(1, 1, 2, tzinfo=UTC), until=datetime(9999, 12, 30, tzinfo=UTC), action="users"), ["users.delete"]),
    ],
)  # fmt: skip
async def test_each_filter_finds_what_fits_newest_first(filled: Audit, wanted: Filter, found: list[str]) -> None:
    assert [entry.action for entry in await filled.list(wanted)] == found
    assert [entry.action async for piece in filled.export(wanted) for entry in piece] == found


async def test_times_are_exact_to_the_microsecond(audit: Audit) -> None:
    times = [NOW + timedelta(microseconds=number) for number in (0, 1, 2)]
    await audit.record_many(Entry("x.y", MIA, at=at, id=id_of(at, str(at))) for at in times)
    found = await audit.list(Filter(since=NOW + timedelta(microseconds=1), until=NOW + timedelta(microseconds=2)))
    assert [entry.at for entry in found] == [NOW + timedelta(microseconds=1)]


async def test_pages_show_every_entry_once(filled: Audit) -> None:
    seen: list[UUID] = []
    before: UUID | None = None
    while page := await filled.list(Filter(), before=before, limit=2):
        assert len(page) == 2
        seen += [entry.id for entry in page]
        before = seen[-1]
        await filled.record(Entry("x.new", MIA))  # what is added meanwhile moves nothing
    assert len(seen) == len(set(seen)) == 6


async def test_the_actions_that_occur_are_listed_once_each(filled: Audit) -> None:
    assert await filled.actions() == [
        "auth.login",
        "plugins.change_settings",
        "plugins.enable",
        "pluginsX",
        "users.delete",
    ]


async def test_an_empty_log_has_no_actions_and_no_entries(audit: Audit) -> None:
    assert await audit.actions() == []
    assert [piece async for piece in audit.export(Filter())] == []


async def as_bytes(audit: Audit, form: Format) -> bytes:
    return b"".join([piece async for piece in lines(audit.export(Filter()), form)])


async def test_an_export_holds_every_entry_in_both_formats(filled: Audit) -> None:
    entries = await filled.list(Filter())
    ndjson = (await as_bytes(filled, "ndjson")).splitlines()
    assert [AuditEntry.model_validate_json(line) for line in ndjson] == list(entries)
    rows = list(csv.DictReader(io.StringIO((await as_bytes(filled, "csv")).decode())))
    assert [row["id"] for row in rows] == [str(entry.id) for entry in entries]
    assert list(rows[0]) == list(AuditEntry.model_fields)


async def test_a_name_that_is_a_formula_is_none_in_a_spreadsheet(audit: Audit) -> None:
    evil = ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a",=1']
    evil += ["\uff1dcmd|x", "\uff0b1", "\uff0d1", "\uff20A1", " =1", "\u3000 @A1", "\u00a0\uff1d1"]
    await audit.record_many(
        Entry("users.create", Actor("person", uuid4(), name), target=Target("user", name)) for name in evil
    )
    rows = csv.DictReader(io.StringIO((await as_bytes(audit, "csv")).decode()))
    cells = [row[column] for row in rows for column in ("actor_name", "target_id")]
    assert len(cells) == 2 * len(evil)
    assert not [cell for cell in cells if cell.strip()[0] in "=+-@\t\r\uff1d\uff0b\uff0d\uff20"]
    plain = [json.loads(line)["actor_name"] for line in (await as_bytes(audit, "ndjson")).splitlines()]
    assert evil[0] in plain, "only a spreadsheet needs the apostrophe"
