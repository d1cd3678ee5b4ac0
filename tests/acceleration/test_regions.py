import numpy as np
import pytest

from dibmg_monai.acceleration.regions import Interval, Region, Step, size_after

STEPS = [
    Step(kernel=8, stride=2, padding=3),
    Step(kernel=2, stride=2, padding=0),
    Step(kernel=3, stride=1, padding=1),
    Step(kernel=1, stride=1, padding=0),
    Step(kernel=3, stride=3, padding=0),
]


def seen(step: Step, cell: int, size: int) -> set[int]:
    """The cells before a step that one after it sees, written out."""
    start = cell * step.stride - step.padding
    return set(range(start, start + step.kernel)) & set(range(size))


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("size", [12, 24])
def test_intervals_hold_what_is_reached_and_needed(step: Step, size: int) -> None:
    after = size_after(step, size)
    for start in range(size):
        for stop in range(start + 1, size + 1):
            reached = Interval(start, stop).reached_by(step, size=after)
            assert set(range(reached.start, reached.stop)) == {
                cell for cell in range(after) if seen(step, cell, size) & set(range(start, stop))
            }
    for start in range(after):
        for stop in range(start + 1, after + 1):
            needed = Interval(start, stop).needed_by(step, size=size)
            assert set(range(needed.start, needed.stop)) == set().union(
                *(seen(step, cell, size) for cell in range(start, stop))
            )


def test_what_is_needed_starts_where_the_steps_start_anew() -> None:
    needed = Region(Interval(5, 6), Interval(0, 1)).needed_by(STEPS[:3], shape=(64, 64))
    # cells 4 to 6 after 2 x 2 pooling, 8 to 13 before it, pixels 13 to 30, from whole multiples of 4
    assert needed == Region(Interval(12, 32), Interval(0, 12))
    assert needed.after(STEPS[:3], np.zeros((1, 1, 5, 3))) == Region(Interval(3, 8), Interval(0, 3))


def test_region_around_cells() -> None:
    cells = np.zeros((5, 7), dtype=bool)
    assert Region.around(cells) is None
    cells[1, 5] = cells[3, 2] = True
    assert Region.around(cells) == Region(Interval(1, 4), Interval(2, 6))
    assert Region.whole(cells).contains(Region(Interval(0, 5), Interval(6, 7)))
    assert not Region(Interval(1, 5), Interval(0, 7)).contains(Region.whole(cells))
