"""The folder where a listener keeps its studies. What it knows lies in there, so that it may be killed at any time.

A study is received in ``receiving/STUDY/images``. From when it is complete it is a job, a folder ``NUMBER_STUDY`` that
goes from one state to the next by being renamed, in one step: ready, working, results, done; or failed.
"""

import fcntl
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from dibmg_monai.errors import FolderError, writing
from dibmg_monai.pacs.durable import move, sync

# PS3.5 9.1, but for the rules about zeros that many break: nothing that could lead out of a folder, or name a person.
UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
JOB = re.compile(rf"(?P<number>[0-9]{{8}})_(?P<study>{UID.pattern})")
GIB = 2**30
RESERVE = GIB // 2  # bytes of the file system that are left free


class State(StrEnum):
    """Where a job is: the name of its folder's folder."""

    READY = "ready"  # complete, waiting
    WORKING = "working"  # being processed
    RESULTS = "results"  # processed, its results are being sent
    DONE = "done"
    FAILED = "failed"  # set aside for a person to look at


@dataclass(frozen=True)
class Job:
    """A complete study, at one version: images that come later are another job.

    Attributes:
        folder: its folder.
        number: jobs are numbered in the order in which they became complete.
        study: StudyInstanceUID.
    """

    folder: Path
    number: int
    study: str

    @property
    def state(self) -> State:
        """Where it is."""
        return State(self.folder.parent.name)

    @property
    def images(self) -> Path:
        """The folder of the objects received, each ``SOPInstanceUID.dcm``."""
        return self.folder / "images"

    @property
    def output(self) -> Path:
        """The folder of the results."""
        return self.folder / "output"


class Spool:
    """The folder, locked for one listener at a time; on a local file system, which a rename and a lock need.

    Args:
        root: the folder; made if it is not there.
        max_studies: how many studies may be received or waiting at a time.
        max_bytes: how large the folder may become.

    Raises:
        FolderError: if it cannot be written, or another listener has it.
    """

    def __init__(self, root: Path, *, max_studies: int, max_bytes: int) -> None:
        self.root, self.max_studies, self.max_bytes = root, max_studies, max_bytes
        self.incoming, self.receiving = root / "incoming", root / "receiving"
        with writing(root):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (root / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise FolderError(f"{root}: another listener uses it; each needs a spool of its own") from error
        with writing(root):
            shutil.rmtree(self.incoming, ignore_errors=True)  # what was not acknowledged
            for name in (self.incoming, self.receiving, *(root / state for state in State)):
                name.mkdir(exist_ok=True)
            sync(root)
        self._last = max((job.number for state in State for job in self.jobs(state)), default=0)
        self._size, self._added = 0, 0
        self.measure()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.close()

    def new_part(self) -> Path:
        """A name for something that will not outlive this listener."""
        return self.incoming / uuid.uuid4().hex

    def add(self, part: Path, *, study: str, instance: str) -> None:
        """Take a file that was received into its study; the same object again replaces it."""
        size, folder = part.stat().st_size, self.receiving / study
        if folder.is_dir():
            move(part, folder / "images" / f"{instance}.dcm")
        else:  # a study appears with its first object in it, not empty
            new = self.new_part()
            (new / "images").mkdir(parents=True)
            move(part, new / "images" / f"{instance}.dcm")
            sync(new)
            move(new, folder)
        self._size, self._added = self._size + size, self._added + size

    def open_studies(self) -> list[str]:
        """Studies that are being received."""
        return [path.name for path in self.receiving.iterdir() if UID.fullmatch(path.name)]

    def complete(self, study: str) -> Job:
        """Make a job of a study that was received."""
        self._last += 1
        job = Job(self.root / State.READY / f"{self._last:08d}_{study}", self._last, study)
        move(self.receiving / study, job.folder)
        return job

    def jobs(self, state: State) -> list[Job]:
        """The jobs in a state, in the order of their numbers."""
        matches = ((path, JOB.fullmatch(path.name)) for path in (self.root / state).iterdir())
        jobs = [Job(path, int(match["number"]), match["study"]) for path, match in matches if match]
        return sorted(jobs, key=lambda job: job.number)

    def move(self, job: Job, state: State) -> Job:
        """Bring a job into a state. The time of its folder says since when it is there."""
        os.utime(job.folder)
        folder = self.root / state / job.folder.name
        move(job.folder, folder)
        return Job(folder, job.number, job.study)

    def remove(self, folder: Path) -> None:
        """Remove a folder of the spool; a kill meanwhile leaves all of it where it was, or nothing."""
        doomed = self.new_part()
        folder.rename(doomed)
        shutil.rmtree(doomed)

    def previous(self, job: Job) -> Job | None:
        """The version of the job's study that was processed last, if there is one."""
        states = (State.RESULTS, State.DONE, State.FAILED)
        versions = [other for state in states for other in self.jobs(state) if other.study == job.study]
        return max(versions, key=lambda version: version.number, default=None)

    def may_open(self, study: str) -> bool:
        """Whether an object of a study may come in: it is being received already, or there is room for one more."""
        if (self.receiving / study).exists():
            return True
        waiting = len(self.jobs(State.READY)) + len(self.jobs(State.WORKING))
        return len(self.open_studies()) + waiting < self.max_studies

    def has_room(self, size: int) -> bool:
        """Whether an object of so many bytes may come in."""
        return self._size + size <= self.max_bytes and shutil.disk_usage(self.root).free >= size + RESERVE

    def measure(self) -> None:
        """Find out how large the folder is; in between, what comes in is added."""
        added = self._added
        size = sum(_size(Path(parent, name)) for parent, _, names in os.walk(self.root) for name in names)
        self._size = size + self._added - added


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # moved meanwhile
        return 0
