"""What is kept of studies that are done, and for how long."""

import time

from dibmg_monai.pacs.spool import Job, Spool, State

INTERVAL = 10.0  # seconds between two looks
HEADROOM = 10  # a tenth of the spool's limit is kept free for what comes in


class Retention:
    """Removes what studies that are done need no more: images, and results that were sent. JSON and CSV files stay.

    Images are kept for a while, for others of the study that come late to join them; but not at the cost of refusing
    what comes in.

    Args:
        spool: with the jobs.
        keep: seconds that the images are kept.
        sent: whether results were sent; else they are all there is, and stay.
    """

    def __init__(self, spool: Spool, *, keep: float, sent: bool) -> None:
        self.spool, self.keep, self.sent = spool, keep, sent
        self._next = 0.0

    def step(self) -> None:
        """Look once in a while."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL
        self.spool.measure()
        for job in self.spool.jobs(State.DONE):
            expired = time.time() - job.folder.stat().st_mtime >= self.keep
            if expired or not self.spool.has_room(self.spool.max_bytes // HEADROOM):
                self._strip(job)

    def _strip(self, job: Job) -> None:
        if not job.images.is_dir():
            return
        for path in job.output.rglob("*") if self.sent else ():
            if path.is_file() and path.suffix not in (".json", ".csv"):
                path.unlink()
        self.spool.remove(job.images)  # the last thing: while they are there, this is not done
        self.spool.measure()
