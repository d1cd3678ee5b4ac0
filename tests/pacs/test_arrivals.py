import pytest

from dibmg_monai.pacs.arrivals import PATIENCE, Arrivals


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(10, clock=clock)


def completed_after(arrivals: Arrivals, clock: Clock, study: str = "1") -> float:
    """Seconds from now until a study is complete."""
    start = clock.now
    while study not in arrivals.complete():
        clock.now += 1
        assert clock.now < start + 1000
    return clock.now - start


def test_released_and_quiet(arrivals: Arrivals, clock: Clock) -> None:
    arrivals.came("1", "a")
    clock.now += 5
    arrivals.came("1", "a")
    arrivals.released("a")
    arrivals.closed("a")
    assert completed_after(arrivals, clock) == 10
    assert arrivals.complete() == []


def test_the_connection_may_be_closed_before_the_release_is_known(arrivals: Arrivals, clock: Clock) -> None:
    arrivals.came("1", "a")
    arrivals.closed("a")
    arrivals.released("a")
    assert completed_after(arrivals, clock) == 10


@pytest.mark.parametrize("end", ["open", "broken", "refused", "found"])
def test_a_sender_that_is_not_through_is_waited_for(end: str, arrivals: Arrivals, clock: Clock) -> None:
    if end == "found":
        arrivals.found("1")
    else:
        arrivals.came("1", "a")
    if end == "broken":
        arrivals.closed("a")
    if end == "refused":
        arrivals.refused("a")
        arrivals.released("a")
    assert completed_after(arrivals, clock) == 10 * PATIENCE


def test_a_second_association_makes_good_what_the_first_broke(arrivals: Arrivals, clock: Clock) -> None:
    arrivals.came("1", "a")
    arrivals.closed("a")
    clock.now += 30
    arrivals.came("1", "b")
    arrivals.released("b")
    assert completed_after(arrivals, clock) == 10


def test_every_open_association_counts(arrivals: Arrivals, clock: Clock) -> None:
    arrivals.came("1", "a")
    arrivals.came("1", "b")
    arrivals.released("b")
    assert completed_after(arrivals, clock) == 10 * PATIENCE


def test_studies_complete_in_their_order(arrivals: Arrivals, clock: Clock) -> None:
    for study in ("2", "3", "1"):
        arrivals.came(study, study)
        arrivals.released(study)
        clock.now += 1
    clock.now += 10
    assert arrivals.complete() == ["2", "3", "1"]
