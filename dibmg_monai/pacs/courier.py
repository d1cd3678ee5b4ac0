"""Results back to the PACS, in the order in which the studies were completed, for as long as it takes."""

import logging
import time

from dibmg_monai.errors import ImageError, NodeError
from dibmg_monai.pacs.durable import append_line
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import LONGEST_PAUSE, PAUSE, Delivery, Outcome, send
from dibmg_monai.pacs.spool import Job, Spool, State
from dibmg_monai.pacs.worker import set_aside

log = logging.getLogger("dibmg_monai.pacs")

SENT = "sent.txt"  # the files that the node has acknowledged, one a line


class Courier:
    """Sends the results of a spool's jobs to a node.

    A kill between the node's answer and its record makes that one object go out twice, with the UID that it had; an
    archive takes it for the one that it is.

    Args:
        spool: with the jobs.
        node: where to.
        calling: this side's AE title.
        pause: seconds between the first two attempts to reach a node that is down; then it grows.
    """

    def __init__(self, spool: Spool, node: Node, *, calling: str, pause: float = PAUSE) -> None:
        self.spool, self.node, self.calling, self.pause = spool, node, calling, pause
        self._pause = pause
        self._not_before = 0.0
        self._failed = 0  # the job that could not be sent last: others are tried before it is again

    def step(self) -> bool:
        """Send the results of the next job, if there is one and the node is not being given time."""
        if time.monotonic() < self._not_before:
            return False
        jobs = self.spool.jobs(State.RESULTS)
        if not jobs:
            return False
        job = min(jobs, key=lambda job: (job.number <= self._failed, job.number))
        try:
            self._deliver(job)
        except NodeError as error:
            log.warning("study %s: %s; next attempt in %.0f s", job.study, error, self._pause)
            self._failed, self._not_before = job.number, time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._pause = self.pause
        return True

    def _deliver(self, job: Job) -> None:
        record = job.output / SENT  # beside what it is about: results that are made again are sent again
        sent = set(record.read_text(encoding="utf-8").splitlines()) if record.exists() else set()
        objects = [path.relative_to(job.output) for path in sorted(job.output.rglob("*.dcm"))]

        def note(delivery: Delivery) -> None:
            if delivery.outcome is not Outcome.FAILED:
                append_line(record, delivery.path.relative_to(job.output).as_posix())

        pending = [job.output / path for path in objects if path.as_posix() not in sent]
        try:
            deliveries = send(pending, self.node, calling=self.calling, retries=0, delivered=note)
        except ImageError as error:
            set_aside(self.spool, job, reason=f"its results cannot be sent: {error}")
            return
        failed = [delivery for delivery in deliveries if delivery.outcome is Outcome.FAILED]
        if failed:
            reason = f"{self.node} does not take {len(failed)} of its {len(objects)} results, first {failed[0]}"
            set_aside(self.spool, job, reason=reason)
        else:
            self.spool.move(job, State.DONE)
            log.info("study %s: %d objects sent to %s", job.study, len(objects), self.node)
