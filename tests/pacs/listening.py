"""What tests of sending and listening share: mammograms on disk, a PACS to send to, a listener in a process."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext, build_context

from dibmg_monai.pacs.accepted import SOP_CLASSES
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.spool import GIB, Spool
from tests.conftest import mammogram

LOOPBACK = "127.0.0.1"


def write_study(folder: Path, uid: str, *, views: Sequence[str] = ("RCC", "LCC"), **attributes: object) -> list[Path]:
    """A study of small mammograms, files named by view."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{view}.dcm" for view in views]
    for view, path in zip(views, paths, strict=True):
        image = mammogram(np.zeros((6, 4), np.uint16), view=view, StudyInstanceUID=uid, **attributes)
        image.save_as(path, enforce_file_format=True)
    return paths


def new_spool(root: Path, *, max_studies: int = 100, max_bytes: int = GIB) -> Spool:
    return Spool(root, max_studies=max_studies, max_bytes=max_bytes)


def receive(spool: Spool, paths: Sequence[Path], *, study: str) -> None:
    """What the receiver does with objects that come in."""
    for path in paths:
        part = spool.new_part()
        part.write_bytes(path.read_bytes())
        spool.add(part, study=study, instance=instance_uid(path))


def instance_uid(path: Path) -> str:
    return str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def wait_until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass
class Pacs:
    """A storage SCP that remembers what it was sent.

    Attributes:
        node: where it is.
        objects: what came, in order.
        answers: statuses to give, one a request, -1 to abort the association; then success.
        breaker: a SOPInstanceUID to abort the association at.
    """

    node: Node
    objects: list[Dataset] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    breaker: str = ""
    associations: int = 0

    @property
    def counts(self) -> Counter[str]:
        """SOPInstanceUID -> how often it came."""
        return Counter(str(dataset.SOPInstanceUID) for dataset in self.objects)

    def store(self, event: evt.Event) -> int:
        status = self.answers.pop(0) if self.answers else 0x0000
        if status < 0 or event.request.AffectedSOPInstanceUID == self.breaker:
            event.assoc.abort()
            return 0x0000
        if status == 0x0000 or status & 0xF000 == 0xB000:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.objects.append(dataset)
        return status

    def accepted(self, event: evt.Event) -> None:
        self.associations += 1


@contextmanager
def pacs(*, port: int = 0, ae_title: str = "PACS", contexts: Sequence[PresentationContext] = ()) -> Iterator[Pacs]:
    entity = AE(ae_title=ae_title)
    entity.require_called_aet = True
    supported = list(contexts) or [build_context(sop_class) for sop_class in SOP_CLASSES]
    peer = Pacs(Node(ae_title, LOOPBACK, port))
    server = entity.start_server(
        (LOOPBACK, port),
        block=False,
        contexts=supported,
        evt_handlers=[(evt.EVT_C_STORE, peer.store), (evt.EVT_ACCEPTED, peer.accepted)],
    )
    peer.node = Node(ae_title, LOOPBACK, server.server_address[1])
    try:
        yield peer
    finally:
        entity.shutdown()
