import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dibmg_monai.pacs.courier import Courier
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.retention import Retention
from dibmg_monai.pacs.spool import Job, Spool, State
from dibmg_monai.pacs.worker import Worker
from tests.pacs.listening import LOOPBACK, Pacs, free_port, instance_uid, new_spool, pacs, write_study


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with new_spool(tmp_path / "spool") as spool:
        yield spool


@pytest.fixture
def peer() -> Iterator[Pacs]:
    with pacs() as peer:
        yield peer


def processed(spool: Spool, number: int, *, results: int = 2) -> Job:
    """A job whose results wait."""
    folder = spool.root / State.RESULTS / f"{number:08d}_1.2.{number}"
    write_study(folder / "images", f"1.2.{number}")
    write_study(folder / "output" / "exam", f"1.2.{number}", views=("RCC", "LCC", "RMLO")[:results])
    (folder / "output" / "manifest.json").write_text("{}")
    return Job(folder, number, f"1.2.{number}")


def states(spool: Spool) -> dict[State, list[int]]:
    return {state: numbers for state in State if (numbers := [job.number for job in spool.jobs(state)])}


def test_results_go_out_in_order_and_once(spool: Spool, peer: Pacs) -> None:
    wanted = [sorted(map(instance_uid, processed(spool, n).output.rglob("*.dcm"))) for n in (1, 2)]
    courier = Courier(spool, peer.node, calling="DIBMG")
    assert [courier.step() for _ in range(3)] == [True, True, False]
    sent = [str(dataset.SOPInstanceUID) for dataset in peer.objects]
    assert [sorted(sent[:2]), sorted(sent[2:])] == wanted
    assert states(spool) == {State.DONE: [1, 2]}


def test_a_study_without_results_is_done(spool: Spool, peer: Pacs) -> None:
    processed(spool, 1, results=0)
    Courier(spool, peer.node, calling="DIBMG").step()
    assert states(spool) == {State.DONE: [1]}
    assert peer.associations == 0


def test_a_node_that_is_down_at_first(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    node = Node("PACS", LOOPBACK, free_port())
    for number in (1, 2):
        processed(spool, number)
    courier = Courier(spool, node, calling="DIBMG", pause=0.01)
    while "next attempt in 0 s" not in caplog.text or caplog.text.count("next attempt") < 3:
        courier.step()
    assert states(spool) == {State.RESULTS: [1, 2]}
    with pacs(port=node.port) as peer:
        while State.RESULTS in states(spool):
            courier.step()
        assert set(peer.counts.values()) == {1}
        assert len(peer.objects) == 4


def test_it_gives_a_node_time(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    processed(spool, 1)
    courier = Courier(spool, Node("PACS", LOOPBACK, free_port()), calling="DIBMG", pause=100)
    assert [courier.step() for _ in range(3)] == [True, False, False]
    assert caplog.text.count("next attempt in 100 s") == 1


def test_what_was_acknowledged_before_a_restart_is_not_sent_again(spool: Spool, peer: Pacs) -> None:
    processed(spool, 1, results=3)
    peer.answers = [0x0000, 0xA700]
    Courier(spool, peer.node, calling="DIBMG").step()
    assert states(spool) == {State.RESULTS: [1]}
    Courier(spool, peer.node, calling="DIBMG").step()
    assert states(spool) == {State.DONE: [1]}
    assert set(peer.counts.values()) == {1}
    assert len(peer.objects) == 3


def test_an_object_that_the_node_does_not_take(spool: Spool, peer: Pacs, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        processed(spool, number, results=3)
    peer.answers = [0x0000, 0xA900]
    courier = Courier(spool, peer.node, calling="DIBMG")
    while courier.step():
        pass
    assert states(spool) == {State.DONE: [2], State.FAILED: [1]}
    reason = (spool.jobs(State.FAILED)[0].folder / "reason.txt").read_text()
    assert f"{peer.node} does not take 1 of its 3 results, first " in reason
    assert "failed (status 0xA900)" in reason
    assert len(peer.objects) == 5
    spool.move(spool.jobs(State.FAILED)[0], State.RESULTS)  # as a person may
    courier.step()
    assert states(spool) == {State.DONE: [1, 2]}
    assert set(peer.counts.values()) == {1}


def test_results_that_are_made_again_are_sent_again(spool: Spool, peer: Pacs) -> None:
    processed(spool, 1)
    peer.answers = [0x0000, 0xA900]
    courier = Courier(spool, peer.node, calling="DIBMG")
    courier.step()
    spool.move(spool.jobs(State.FAILED)[0], State.READY)  # as a person may

    def process(images: Path, output: Path) -> str:
        write_study(output / "exam", "1.2.1", views=("RCC", "LCC"))
        return "processed"

    Worker(spool, process, finished=State.RESULTS).step()
    courier.step()
    assert states(spool) == {State.DONE: [1]}
    assert len(peer.counts) == 3


def test_one_study_that_breaks_associations_does_not_keep_the_others_back(spool: Spool, peer: Pacs) -> None:
    jobs = [processed(spool, number) for number in (1, 2, 3)]
    peer.breaker = instance_uid(next(jobs[0].output.rglob("*.dcm")))
    courier = Courier(spool, peer.node, calling="DIBMG", pause=0)
    for _ in range(4):
        courier.step()
    assert states(spool) == {State.RESULTS: [1], State.DONE: [2, 3]}


def test_results_that_are_damaged_are_set_aside(spool: Spool, peer: Pacs) -> None:
    job = processed(spool, 1)
    (job.output / "exam" / "bad.dcm").write_text("no DICOM")
    Courier(spool, peer.node, calling="DIBMG").step()
    assert states(spool) == {State.FAILED: [1]}
    assert "its results cannot be sent: " in (spool.jobs(State.FAILED)[0].folder / "reason.txt").read_text()


def test_nothing_of_the_patient_is_logged(spool: Spool, peer: Pacs, caplog: pytest.LogCaptureFixture) -> None:
    processed(spool, 1)
    with caplog.at_level(logging.INFO, logger="dibmg_monai"):
        Courier(spool, peer.node, calling="DIBMG").step()
    assert f"study 1.2.1: 2 objects sent to {peer.node}" in caplog.text
    assert "Person" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "kept"), [(True, ["manifest.json"]), (False, ["LCC.dcm", "RCC.dcm", "manifest.json"])]
)
def test_what_is_kept_of_studies_that_are_done(sent: bool, kept: list[str], spool: Spool) -> None:
    job = spool.move(processed(spool, 1), State.DONE)
    Retention(spool, keep=1000, sent=sent).step()
    assert len(list(job.images.iterdir())) == 2
    Retention(spool, keep=0, sent=sent).step()
    assert not job.images.exists()
    assert sorted(path.name for path in job.output.rglob("*") if path.is_file()) == kept


def test_old_images_give_way_to_new_ones(tmp_path: Path) -> None:
    with new_spool(tmp_path / "small", max_bytes=20000) as spool:
        jobs = [spool.move(processed(spool, number), State.DONE) for number in range(1, 6)]
        spool.measure()
        Retention(spool, keep=1e6, sent=True).step()
        kept = [job.images.is_dir() for job in jobs]
        assert kept == sorted(kept)
        assert kept[-1] and not kept[0]
        assert spool.has_room(2000)
