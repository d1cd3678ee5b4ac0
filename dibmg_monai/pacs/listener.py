"""The listener: studies come in, are processed when they are complete, and their results go back."""

import logging
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from dibmg_monai.pacs.courier import Courier
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.receiver import Receiver
from dibmg_monai.pacs.retention import Retention
from dibmg_monai.pacs.send import PAUSE
from dibmg_monai.pacs.spool import GIB, Spool, State
from dibmg_monai.pacs.worker import Process, Worker

log = logging.getLogger("dibmg_monai.pacs")

IDLE = 0.2  # seconds between two looks for something to do
GRACE = 60.0  # seconds that a study at hand may take when the listener is told to stop


@dataclass(frozen=True)
class Settings:
    """How to listen.

    Attributes:
        spool: the folder that studies are kept in.
        ae_title: what this side is called, and calls itself.
        address: host and port to listen at; port 0 lets the system choose.
        callers: AE titles that may send; none: all.
        send_to: where results go; None: they stay in the spool.
        quiet: seconds without an object after which a study is complete.
        max_studies: how many studies may be received or waiting at a time.
        max_bytes: how large the spool may become.
        keep: seconds that the images of studies that are done are kept, for late ones to join them.
        pause: seconds before results are sent again to a node that is down; then it grows.
    """

    spool: Path
    ae_title: str
    address: tuple[str, int]
    callers: Collection[str] = ()
    send_to: Node | None = None
    quiet: float = 60.0
    max_studies: int = 1000
    max_bytes: int = 50 * GIB
    keep: float = 86400.0
    pause: float = PAUSE


def listen(settings: Settings, process: Process, *, stop: threading.Event) -> None:
    """Listen until told to stop, or until something goes wrong that is no study's fault.

    It may be killed at any time: what was acknowledged is taken up again by the next one that listens with this spool.

    Args:
        settings: how to listen.
        process: see ``Worker``.
        stop: when set, the study at hand is finished, and nothing more is begun.

    Raises:
        FolderError: if the spool cannot be used.
        NodeError: if the address cannot be listened at.
        OSError: if the spool can no longer be written.
    """
    with ExitStack() as stack:
        spool = stack.enter_context(
            Spool(settings.spool, max_studies=settings.max_studies, max_bytes=settings.max_bytes)
        )
        loops = stack.enter_context(Loops(stop))
        receiver = Receiver(
            spool, ae_title=settings.ae_title, address=settings.address, callers=settings.callers, quiet=settings.quiet
        )
        stack.enter_context(receiver)  # the last in is the first out: nothing comes while the study at hand is finished
        log.info("listening at %s:%d as %s", settings.address[0], receiver.port, settings.ae_title)
        loops.add(receiver.step)
        worker = Worker(spool, process, finished=State.RESULTS if settings.send_to else State.DONE)
        retention = Retention(spool, keep=settings.keep, sent=settings.send_to is not None)

        def work() -> bool:
            retention.step()  # here, lest it takes images away while a study joins them
            return worker.step()

        loops.add(work)
        if settings.send_to:
            loops.add(Courier(spool, settings.send_to, calling=settings.ae_title, pause=settings.pause).step)
        stop.wait()
    log.info("stopped")


class Loops:
    """Steps that are repeated, each in a thread of its own, until told to stop; a pause follows one that did nothing.

    An error in one of them stops all, and is raised at the end.

    Args:
        stop: tells to stop.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def add(self, step: Callable[[], bool]) -> None:
        """Begin to repeat a step, which returns whether there was something to do."""
        thread = threading.Thread(target=self._repeat, args=(step,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _repeat(self, step: Callable[[], bool]) -> None:
        try:
            while not self.stop.is_set():
                if not step():
                    self.stop.wait(IDLE)
        except BaseException as error:
            self._errors.append(error)
            self.stop.set()

    def __enter__(self) -> "Loops":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(GRACE)
        if self._errors:
            raise self._errors[0]
