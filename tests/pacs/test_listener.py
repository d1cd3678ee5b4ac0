"""A listener in a process of its own, fed and killed.

``DIBMG_STUDIES=200`` has the last test send so many studies; by default it sends a few.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dibmg_monai.errors import NodeError
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import Delivery, send
from dibmg_monai.pacs.spool import State
from tests.pacs.listener_process import RESULTS
from tests.pacs.listening import LOOPBACK, Pacs, free_port, instance_uid, pacs, wait_until, write_study

REPOSITORY = Path(__file__).parents[2]
VIEWS = ("RCC", "RMLO", "LCC", "LMLO")
STUDIES = int(os.environ.get("DIBMG_STUDIES", "20"))
SENDERS = 3


class Listener:
    """A listener that can be killed and started again."""

    def __init__(self, folder: Path, archive: Node, *, quiet: float = 0.3) -> None:
        self.spool, self.log = folder / "spool", folder / "listener.log"
        self.node = Node("DIBMG", LOOPBACK, free_port())
        options = [str(self.spool), str(self.node.port), str(archive), str(quiet)]
        self.command = [sys.executable, "-m", "tests.pacs.listener_process", *options]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=REPOSITORY, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=30)

    def feed(self, paths: list[Path]) -> None:
        """Send a study as a patient sender does: what was not acknowledged comes again, soon."""
        pending = list(paths)

        def note(delivery: Delivery) -> None:
            assert delivery.status == 0x0000
            pending.remove(delivery.path)

        while pending:
            try:
                send(list(pending), self.node, retries=0, delivered=note)
            except NodeError:
                time.sleep(0.1)

    def left(self) -> list[str]:
        """What is not done."""
        states = ["receiving", *(state for state in State if state is not State.DONE)]
        return [path.name for state in states for path in (self.spool / state).iterdir()]


@contextmanager
def running(folder: Path, archive: Pacs, *, quiet: float = 0.3) -> Iterator[Listener]:
    listener = Listener(folder, archive.node, quiet=quiet)
    listener.start()
    try:
        yield listener
    finally:
        listener.kill()


@pytest.fixture
def archive() -> Iterator[Pacs]:
    with pacs() as peer:
        yield peer


def versions(archive: Pacs) -> dict[str, dict[tuple[str, ...], set[str]]]:
    """Study -> the images that results were made of -> UIDs of the results."""
    found: dict[str, dict[tuple[str, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
    for dataset in archive.objects:
        made_of = tuple(json.loads(dataset.ImageComments))
        found[str(dataset.StudyInstanceUID)][made_of].add(str(dataset.SOPInstanceUID))
    return found


def test_from_a_study_to_results_to_a_clean_end(tmp_path: Path, archive: Pacs) -> None:
    paths = write_study(tmp_path / "study", "1.2.3", views=VIEWS)
    with running(tmp_path, archive) as listener:
        listener.feed(paths)
        wait_until(lambda: len(archive.objects) == RESULTS)
        wait_until(lambda: not listener.left())
        assert listener.stop() == 0
    assert versions(archive) == {"1.2.3": {tuple(sorted(map(instance_uid, paths))): set(archive.counts)}}
    lines = [line.partition(" ")[2].partition(" ")[2] for line in listener.log.read_text().splitlines()]
    assert lines[:2] == [f"listening at {listener.node.host}:{listener.node.port} as DIBMG", "study 1.2.3: complete"]
    assert lines[2].startswith("study 1.2.3: processed (")
    assert lines[3:] == [f"study 1.2.3: 2 objects sent to {archive.node}", "stopped"]


def test_a_second_listener_is_refused(tmp_path: Path, archive: Pacs) -> None:
    with running(tmp_path, archive) as listener:
        wait_until(lambda: listener.log.exists() and "listening" in listener.log.read_text())
        second = subprocess.run(listener.command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "another listener uses it" in second.stderr


def test_killed_on_the_way_none_lost_none_twice(tmp_path: Path, archive: Pacs) -> None:
    studies = [f"1.2.826.{number}" for number in range(STUDIES)]
    files = {uid: write_study(tmp_path / "sent" / uid, uid, views=VIEWS) for uid in studies}
    listener = Listener(tmp_path, archive.node, quiet=1.0)
    queue = list(studies)

    def feed() -> None:
        while queue:
            listener.feed(files[queue.pop()])

    senders = [threading.Thread(target=feed, daemon=True) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    chance, kills = random.Random(0), 0
    while any(sender.is_alive() for sender in senders) or len(versions(archive)) < STUDIES:
        listener.start()
        begun = time.monotonic()
        lifetime = chance.uniform(0.5, 4.0) if kills < STUDIES // 4 else 3600.0
        while time.monotonic() - begun < lifetime and len(versions(archive)) < STUDIES:
            time.sleep(0.05)
        listener.kill()
        kills += 1
    listener.start()
    wait_until(lambda: not listener.left(), seconds=60)
    assert listener.stop() == 0
    _check(archive, files, kills=kills)
    assert not listener.left()
    assert len(list((listener.spool / State.DONE).iterdir())) == STUDIES
    log = listener.log.read_text()
    assert "Person" not in log
    assert "TEST-1" not in log
    assert "Traceback" not in log
    print(f"{STUDIES} studies, {kills} kills, {len(archive.objects)} results received")


def _check(archive: Pacs, files: dict[str, list[Path]], *, kills: int) -> None:
    found = versions(archive)
    assert sorted(found) == sorted(files), "lost"
    for study, results in found.items():
        assert list(results) == [tuple(sorted(map(instance_uid, files[study])))], f"{study}: not of all its images"
        assert [len(uids) for uids in results.values()] == [RESULTS], f"{study}: twice"
    repeated = len(archive.objects) - len(archive.counts)
    assert repeated <= kills, "more came twice than were on their way when the listener was killed"
    assert len(archive.counts) == RESULTS * len(files)
