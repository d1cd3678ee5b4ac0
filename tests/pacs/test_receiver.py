import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE
from pynetdicom.association import Association

from dibmg_monai.errors import NodeError
from dibmg_monai.pacs.accepted import SOP_CLASSES, TRANSFER_SYNTAXES
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.receiver import VERIFICATION, Receiver
from dibmg_monai.pacs.send import send
from dibmg_monai.pacs.spool import Spool, State
from tests.conftest import mammogram
from tests.pacs.listening import LOOPBACK, new_spool, wait_until, write_study

IMAGE = DigitalMammographyXRayImageStorageForPresentation
QUIET = 0.3
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with new_spool(tmp_path / "spool") as spool:
        yield spool


@pytest.fixture
def receiver(spool: Spool) -> Iterator[Receiver]:
    with Receiver(spool, ae_title="DIBMG", address=(LOOPBACK, 0), quiet=QUIET) as receiver:
        yield receiver


@contextmanager
def association(
    receiver: Receiver, *, syntax: str = ExplicitVRLittleEndian, calling: str = "SENDER", called: str = "DIBMG"
) -> Iterator[Association]:
    entity = AE(ae_title=calling)
    entity.add_requested_context(IMAGE, syntax)
    entity.add_requested_context(VERIFICATION)
    association = entity.associate(LOOPBACK, receiver.port, ae_title=called)
    yield association
    if association.is_established:
        association.release()


def image(**attributes: object) -> Dataset:
    return mammogram(np.arange(2048, dtype=np.uint16).reshape(64, 32), **{"StudyInstanceUID": "1.2.3", **attributes})


def store(receiver: Receiver, *images: Dataset, **options: str) -> list[int]:
    with association(receiver, **options) as sender:
        return [sender.send_c_store(dataset).Status for dataset in images]


def stored(spool: Spool) -> list[str]:
    return sorted(path.relative_to(spool.root).as_posix() for path in spool.root.rglob("*.dcm"))


def test_echo(receiver: Receiver) -> None:
    with association(receiver) as sender:
        assert sender.send_c_echo().Status == SUCCESS


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_objects_are_kept_as_they_came(syntax: str, receiver: Receiver, spool: Spool) -> None:
    sent = image(syntax=syntax, SOPInstanceUID="1.2.3.4")
    assert store(receiver, sent, syntax=syntax) == [SUCCESS]
    assert stored(spool) == ["receiving/1.2.3/images/1.2.3.4.dcm"]
    kept = dcmread(spool.receiving / "1.2.3" / "images" / "1.2.3.4.dcm")
    assert kept == sent
    assert kept.file_meta.TransferSyntaxUID == syntax
    assert kept.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"
    assert not list(spool.incoming.iterdir())


def test_every_accepted_encoding_can_be_decoded() -> None:
    assert all(get_decoder(syntax).is_available for syntax in TRANSFER_SYNTAXES)
    assert ExplicitVRBigEndian in TRANSFER_SYNTAXES
    assert len(set(SOP_CLASSES)) == len(SOP_CLASSES)


def test_the_same_object_again_replaces_the_first(receiver: Receiver, spool: Spool) -> None:
    first, second = (image(SOPInstanceUID="1.2.3.4", BodyPartExamined=part) for part in ("BREAST", "CHEST"))
    assert store(receiver, first, second) == [SUCCESS, SUCCESS]
    (name,) = stored(spool)
    assert dcmread(spool.root / name).BodyPartExamined == "CHEST"


def test_a_study_is_complete_when_released_and_quiet(receiver: Receiver, spool: Spool) -> None:
    with association(receiver) as sender:
        sender.send_c_store(image())
        sender.send_c_store(image(StudyInstanceUID="1.2.4"))
        threading.Event().wait(2 * QUIET)
        assert not receiver.step()
    wait_until(receiver.step)
    assert [(job.number, job.study) for job in spool.jobs(State.READY)] == [(1, "1.2.3"), (2, "1.2.4")]
    assert spool.open_studies() == []


def test_what_a_broken_association_brought_waits_for_the_rest(receiver: Receiver, spool: Spool) -> None:
    first, second = image(), image()
    with association(receiver) as sender:
        sender.send_c_store(first)
        sender.abort()
    threading.Event().wait(2 * QUIET)
    assert not receiver.step()
    assert store(receiver, first, second) == [SUCCESS, SUCCESS]
    wait_until(receiver.step)
    (job,) = spool.jobs(State.READY)
    assert len(list(job.images.iterdir())) == 2


