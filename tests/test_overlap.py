import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from dibmg_monai.overlap import overlapped, side_by_side

PATIENCE = 30  # seconds; nothing here takes any


def test_all_items_in_order() -> None:
    with overlapped(lambda number: number * 2, range(7)) as doubled:
        assert [done.result() for done in doubled] == [0, 2, 4, 6, 8, 10, 12]
    with overlapped(str, []) as nothing:
        assert list(nothing) == []


def test_steps_run_at_the_same_time() -> None:
    together = threading.Barrier(2)  # the first step's second item and the second step's first

    def first(item: int) -> int:
        if item == 1:
            together.wait(PATIENCE)
        return item

    def second(item: Future[int]) -> int:
        if item.result() == 0:
            together.wait(PATIENCE)
        return item.result()

    with overlapped(first, range(3)) as read, overlapped(second, read) as used:
        assert [done.result() for done in used] == [0, 1, 2]


def test_few_items_are_under_way() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    with overlapped(lambda item: item, items()) as read, overlapped(Future.result, read) as used:
        for number, done in enumerate(used, start=1):
            assert done.result() == number
            assert taken <= number + 2


def test_an_error_is_of_its_item_alone() -> None:
    with overlapped(lambda item: 1 / item, [1, 0, 2]) as inverted:
        one, error, other = inverted
        assert (one.result(), other.result()) == (1, 0.5)
        with pytest.raises(ZeroDivisionError):
            error.result()


def test_what_was_not_begun_is_not_done_when_the_caller_leaves() -> None:
    done: list[int] = []
    go_on = threading.Event()

    def step(item: int) -> None:
        go_on.wait(PATIENCE)
        done.append(item)

    with overlapped(step, range(100)) as steps:
        next(steps)
        threading.Timer(0.05, go_on.set).start()
    assert done == [0]


def test_side_by_side() -> None:
    together = threading.Barrier(2)

    def step(item: int) -> float:
        together.wait(PATIENCE)
        return 1 / item

    assert side_by_side(step, [1, 2, 4, 5], threads=2) == [1, 0.5, 0.25, 0.2]
    assert side_by_side(step, [], threads=2) == []
    with pytest.raises(ZeroDivisionError):
        side_by_side(step, [1, 0], threads=4)
