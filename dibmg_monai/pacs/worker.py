"""Studies that are complete, one after the other: what is new is processed; what cannot be is set aside."""

import hashlib
import json
import logging
import shutil
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.assembly import survey
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.pacs.durable import append_line, move, sync_tree
from dibmg_monai.pacs.spool import Job, Spool, State

log = logging.getLogger("dibmg_monai.pacs")

Process = Callable[[Path, Path], str]

TRIES = 3  # for a study whose processing raises an error
STARTS = 10  # for one whose processing does not end: a listener that is killed meanwhile is not the study's fault
USED, STARTED, REASON = "used.json", "started.txt", "reason.txt"


class Worker:
    """Processes the jobs of a spool.

    Args:
        spool: with the jobs.
        process: folder of images, folder for results -> a line about the study; never the patient's name or identifier.
            Whatever it raises, the other studies go on.
        finished: the state of a job that was processed: results, if they are to be sent, or done.
    """

    def __init__(self, spool: Spool, process: Process, *, finished: State) -> None:
        self.spool, self.process, self.finished = spool, process, finished

    def step(self) -> bool:
        """Take the next job, if there is one. What was begun before a restart comes first."""
        job = self._next()
        if job is None:
            return False
        self._gather(job)
        started = job.folder / STARTED
        append_line(started, "started")
        if len(started.read_text(encoding="utf-8").splitlines()) > STARTS:
            set_aside(self.spool, job, reason=f"its processing was begun {STARTS} times and did not end")
        else:
            self._run(job)
        return True

    def _next(self) -> Job | None:
        begun = self.spool.jobs(State.WORKING)
        if begun:
            return begun[0]
        coming = set(self.spool.open_studies())  # more of it comes: it waits, and is processed once
        ready = (job for job in self.spool.jobs(State.READY) if job.study not in coming)
        job = next(ready, None)
        return job and self.spool.move(job, State.WORKING)

    def _gather(self, job: Job) -> None:
        """Put all images of the study together: those of later jobs that wait, and those of the version before.

        A kill in between does no harm: this is done again before the job is processed.
        """
        for later in [other for other in self.spool.jobs(State.READY) if other.study == job.study]:
            for path in sorted(later.images.iterdir()):
                move(path, job.images / path.name)
            self.spool.remove(later.folder)
        previous = self.spool.previous(job)
        if previous is not None and previous.images.is_dir():
            for path in sorted(previous.images.iterdir()):
                if not (job.images / path.name).exists():
                    (job.images / path.name).hardlink_to(path)

    def _run(self, job: Job) -> None:
        begun = time.monotonic()
        for attempt in range(1, TRIES + 1):
            try:
                line = self._attempt(job)
            except Exception as error:  # of whatever kind: the other studies must go on
                reason = str(error) if isinstance(error, DibmgError) else type(error).__name__
                log.warning("study %s: attempt %d of %d to process it failed: %s", job.study, attempt, TRIES, reason)
                (job.folder / REASON).write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
            else:
                self._finish(job, line, seconds=time.monotonic() - begun)
                return
        set_aside(self.spool, job, reason=f"could not be processed in {TRIES} attempts")

    def _attempt(self, job: Job) -> str:
        """Process the job from the start; a line about it, or nothing if there is nothing new in it."""
        used = _used(job)
        if not self._is_new(job, used):
            return ""
        write_json(used, path=job.folder / USED)
        if job.output.exists():
            shutil.rmtree(job.output)
        job.output.mkdir()
        return self.process(job.images, job.output)

    def _is_new(self, job: Job, used: Mapping[str, str]) -> bool:
        """Whether exams would be made of an image that was in none in the version before.

        So neither a study that is sent again, nor reports, nor our own results, should they come, make new results.
        """
        previous = self.spool.previous(job)
        if previous is None or previous.state is State.FAILED:
            return True
        known = json.loads((previous.folder / USED).read_text(encoding="utf-8"))
        return any(known.get(instance) != digest for instance, digest in used.items())

    def _finish(self, job: Job, line: str, *, seconds: float) -> None:
        if line:
            (job.folder / REASON).unlink(missing_ok=True)
            (job.folder / STARTED).unlink()
            sync_tree(job.folder)
            self.spool.move(job, self.finished)
        else:
            self.spool.remove(job.folder)
        log.info("study %s: %s (%.1f s)", job.study, line or "came again with nothing new", seconds)


def set_aside(spool: Spool, job: Job, *, reason: str) -> None:
    """Put a job where a person will look at it, with the reason in a file."""
    append_line(job.folder / REASON, reason)
    (job.folder / STARTED).unlink(missing_ok=True)
    spool.move(job, State.FAILED)
    log.error("study %s: %s; set aside in %s", job.study, reason, spool.root / State.FAILED / job.folder.name)


def _used(job: Job) -> dict[str, str]:
    """Of the images that exams are made of, SOPInstanceUID -> SHA-256."""
    digests = {}
    for exam in survey(job.images).exams:
        for view in exam.files:
            with exam.path(view).open("rb") as file:
                digests[exam.path(view).stem] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
