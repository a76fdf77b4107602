"""Pictures on disk: what was shown longest ago goes first, and nothing that happens to the folder is an error."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from medianest_hub.web.pictures.kept import PictureStore


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_the_least_recently_shown_goes_first(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "kept", 10_000)
    for number in range(9):
        store.write(str(number), bytes([number]) * 1000)
        os.utime(tmp_path / "kept" / f"{number}.pic", (number, number))
    assert store.read("0") is not None  # shown just now
    store.write("9", b"9" * 1000)
    assert store.read("0") is not None
    assert store.read("1") is None
    assert sizes(tmp_path / "kept") <= 10_000


def test_two_processes_on_one_folder_stay_near_its_bound(tmp_path: Path) -> None:
    stores = [PictureStore(tmp_path / "kept", 50_000) for _ in range(2)]

    def fill(number: int) -> None:
        for one in range(200):
            stores[number].write(f"{number}-{one}", b"x" * 1000)
            stores[number].read(f"{1 - number}-{one}")

    threads = [threading.Thread(target=fill, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes(tmp_path / "kept") <= 50_000 + 2 * 64 * 1100


@pytest.mark.parametrize("damage", [b"", b"MNP1", b"rubbish" * 100])
def test_a_damaged_file_is_none_and_goes(tmp_path: Path, damage: bytes) -> None:
    store = PictureStore(tmp_path, 10_000)
    store.write("a", b"content")
    (tmp_path / "a.pic").write_bytes(damage)
    assert store.read("a") is None
    assert not (tmp_path / "a.pic").exists()


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    store = PictureStore(tmp_path, 10_000)
    store.write("a", b"content")
    raw = bytearray((tmp_path / "a.pic").read_bytes())
    raw[-1] ^= 1
    (tmp_path / "a.pic").write_bytes(raw)
    assert store.read("a") is None


def test_on_a_full_disk_it_is_shown_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = PictureStore(tmp_path, 10_000)
    monkeypatch.setattr(os, "replace", full)
    kept = store.write("a", b"content")
    assert kept.content == b"content"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_half_written_goes_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "old.part").write_bytes(b"x" * 5000)
    (tmp_path / "new.part").write_bytes(b"x")
    hours_ago = time.time() - 7200
    os.utime(tmp_path / "old.part", (hours_ago, hours_ago))
    PictureStore(tmp_path, 10_000).write("a", b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pic", "new.part"]
