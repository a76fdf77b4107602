"""The quarantine and the journal: who is blamed, and files that survive being broken."""

from pathlib import Path

from medianest_hub.infrastructure.quarantine import Journal, JournalSlot, Quarantine


def test_plugin_in_the_journal_is_blamed_once(tmp_path: Path) -> None:
    quarantine, journal = Quarantine(tmp_path / "quarantine.json"), Journal(tmp_path / "loading")
    journal.path.write_text("evil\n")
    assert journal.blame(quarantine, "it died") == "evil"
    assert journal.named() is None
    assert quarantine.read()["evil"]["reason"] == "it died"
    journal.path.write_text("evil")
    assert journal.blame(quarantine, "it died again") is None
    assert quarantine.read()["evil"]["reason"] == "it died"


def test_nobody_is_blamed_without_a_journal_or_with_an_empty_one(tmp_path: Path) -> None:
    quarantine, journal = Quarantine(tmp_path / "quarantine.json"), Journal(tmp_path / "loading")
    assert journal.blame(quarantine, "x") is None
    journal.path.touch()
    assert journal.blame(quarantine, "x") is None
    assert not quarantine.path.exists()


def test_plugin_can_be_let_out(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.json")
    assert not quarantine.remove("evil")
    assert quarantine.add("evil", "x")
    assert quarantine.add("worse", "y")
    assert quarantine.remove("evil")
    assert list(quarantine.read()) == ["worse"]


def test_broken_file_counts_as_empty_and_is_replaced(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.json")
    for broken in ("{", "[]", ""):
        quarantine.path.write_text(broken)
        assert quarantine.read() == {}
    assert quarantine.add("evil", "x")
    assert list(quarantine.read()) == ["evil"]
    assert [path.name for path in tmp_path.iterdir()] == ["quarantine.json"]


def test_processes_side_by_side_do_not_blame_each_others_imports(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine.json")
    first, second = JournalSlot(tmp_path, "web"), JournalSlot(tmp_path, "web")
    first.journal.path.write_text("slow")
    assert second.journal.blame(quarantine, "x") is None
    assert JournalSlot(tmp_path, "worker").journal.blame(quarantine, "x") is None
    first.release()  # as its end does
    assert JournalSlot(tmp_path, "web").journal.blame(quarantine, "x") == "slow"
    second.release()
