import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ComprehensiveSRStorage

from dibmg_monai.errors import FolderError
from dibmg_monai.pacs import worker
from dibmg_monai.pacs.spool import Job, Spool, State
from dibmg_monai.pacs.worker import Process, Worker
from tests.conftest import mammogram
from tests.pacs.listening import instance_uid, new_spool, receive, write_study

STUDY = "1.2.3"


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with new_spool(tmp_path / "spool") as spool:
        yield spool


def process(images: Path, output: Path) -> str:
    names = sorted(path.stem for path in images.iterdir())
    (output / "result.json").write_text(json.dumps(names))
    return f"{len(names)} images"


def submit(spool: Spool, paths: list[Path], *, study: str = STUDY) -> Job:
    receive(spool, paths, study=study)
    return spool.complete(study)


def run(spool: Spool, process: Process = process) -> int:
    """Work until nothing is left; how many jobs there were."""
    steps, step = 0, Worker(spool, process, finished=State.DONE).step
    while step():
        steps += 1
    return steps


def results(spool: Spool, state: State = State.DONE) -> list[tuple[str, list[str]]]:
    return [(job.study, json.loads((job.output / "result.json").read_text())) for job in spool.jobs(state)]


def uids(*paths: Path) -> list[str]:
    return sorted(map(instance_uid, paths))


def test_studies_are_processed_in_the_order_of_completion(spool: Spool, tmp_path: Path) -> None:
    studies = {uid: write_study(tmp_path / uid, uid) for uid in ("9", "10", "1")}
    for uid, paths in studies.items():
        submit(spool, paths, study=uid)
    assert run(spool) == 3
    assert results(spool) == [(uid, uids(*paths)) for uid, paths in studies.items()]
    assert [spool.jobs(state) for state in State if state is not State.DONE] == 4 * [[]]


def test_late_images_join_those_that_wait(spool: Spool, tmp_path: Path) -> None:
    first, late = write_study(tmp_path / "1", STUDY), write_study(tmp_path / "2", STUDY, views=["RMLO"])
    submit(spool, first)
    submit(spool, late)
    assert run(spool) == 1
    assert results(spool) == [(STUDY, uids(*first, *late))]


def test_a_study_of_which_more_comes_waits(spool: Spool, tmp_path: Path) -> None:
    first, late = write_study(tmp_path / "1", STUDY), write_study(tmp_path / "2", STUDY, views=["RMLO"])
    submit(spool, first)
    submit(spool, write_study(tmp_path / "other", "1.2.4"), study="1.2.4")
    receive(spool, late, study=STUDY)
    assert run(spool) == 1
    spool.complete(STUDY)
    assert run(spool) == 1
    assert [study for study, _ in results(spool)] == [STUDY, "1.2.4"]


def test_images_that_come_after_processing_make_a_new_version(spool: Spool, tmp_path: Path) -> None:
    first, late = write_study(tmp_path / "1", STUDY), write_study(tmp_path / "2", STUDY, views=["RMLO"])
    submit(spool, first)

    def process_and_receive(images: Path, output: Path) -> str:
        if len(list(images.iterdir())) == 2:
            submit(spool, late)
        return process(images, output)

    assert run(spool, process_and_receive) == 2
    assert results(spool) == [(STUDY, uids(*first)), (STUDY, uids(*first, *late))]


def test_a_version_after_the_images_were_removed_is_of_what_came(spool: Spool, tmp_path: Path) -> None:
    first, late = write_study(tmp_path / "1", STUDY), write_study(tmp_path / "2", STUDY, views=["RMLO"])
    submit(spool, first)
    run(spool)
    spool.remove(spool.jobs(State.DONE)[0].images)
    submit(spool, [*first, *late])
    submit(spool, late)
    run(spool)
    assert results(spool)[1:] == [(STUDY, uids(*first, *late))]


