"""Hashing: parameters, off the loop, bounded, and no quicker for somebody who does not exist."""

import asyncio
import resource
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest
from argon2 import extract_parameters

from medianest_hub.accounts.passwords import AT_ONCE, WAITING, Passwords, Verdict
from medianest_hub.plugin_api.errors import TooMany


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


@pytest.fixture
def cheap() -> Iterator[Passwords]:
    made = Passwords(memory_kib=64, time_cost=1)
    yield made
    made.close()


async def test_hashes_are_argon2id_at_the_recommended_cost(passwords: Passwords) -> None:
    parameters = extract_parameters(await passwords.hash("correct horse"))
    assert parameters.type.name == "ID"
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)


async def test_only_the_right_password_fits(cheap: Passwords) -> None:
    known = await cheap.hash("correct horse")
    assert (await cheap.verify(known, "correct horse")).fits
    assert not (await cheap.verify(known, "correct hors")).fits
    assert not (await cheap.verify(known, "")).fits
    assert not (await cheap.verify(None, "correct horse")).fits
    assert not (await cheap.verify("not a hash", "correct horse")).fits


async def test_a_password_longer_than_may_be_never_fits(cheap: Passwords) -> None:
    assert not (await cheap.verify(await cheap.hash(""), "x" * 2000)).fits


async def test_a_password_composed_otherwise_is_the_same(cheap: Passwords) -> None:
    known = await cheap.hash(normalize("NFC", "schlüssel-über"))
    assert (await cheap.verify(known, normalize("NFD", "schlüssel-über"))).fits


async def test_a_hash_made_at_another_cost_is_outdated(cheap: Passwords) -> None:
    dearer = Passwords(memory_kib=128, time_cost=1)
    try:
        known = await cheap.hash("correct horse")
        assert (await dearer.verify(known, "correct horse")).outdated
        assert not (await cheap.verify(known, "correct horse")).outdated
    finally:
        dearer.close()


async def test_nobody_takes_as_much_work_as_somebody(passwords: Passwords) -> None:
    known = await passwords.hash("correct horse")

    async def seconds(against: str | None) -> float:
        began = time.perf_counter()
        await passwords.verify(against, "wrong horse")
        return time.perf_counter() - began

    pairs = [(await seconds(known), await seconds(None)) for _ in range(7)]
    somebody, nobody = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < nobody / somebody < 2.0


async def test_hashing_does_not_hold_up_the_loop(passwords: Passwords) -> None:
    hashing = asyncio.gather(*(passwords.hash("correct horse") for _ in range(6)))
    longest, last = 0.0, time.perf_counter()
    while not hashing.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    await hashing
    assert longest < 0.1


async def test_too_many_waiting_are_refused_rather_than_queued(cheap: Passwords) -> None:
    results = await asyncio.gather(*(cheap.hash("x") for _ in range(AT_ONCE + WAITING + 20)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, TooMany)]
    assert len(refused) == 20
    assert refused[0].retry_after == 2
    assert isinstance(await cheap.hash("x"), str)


async def test_strangers_take_no_place_of_whoever_is_expected_who_goes_first(
    cheap: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def try_it(name: str, expected: bool = False) -> bool:
        verdict = await cheap.verify(None, "correct horse", expected=expected)
        ended.append(name)
        return verdict.fits

    held = threading.Event()
    monkeypatch.setattr(cheap, "_verify", lambda *_: held.wait(20) and Verdict(True))
    strangers = [asyncio.create_task(try_it("stranger")) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    assert cheap.busy
    with pytest.raises(TooMany):
        await cheap.verify(None, "correct horse")
    people = [asyncio.create_task(try_it("expected", True)) for _ in range(WAITING)]
    await asyncio.sleep(0)
    held.set()
    assert all(await asyncio.gather(*people, *strangers))
    assert set(ended[AT_ONCE : AT_ONCE + WAITING]) == {"expected"}
    assert not cheap.busy


async def test_whoever_goes_away_while_waiting_leaves_their_place_to_others(cheap: Passwords) -> None:
    for give_up in range(3):
        waiting = [asyncio.create_task(cheap.verify(None, "x")) for _ in range(AT_ONCE + WAITING)]
        await asyncio.sleep(0.001 * give_up)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not cheap.busy
    assert not (await cheap.verify(None, "x")).fits


async def test_memory_is_given_back(passwords: Passwords) -> None:
    await asyncio.gather(*(passwords.hash("correct horse") for _ in range(8)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # Two at once took 38 MiB at the peak; what stays must not include them.
    assert resident_bytes() < peak - 15 * 1024 * 1024
