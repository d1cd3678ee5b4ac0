"""DICOM files to a node by C-STORE (PS3.4 Annex B), with patience where it may help and a clear failure where not."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from dibmg_monai.errors import ImageError, NodeError
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.pacs.node import Node

log = logging.getLogger("dibmg_monai.pacs")

AE_TITLE = "DIBMG"
RETRIES, PAUSE, LONGEST_PAUSE = 4, 2.0, 300.0  # pauses in seconds; each is twice the one before
TIMEOUT = 60  # seconds for an answer; 10 for a connection
MAX_CONTEXTS = 128  # of an association: odd numbers of one byte (PS3.8 9.3.2.2)
UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)  # each can be written as the other without loss
SUCCESS, DUPLICATE = 0x0000, 0x0111  # PS3.7 C: the second is how some archives say that they have it already

ContextKey = tuple[str, str]  # SOP class, transfer syntax


class Outcome(StrEnum):
    """What became of an object."""

    SENT = "sent"
    WARNING = "sent with a warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """What the node said to one object.

    Attributes:
        path: the file.
        outcome: with a warning, the node has it too.
        status: of the C-STORE response (PS3.4 B.2.3); None if the node never took a request for it.
    """

    path: Path
    outcome: Outcome
    status: int | None

    def __str__(self) -> str:
        status = "no presentation context accepted" if self.status is None else f"status 0x{self.status:04X}"
        return f"{self.path}: {self.outcome} ({status})"


@dataclass(frozen=True)
class Parcel:
    """A file to send."""

    path: Path
    sop_class: UID
    syntax: UID

    @staticmethod
    def of(path: Path) -> "Parcel":
        """The parcel that a file is.

        Raises:
            ImageError: if it is no DICOM file, or does not say what it is.
        """
        header, _ = open_dicom(path, keywords=("SOPClassUID", "SOPInstanceUID"))
        for keyword in ("SOPClassUID", "SOPInstanceUID"):
            if not header.get(keyword):
                raise ImageError(path, f"{keyword} is missing; a DICOM object needs it to be sent", code="no-uid")
        if "TransferSyntaxUID" not in header.file_meta:
            raise ImageError(path, "TransferSyntaxUID (0002,0010) is missing; a DICOM file with preamble is needed")
        return Parcel(path, header.SOPClassUID, header.file_meta.TransferSyntaxUID)

    @property
    def contexts(self) -> tuple[ContextKey, ...]:
        """What can carry it, one presentation context each: compressed pixels stay as they are."""
        syntaxes = UNCOMPRESSED if self.syntax in UNCOMPRESSED else (self.syntax,)
        return tuple((self.sop_class, syntax) for syntax in syntaxes)


def send(
    paths: Sequence[Path],
    node: Node,
    *,
    calling: str = AE_TITLE,
    retries: int = RETRIES,
    pause: float = PAUSE,
    delivered: Callable[[Delivery], None] = lambda delivery: None,
) -> list[Delivery]:
    """Send DICOM files to a node.

    Tried again, after a pause: a node that cannot be reached, refuses or breaks the association, or is out of resources
    (status A7xx). What the node has acknowledged is not sent again.

    Args:
        paths: the files.
        node: where to.
        calling: this side's AE title.
        retries: how many times to try again.
        pause: seconds before the first retry.
        delivered: told of every object at once.

    Returns:
        What became of each object. A failure here is the node's last word on it.

    Raises:
        ImageError: if a file cannot be sent at all; nothing is sent then.
        NodeError: if objects are left after the last retry.
    """
    pending = [Parcel.of(path) for path in paths]
    deliveries: list[Delivery] = []

    def note(delivery: Delivery) -> None:
        deliveries.append(delivery)
        delivered(delivery)

    for attempt in range(retries + 1):
        if attempt:
            time.sleep(min(pause * 2 ** (attempt - 1), LONGEST_PAUSE))
        obstacle = ""
        for parcels in _batches(pending):
            obstacle = _deliver(parcels, node, calling=calling, note=note) or obstacle
        done = {delivery.path for delivery in deliveries}
        pending = [parcel for parcel in pending if parcel.path not in done]
        pending = pending[1:] + pending[:1]  # should one object break every association, the others go before it
        if not pending:
            return deliveries
    raise NodeError(f"{node}: {len(pending)} of {len(paths)} objects not sent; tried {retries + 1} times, {obstacle}")


def send_all(paths: Sequence[Path], node: Node, *, calling: str = AE_TITLE, retries: int = RETRIES) -> None:
    """Send DICOM files to a node, log what becomes of each, and take nothing less than all.

    Raises:
        ImageError: if a file cannot be sent at all; nothing is sent then.
        NodeError: if the node did not take all of them.
    """
    deliveries = send(
        paths, node, calling=calling, retries=retries, delivered=lambda delivery: log.info("%s", delivery)
    )
    failed = [delivery for delivery in deliveries if delivery.outcome is Outcome.FAILED]
    if failed:
        raise NodeError(f"{node}: did not take {len(failed)} of {len(paths)} objects, first {failed[0]}")
    log.info("%d objects sent to %s", len(paths), node)


def _batches(parcels: Sequence[Parcel]) -> Iterator[list[Parcel]]:
    """Parcels that one association can carry, in their order."""
    batch: list[Parcel] = []
    contexts: set[ContextKey] = set()
    for parcel in parcels:
        if len(contexts.union(parcel.contexts)) > MAX_CONTEXTS:
            yield batch
            batch, contexts = [], set()
        batch.append(parcel)
        contexts.update(parcel.contexts)
    if batch:
        yield batch


def _deliver(parcels: Sequence[Parcel], node: Node, *, calling: str, note: Callable[[Delivery], None]) -> str:
    """Send as many parcels as go over one association; what stood in the way of the rest, or nothing."""
    keys = dict.fromkeys(key for parcel in parcels for key in parcel.contexts)
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT
    entity.connection_timeout = 10
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in keys]
    association = entity.associate(node.host, node.port, contexts, ae_title=node.ae_title)
    accepted = _accepted(association.accepted_contexts)
    if not association.is_established and not (association.rejected_contexts and not accepted):
        return _no_association(association)
    try:
        for number, parcel in enumerate(parcels, start=1):
            if accepted.isdisjoint(parcel.contexts):
                note(Delivery(parcel.path, Outcome.FAILED, None))
                continue
            status = _store(association, parcel, number=number)
            if status is None:
                return "it broke the association"
            if 0xA700 <= status <= 0xA7FF:
                return f"it is out of resources (status 0x{status:04X})"
            note(Delivery(parcel.path, _outcome(status), status))
    finally:
        if association.is_established:
            association.release()
    return ""


def _accepted(contexts: Sequence[PresentationContext]) -> set[ContextKey]:
    return {(str(context.abstract_syntax), str(context.transfer_syntax[0])) for context in contexts}


def _no_association(association: Association) -> str:
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        return f"it refused the association ({answer.result_str}: {answer.reason_str})"
    return "it cannot be reached, or broke the connection"


def _store(association: Association, parcel: Parcel, *, number: int) -> int | None:
    """The status of one C-STORE; None if the association broke."""
    with parsing(parcel.path):
        dataset = dcmread(parcel.path)
        if not association.is_established:
            return None
        try:
            response = association.send_c_store(dataset, msg_id=number % 65536)
        except RuntimeError:  # pynetdicom's word for an association that broke just now
            return None
    return int(response.Status) if "Status" in response else None


def _outcome(status: int) -> Outcome:
    if status in (SUCCESS, DUPLICATE):
        return Outcome.SENT
    return Outcome.WARNING if 0xB000 <= status <= 0xBFFF else Outcome.FAILED