def test_a_study_that_comes_again_is_not_processed_again(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = write_study(tmp_path / "1", STUDY)
    submit(spool, first)
    run(spool)
    report = tmp_path / "report.dcm"
    dataset = mammogram(np.zeros((2, 2), np.uint16), SOPClassUID=ComprehensiveSRStorage, Modality="SR")
    dataset.save_as(report, enforce_file_format=True)
    with caplog.at_level(logging.INFO):
        for again in (first, first[:1], [report]):
            submit(spool, again)
            run(spool)
    assert results(spool) == [(STUDY, uids(*first))]
    assert caplog.text.count("study 1.2.3: came again with nothing new") == 3
    assert not any(spool.incoming.iterdir())


def test_an_object_with_new_content_is_new(spool: Spool, tmp_path: Path) -> None:
    (path,) = write_study(tmp_path / "1", STUDY, views=["RCC"], SOPInstanceUID="1.2.3.4")
    submit(spool, [path])
    run(spool)
    (path,) = write_study(tmp_path / "1", STUDY, views=["RCC"], SOPInstanceUID="1.2.3.4", BodyPartExamined="BREAST")
    submit(spool, [path])
    run(spool)
    assert len(results(spool)) == 2


def test_a_study_that_cannot_be_processed_is_set_aside(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for uid in ("1", "2", "3"):
        submit(spool, write_study(tmp_path / uid, uid), study=uid)
    attempts = []

    def poisoned(images: Path, output: Path) -> str:
        assert not any(output.iterdir())
        line = process(images, output)
        if images.parent.name.endswith("_2"):
            attempts.append(images)
            raise ZeroDivisionError("Test^Person")
        if images.parent.name.endswith("_3") and len(attempts) < 5:
            attempts.append(images)
            raise FolderError("out: cannot be written")
        return line

    assert run(spool, poisoned) == 3
    assert len(attempts) == worker.TRIES + 2
    assert [study for study, _ in results(spool)] == ["1", "3"]
    (failed,) = spool.jobs(State.FAILED)
    reason = (failed.folder / "reason.txt").read_text()
    assert reason.startswith("Traceback")
    assert reason.endswith("could not be processed in 3 attempts\n")
    assert "study 2: attempt 3 of 3 to process it failed: ZeroDivisionError" in caplog.text
    assert "study 3: attempt 1 of 3 to process it failed: out: cannot be written" in caplog.text
    assert "Person" not in caplog.text


def test_a_study_that_was_set_aside_is_processed_when_it_comes_again(spool: Spool, tmp_path: Path) -> None:
    def fail(images: Path, output: Path) -> str:
        raise RuntimeError

    submit(spool, write_study(tmp_path / "1", STUDY))
    run(spool, fail)
    (failed,) = spool.jobs(State.FAILED)
    spool.move(failed, State.READY)  # as a person may
    run(spool, fail)
    submit(spool, write_study(tmp_path / "1", STUDY))
    run(spool)
    assert len(results(spool)) == 1


def test_a_study_that_ends_the_listener_is_set_aside(spool: Spool, tmp_path: Path) -> None:
    submit(spool, write_study(tmp_path / "1", "1"), study="1")
    submit(spool, write_study(tmp_path / "2", "2"), study="2")

    def end(images: Path, output: Path) -> str:
        if images.parent.name.endswith("_1"):
            raise KeyboardInterrupt  # what stands for a process that ends
        return process(images, output)

    for _ in range(worker.STARTS):
        with pytest.raises(KeyboardInterrupt):
            run(spool, end)
    assert run(spool, end) == 2
    assert [study for study, _ in results(spool)] == ["2"]
    (failed,) = spool.jobs(State.FAILED)
    assert (failed.folder / "reason.txt").read_text() == "its processing was begun 10 times and did not end\n"


def test_the_spool_belongs_to_one_listener(spool: Spool) -> None:
    with pytest.raises(FolderError, match=r"spool: another listener uses it; each needs a spool of its own"):
        new_spool(spool.root)


def test_a_spool_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"file/spool: cannot be written \(Not a directory\)"):
        new_spool(tmp_path / "file" / "spool")


def test_the_spool_is_for_its_owner_only(spool: Spool) -> None:
    assert spool.root.stat().st_mode & 0o777 == 0o700