def test_an_object_that_was_not_sent_whole_is_not_kept(receiver: Receiver, spool: Spool) -> None:
    with association(receiver) as sender:
        send_pdu = sender.dul.socket.send
        sender.dul.socket.send = lambda data: send_pdu(data[:2000])  # the rest never comes
        threading.Thread(target=sender.send_c_store, args=(image(PixelData=bytes(50000)),), daemon=True).start()
        threading.Event().wait(0.5)
        sender.dul.socket.close()
        sender.is_established = False
    assert stored(spool) == []
    assert not list(spool.incoming.iterdir())
    assert store(receiver, image()) == [SUCCESS]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"called": "OTHER"}, "Called AE title not recognised"),
        ({"calling": "STRANGER"}, "Calling AE title not recognised"),
    ],
)
def test_who_may_send(options: dict[str, str], reason: str, spool: Spool) -> None:
    with Receiver(spool, ae_title="DIBMG", address=(LOOPBACK, 0), callers=["PACS", "MG 1"], quiet=QUIET) as receiver:
        assert store(receiver, image(), calling="MG 1") == [SUCCESS]
        with association(receiver, **{"calling": "PACS", **options}) as sender:
            assert sender.is_rejected
            assert sender.acceptor.primitive.reason_str == reason


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize(
    "uid",
    ["../../../tmp/x", "/etc/passwd", "..", ".", "", "1.2/3", "1.2\\3", "Doe^Jane", "1." * 32 + "1", "1.2.", "1\n2"],
)
def test_hostile_uids(
    uid: str, keyword: str, receiver: Receiver, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    before = sorted(spool.root.parent.rglob("*"))
    hostile = image()
    hostile[keyword].value = "1.2"
    hostile[keyword]._value = uid  # as it would come, unchecked
    with association(receiver) as sender, caplog.at_level(logging.INFO, logger="dibmg_monai"):
        status = _store_raw(sender, hostile)
    assert status == CANNOT_UNDERSTAND
    assert sorted(spool.root.parent.rglob("*")) == before
    assert "Doe" not in caplog.text
    assert store(receiver, image()) == [SUCCESS]


def _store_raw(sender: Association, dataset: Dataset) -> int:
    """C-STORE of a data set whose identifiers the sender does not check; the command names another object."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = IMAGE, "1.2.3.4.5"
    request.DataSet = BytesIO(encode(dataset, False, True))
    sender._reactor_checkpoint.clear()
    sender.dimse.send_msg(request, sender.accepted_contexts[0].context_id)
    _, response = sender.dimse.get_msg(block=True)
    sender._reactor_checkpoint.set()
    return int(response.Status)


def test_uids_that_break_the_rule_about_zeros_are_taken(receiver: Receiver, spool: Spool) -> None:
    assert store(receiver, image(StudyInstanceUID="1.02.003")) == [SUCCESS]
    assert spool.open_studies() == ["1.02.003"]


def test_what_is_no_data_set(receiver: Receiver, spool: Spool) -> None:
    with association(receiver) as sender:
        garbage = Dataset()
        garbage.add_new(0x00080018, "UI", "1.2.3")
        assert _store_raw(sender, garbage) == CANNOT_UNDERSTAND
    assert stored(spool) == []


@pytest.mark.parametrize("limit", [{"max_studies": 1}, {"max_bytes": 13000}])
def test_beyond_a_limit_the_sender_has_to_come_again(limit: dict[str, int], tmp_path: Path) -> None:
    with (
        new_spool(tmp_path / "small", **limit) as spool,
        Receiver(spool, ae_title="DIBMG", address=(LOOPBACK, 0), quiet=0.01) as receiver,
    ):
        more = image() if "max_studies" in limit else image(PixelData=bytes(9000))
        more.StudyInstanceUID = "1.2.4"
        assert store(receiver, image(), more, image()) == [SUCCESS, OUT_OF_RESOURCES, SUCCESS]
        assert spool.open_studies() == ["1.2.3"]
        wait_until(receiver.step)
        (job,) = spool.jobs(State.READY)
        spool.remove(job.folder)
        spool.measure()
        assert store(receiver, more) == [SUCCESS]


def test_a_disk_that_is_full(receiver: Receiver, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dibmg_monai.pacs.receiver.written", full)
    assert store(receiver, image()) == [OUT_OF_RESOURCES]
    monkeypatch.undo()
    assert store(receiver, image()) == [SUCCESS]


def test_nothing_of_the_patient_is_logged_or_named(
    receiver: Receiver, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        store(receiver, image())
        wait_until(receiver.step)
    assert "study 1.2.3: complete" in caplog.text
    for secret in ("Test", "Person", "TEST-1"):
        assert secret not in caplog.text
        assert not any(secret in path.name for path in spool.root.rglob("*"))


def test_what_lay_there_at_the_start_is_not_forgotten(spool: Spool, tmp_path: Path) -> None:
    address: tuple[str, int] = (LOOPBACK, 0)
    with Receiver(spool, ae_title="DIBMG", address=address, quiet=QUIET) as receiver:
        store(receiver, image())
    with Receiver(spool, ae_title="DIBMG", address=address, quiet=0.01) as receiver:
        wait_until(receiver.step)
    assert [job.study for job in spool.jobs(State.READY)] == ["1.2.3"]


def test_an_address_in_use(receiver: Receiver, spool: Spool) -> None:
    with pytest.raises(
        NodeError, match=rf"{LOOPBACK}:{receiver.port}: cannot be listened at \(Address already in use\)"
    ):
        Receiver(spool, ae_title="DIBMG", address=(LOOPBACK, receiver.port), quiet=QUIET)


def test_several_senders_at_a_time(receiver: Receiver, spool: Spool, tmp_path: Path) -> None:
    studies = [write_study(tmp_path / str(number), f"1.2.{number}") for number in range(6)]
    node = Node("DIBMG", LOOPBACK, receiver.port)
    threads = [threading.Thread(target=send, args=(paths, node)) for paths in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored(spool)) == 12
    complete: Callable[[], bool] = lambda: bool(receiver.step()) and not spool.open_studies()  # noqa: E731
    wait_until(complete)
    assert sorted(job.study for job in spool.jobs(State.READY)) == [f"1.2.{number}" for number in range(6)]
