"""What is forgotten of notifications and activity, and what is not."""

from __future__ import annotations

from datetime import timedelta

from medianest_hub.notifications.keeping import Keeping

from .conftest import Process, somebody


async def _tell(here: Process, count: int, *, days_ago: float = 0.0, series: str = "") -> None:
    for number in range(count):
        await here.tell("arrived", f"{series}{number}", title=f"{series}{number}")
    if days_ago:
        await here.db.execute(
            "UPDATE medianest.happenings SET told_at = now() - $1::interval WHERE key LIKE $2",
            *(timedelta(days=days_ago), f"{series}%"),
        )


async def test_what_is_past_its_time_goes_with_all_that_hangs_on_it(here: Process) -> None:
    ada = await somebody(here)
    await _tell(here, 3, days_ago=11, series="old")
    await _tell(here, 2, days_ago=9, series="young")
    await here.work()
    await Keeping(here.db, 10).prune()
    assert await here.titles(ada) == ["young1 arrived", "young0 arrived"]
    for table in ("happenings", "notifications", "deliveries"):
        assert await here.db.fetchval(f"SELECT count(*) FROM medianest.{table}") == 2
    # What is forgotten may be told again.
    await here.tell("arrived", "old0", title="old0")
    assert len(await here.titles(ada)) == 3


async def test_never_more_than_so_many_are_kept_however_much_is_told(here: Process) -> None:
    ada = await somebody(here)
    await _tell(here, 12)
    keeping = Keeping(here.db, 10)
    await keeping.prune(most=9)
    assert [one.removesuffix(" arrived") for one in await here.titles(ada)] == [str(n) for n in range(11, 2, -1)]
    await keeping.prune(most=9, most_of_person=4)
    assert [one.removesuffix(" arrived") for one in await here.titles(ada)] == ["11", "10", "9", "8"]
    assert await here.db.fetchval("SELECT count(*) FROM medianest.happenings") == 9
    await keeping.prune(most=9, most_of_person=4)
    assert len(await here.titles(ada)) == 4
