import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

from pydicom import config

from dibmg_monai.process_wide import Shared, silent, unvalidated


def is_silent() -> bool:
    return warnings.filters[0][0] == "ignore" and warnings.filters[0][2] is Warning


def is_unvalidated() -> bool:
    return config.settings.reading_validation_mode == config.settings.writing_validation_mode == config.IGNORE


def test_switches_last_until_the_last_one_is_out() -> None:
    filters, modes = warnings.filters, vars(config.settings).copy()
    with warnings.catch_warnings(action="error"):
        first, second = ExitStack(), ExitStack()
        for stack in (first, second):
            stack.enter_context(silent)
            stack.enter_context(unvalidated)
        for stack in (first, second):  # in order, as two threads may
            assert is_silent() and is_unvalidated()
            stack.close()
        assert not is_silent() and not is_unvalidated()
    assert warnings.filters is filters and vars(config.settings) == modes


def test_a_context_is_entered_and_left_once_by_threads_that_overlap() -> None:
    calls: list[str] = []
    barrier = Barrier(4)

    class Recorded(ExitStack):
        def __enter__(self) -> "Recorded":
            calls.append("in")
            self.callback(calls.append, "out")
            return self

    shared = Shared(Recorded)

    def overlap(_: int) -> None:
        with shared:
            barrier.wait()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            list(pool.map(overlap, range(4)))
    assert calls == ["in", "out"] * 3
