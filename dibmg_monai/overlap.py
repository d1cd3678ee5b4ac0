"""Work at the same time: steps of a long way, and items of one step."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
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


def side_by_side(step: Callable[[Item], Made], items: Collection[Item], *, threads: int) -> list[Made]:
    """What a step makes of each item, in order, several at a time.

    Of errors, the first item's is raised, once the items that were begun have ended.

    Args:
        step: what to do.
        items: on which.
        threads: how many to take at most.
    """
    with ThreadPoolExecutor(max(1, min(threads, len(items)))) as pool:
        return list(pool.map(step, items))
