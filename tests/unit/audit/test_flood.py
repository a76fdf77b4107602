"""Failures are counted by who and what, for a minute at a time; nothing counted is ever left unsaid."""

from uuid import uuid4

from medianest_hub.audit import ANONYMOUS, Actor, Entry, Target
from medianest_hub.audit.flood import MORE, WINDOW_SECONDS, Flood


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(actor: Actor = ANONYMOUS, target: str = "", action: str = "auth.login") -> Entry:
    return Entry(action, actor, "refused", target=Target("user", target, target))


def test_each_account_aimed_at_and_each_person_has_a_count_of_its_own() -> None:
    flood, mia = Flood(1, monotonic=Watch()), Actor("person", uuid4(), "mia")
    first = [refused(), refused(target="ada"), refused(target="tom"), refused(mia), refused(action="setup.set_up")]
    assert [flood.admits(entry) for entry in first] == [True] * 5
    assert [flood.admits(entry) for entry in first] == [False] * 5
    assert not flood.admits(refused(mia, target="other")), "what somebody known sends cannot make room"
    assert [summary.details["more"] for summary in flood.summaries(all_of_them=True)] == [1, 1, 1, 2, 1]


def test_after_a_minute_it_says_how_many_more_and_counts_afresh() -> None:
    watch = Watch()
    flood = Flood(2, monotonic=watch)
    assert [flood.admits(refused()) for _ in range(5)] == [True, True, False, False, False]
    assert flood.next_end() == WINDOW_SECONDS
    assert flood.summaries() == []
    watch.now = WINDOW_SECONDS + 1
    assert flood.next_end() == 0
    assert not flood.admits(refused()), "the minute is over only when its row was written"
    (summary,) = flood.summaries()
    assert (summary.code, summary.result, summary.details["more"]) == (MORE, "refused", 4)
    assert flood.next_end() is None
    assert flood.summaries(all_of_them=True) == []
    assert flood.admits(refused())


def test_a_quiet_minute_leaves_nothing_to_say() -> None:
    watch = Watch()
    flood = Flood(1, monotonic=watch)
    for minute in range(5):
        watch.now = minute * (WINDOW_SECONDS + 1)
        assert flood.admits(refused())
    assert flood.next_end() is None


def test_what_goes_well_is_always_written_unless_nobody_knows_whose_it_was() -> None:
    flood = Flood(1, monotonic=Watch())
    assert all(flood.admits(Entry("users.delete", Actor("person", uuid4(), "ada"))) for _ in range(50))
    assert [flood.admits(Entry("auth.logout", ANONYMOUS)) for _ in range(3)] == [True, False, False]
    assert flood.admits(refused(action="auth.logout")), "refusals are another count"


def test_its_memory_is_bounded_whatever_is_thrown_at_it() -> None:
    flood = Flood(1, monotonic=Watch())
    admitted = sum(flood.admits(refused(target=str(number))) for number in range(5000))
    assert admitted <= 1001
    assert sum(int(str(summary.details["more"])) for summary in flood.summaries(all_of_them=True)) == 5000 - admitted
