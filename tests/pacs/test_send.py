import logging
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import StoragePresentationContexts
from pynetdicom.presentation import build_context
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

from dibmg_monai.errors import ImageError, NodeError
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import MAX_CONTEXTS, Delivery, Outcome, send
from tests.conftest import mammogram
from tests.pacs.listening import LOOPBACK, free_port, pacs, write_study

VIEWS = ("RCC", "RMLO", "LCC", "LMLO")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_study(tmp_path / "study", "1.2.3", views=VIEWS)


def test_every_object_arrives_as_it_is(files: list[Path]) -> None:
    with pacs() as peer:
        deliveries = send(files, peer.node)
    assert deliveries == [Delivery(path, Outcome.SENT, 0x0000) for path in files]
    assert [dataset.PixelData for dataset in peer.objects] == [dcmread(path).PixelData for path in files]
    assert peer.objects == [dcmread(path) for path in files]
    assert peer.associations == 1


def test_uncompressed_objects_are_written_as_the_node_wants_them(files: list[Path]) -> None:
    image = DigitalMammographyXRayImageStorageForPresentation
    with pacs(contexts=[build_context(image, ImplicitVRLittleEndian)]) as peer:
        send(files, peer.node)
    assert {dataset.PixelData for dataset in peer.objects} == {dcmread(files[0]).PixelData}
    assert {dataset.file_meta.TransferSyntaxUID for dataset in peer.objects} == {ImplicitVRLittleEndian}


def test_compressed_objects_stay_compressed(tmp_path: Path) -> None:
    path = tmp_path / "rle.dcm"
    mammogram(np.arange(24, dtype=np.uint16).reshape(6, 4), syntax=RLELossless).save_as(path, enforce_file_format=True)
    image = DigitalMammographyXRayImageStorageForPresentation
    with pacs(contexts=[build_context(image, [ExplicitVRLittleEndian, RLELossless])]) as peer:
        assert send([path], peer.node)[0].outcome is Outcome.SENT
    assert peer.objects[0].PixelData == dcmread(path).PixelData
    with pacs() as peer:
        (delivery,) = send([path], peer.node)
    assert str(delivery) == f"{path}: failed (no presentation context accepted)"


def test_one_kind_that_the_node_does_not_take_fails_alone(files: list[Path], tmp_path: Path) -> None:
    (capture,) = write_study(tmp_path / "sc", "1.2.3", views=["RCC"], SOPClassUID=SecondaryCaptureImageStorage)
    with pacs(contexts=[build_context(DigitalMammographyXRayImageStorageForPresentation)]) as peer:
        deliveries = send([capture, *files], peer.node)
    assert [delivery.outcome for delivery in deliveries] == [Outcome.FAILED] + 4 * [Outcome.SENT]


def test_statuses(files: list[Path]) -> None:
    with pacs() as peer:
        peer.answers = [0xB000, 0xA900, 0x0111, 0xC123]
        deliveries = send(files, peer.node)
    assert [str(delivery).partition(": ")[2] for delivery in deliveries] == [
        "sent with a warning (status 0xB000)",
        "failed (status 0xA900)",
        "sent (status 0x0111)",
        "failed (status 0xC123)",
    ]


@pytest.mark.parametrize("answer", [0xA700, 0xA7FF, -1])
def test_what_was_acknowledged_is_not_sent_again(answer: int, files: list[Path]) -> None:
    with pacs() as peer:
        peer.answers = [0x0000, 0xB007, answer]
        told: list[Delivery] = []
        deliveries = send(files, peer.node, pause=0.01, delivered=told.append)
    assert sorted(delivery.path for delivery in deliveries) == sorted(files)
    assert told == deliveries
    assert set(peer.counts.values()) == {1}
    assert len(peer.objects) == 4
    assert peer.associations == 2


def test_a_node_that_comes_up_late(files: list[Path]) -> None:
    node = Node("PACS", LOOPBACK, free_port())
    sending = threading.Thread(target=send, args=(files, node), kwargs={"pause": 0.1, "retries": 6})
    sending.start()
    threading.Event().wait(0.5)
    with pacs(port=node.port) as peer:
        sending.join()
        assert len(peer.objects) == 4


def test_what_was_tried_is_said(files: list[Path]) -> None:
    node = Node("PACS", LOOPBACK, free_port())
    told: list[Delivery] = []
    with pytest.raises(
        NodeError, match=rf"^PACS@127.0.0.1:{node.port}: 4 of 4 objects not sent; tried 3 times, it can"
    ):
        send(files, node, retries=2, pause=0.01)
    with pacs(ae_title="OTHER") as peer:
        node = Node("PACS", LOOPBACK, peer.node.port)
        with pytest.raises(
            NodeError, match=r"tried 1 times, it refused the association \(Rejected Permanent: Called AE"
        ):
            send(files, node, retries=0)
    with pacs() as peer:
        peer.answers = [0x0000] + 9 * [0xA702]
        with pytest.raises(
            NodeError, match=r"3 of 4 objects not sent; tried 2 times, it is out of resources \(status 0xA7"
        ):
            send(files, peer.node, retries=1, pause=0.01, delivered=told.append)
    assert [delivery.path for delivery in told] == files[:1]


def test_more_kinds_than_an_association_can_carry(tmp_path: Path) -> None:
    storage = (
        cx for cx in StoragePresentationContexts if uid_to_service_class(cx.abstract_syntax) is StorageServiceClass
    )
    contexts = list(islice(storage, 70))
    uids = [context.abstract_syntax for context in contexts]
    paths = [write_study(tmp_path / uid, uid, views=["RCC"], SOPClassUID=uid)[0] for uid in uids]
    assert 2 * len(paths) > MAX_CONTEXTS
    with pacs(contexts=contexts) as peer:
        deliveries = send(paths, peer.node)
    assert len(deliveries) == len(peer.objects) == 70
    assert peer.associations == 2


def test_an_object_that_breaks_the_association_does_not_keep_the_others_back(files: list[Path]) -> None:
    with pacs() as peer:
        peer.breaker = str(dcmread(files[0]).SOPInstanceUID)
        with pytest.raises(NodeError, match=r"1 of 4 objects not sent; tried 3 times, it broke the association"):
            send(files, peer.node, retries=2, pause=0.01)
    assert set(peer.counts.values()) == {1}
    assert len(peer.objects) == 3


def test_a_file_that_cannot_be_sent(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pacs() as peer, pytest.raises(ImageError, match=r"notes.txt: is not a DICOM file"):
        send([*files, tmp_path / "notes.txt"], peer.node)
    assert peer.objects == []


def test_nothing_of_the_patient_is_logged(files: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pacs() as peer:
        peer.answers = [0xA900]
        assert "Test^Person" not in " ".join(map(str, send(files, peer.node)))
    assert "Test^Person" not in caplog.text
    assert "TEST-1" not in caplog.text
