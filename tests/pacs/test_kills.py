"""A listener that is killed at each of the steps by which it changes its spool; without a network."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dibmg_monai.pacs import courier
from dibmg_monai.pacs.courier import Courier
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.retention import Retention
from dibmg_monai.pacs.send import Delivery, Outcome
from dibmg_monai.pacs.spool import Spool, State
from dibmg_monai.pacs.worker import Worker
from tests.conftest import mammogram
from tests.pacs.listening import instance_uid, new_spool, receive, write_study

STUDY = "1.2.3"
NODE = Node("PACS", "127.0.0.1", 104)
STEPS = ("replace", "rename", "link", "mkdir", "unlink", "rmdir", "fsync", "utime")


class KilledError(BaseException):
    """What stands for SIGKILL: nothing on the disk changes after it."""


class Killer:
    """Counts the steps that change a disk, and kills before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done, self.last = 0, -1
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a step, but it need not take its time
        for name in STEPS:
            monkeypatch.setattr(os, name, self._counting(getattr(os, name)))

    def _counting(self, step: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **options: object) -> object:
            if self.done == self.last:
                raise KilledError
            self.done += 1
            return step(*arguments, **options)

        return counted

    def arm(self, last: int) -> None:
        self.done, self.last = 0, last


class World:
    """A sender, a spool, and an archive that remembers every delivery: (what the result was made of, its UID)."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.first = write_study(root / "study", STUDY)
        self.late = write_study(root / "late", STUDY, views=["RMLO"])
        self.acknowledged: set[Path] = set()
        self.archive: list[tuple[tuple[str, ...], str]] = []
        monkeypatch.setattr(courier, "send", self.deliver)

    def deliver(self, paths: list[Path], node: Node, *, delivered: Callable[[Delivery], None], **_: object) -> list:
        for path in paths:
            result = dcmread(path)
            self.archive.append((tuple(json.loads(result.ImageComments)), str(result.SOPInstanceUID)))
            delivered(Delivery(path, Outcome.SENT, 0))
        return []

    def process(self, images: Path, output: Path) -> str:
        for index in range(2):
            result = mammogram(np.zeros((2, 2), np.uint16))
            result.ImageComments = json.dumps([index, *sorted(path.stem for path in images.iterdir())])
            result.save_as(output / f"{index}.dcm", enforce_file_format=True)
        return "processed"

    def live(self, *batches: list[Path]) -> None:
        """One life of a listener: each batch is sent, what is not acknowledged yet, and dealt with."""
        with new_spool(self.root / "spool") as spool:
            for batch in batches:
                self._send(spool, batch)
                for study in spool.open_studies():
                    spool.complete(study)
                worker = Worker(spool, self.process, finished=State.RESULTS)
                while worker.step():
                    pass
                post = Courier(spool, NODE, calling="DIBMG", pause=0)
                while post.step():
                    pass

    def _send(self, spool: Spool, batch: list[Path]) -> None:
        for path in batch:
            if path not in self.acknowledged:
                receive(spool, [path], study=STUDY)
                self.acknowledged.add(path)

    def contents(self, *batches: list[Path]) -> set[tuple[str, ...]]:
        images = sorted(instance_uid(path) for batch in batches for path in batch)
        return {(index, *images) for index in range(2)}


def test_wherever_it_is_killed_nothing_is_lost_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = World(tmp_path / "calm", monkeypatch)
    killer = Killer(monkeypatch)
    calm.live(calm.first, calm.late)
    steps = killer.done
    assert steps > 60
    assert [made_of for made_of, _ in calm.archive] == sorted(calm.contents(calm.first)) + sorted(
        calm.contents(calm.first, calm.late)
    )
    for step in range(steps):
        world = World(tmp_path / str(step), monkeypatch)
        killer.arm(step)
        with pytest.raises(KilledError):
            world.live(world.first, world.late)
        killer.arm(-1)
        world.live(world.first, world.late)
        world.live()
        _check(world, step)


def _check(world: World, step: int) -> None:
    both, first = world.contents(world.first, world.late), world.contents(world.first)
    made_of = [content for content, _ in world.archive]
    # The archive knows an object by its UID: the one that was on its way may come again, as the same.
    assert len(set(world.archive)) == len(set(made_of)), f"killed at {step}: a result came under two UIDs"
    assert len(world.archive) - len(set(world.archive)) <= 1, (
        f"killed at {step}: more than the one on its way came twice"
    )
    assert both <= set(made_of), f"killed at {step}: lost"
    assert set(made_of) <= both | first | world.contents(world.first[:1]), f"killed at {step}: mixed"
    spool = world.root / "spool"
    left = {state: list((spool / state).iterdir()) for state in State if state is not State.DONE}
    assert not any(left.values()), f"killed at {step}: {left}"
    assert not list((spool / "receiving").iterdir()) + list((spool / "incoming").iterdir())


def test_killed_while_old_images_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = Killer(monkeypatch)
    for step in range(12):
        world = World(tmp_path / str(step), monkeypatch)
        world.live(world.first)
        with new_spool(world.root / "spool") as spool:
            (job,) = spool.jobs(State.DONE)
            killer.arm(step)
            try:
                Retention(spool, keep=0, sent=True).step()
                complete = True
            except KilledError:
                complete = False
            killer.arm(-1)
        images = list(job.images.iterdir()) if job.images.is_dir() else []
        assert len(images) in (0, 2), f"killed at {step}: some of the images would be taken for all"
        with new_spool(world.root / "spool") as spool:
            Retention(spool, keep=0, sent=True).step()
        assert not job.images.exists()
        assert not list(job.output.rglob("*.dcm"))
        assert (job.folder / "used.json").exists()
    assert complete, "more steps than were tried"
