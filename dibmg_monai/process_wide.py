"""Switches of other libraries that hold for the whole process, for threads that read and write at the same time."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from threading import Lock

from pydicom import config


class Shared:
    """A context that threads share: the first one in enters it, the last one out leaves it.

    Were each to enter and leave it for itself, the first one out would undo it for those inside, and the last one out
    would leave behind what it had found.

    Args:
        make: the context, which may be left by another thread than entered it.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock = Lock()
        self._inside = 0
        self._entered = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._entered.enter_context(self._make())
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._entered.close()


unvalidated = Shared(config.disable_value_validation)  # pydicom takes values as they are
silent = Shared(partial(warnings.catch_warnings, action="ignore"))
