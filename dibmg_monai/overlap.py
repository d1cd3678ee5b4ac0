"""Steps of a long way at the same time: while one item is computed, the next is read and the last one written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


@contextmanager
def overlapped(step: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Iterator[Future[Made]]]:
    """What a step makes of each item, in order, in a thread of the step's own, one item ahead of the caller.

    The futures of one step are items of the next: ``with overlapped(read, paths) as images, overlapped(show, images) as
    shown``. Only a few items are under way at a time, however many there are.

    Args:
        step: what it raises, the future's ``result`` raises.
        items: taken in the caller's thread.

    Yields:
        Futures, done or not. What was not begun when the caller leaves is not begun at all.
    """
    thread = ThreadPoolExecutor(1)

    def ahead() -> Iterator[Future[Made]]:
        begun: deque[Future[Made]] = deque()
        for item in items:
            begun.append(thread.submit(step, item))
            if len(begun) > 1:
                yield begun.popleft()
        yield from begun

    try:
        yield ahead()
    finally:
        thread.shutdown(cancel_futures=True)
