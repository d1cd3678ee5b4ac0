"""The listener's ear: C-ECHO and C-STORE, every object on the disk before it is acknowledged."""

import logging
import threading
from collections.abc import Collection
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import cast

from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from dibmg_monai.errors import ImageError, NodeError
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.pacs.accepted import SOP_CLASSES, TRANSFER_SYNTAXES
from dibmg_monai.pacs.arrivals import Arrivals
from dibmg_monai.pacs.durable import written
from dibmg_monai.pacs.spool import UID, Spool

log = logging.getLogger("dibmg_monai.pacs")

VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
MAX_ASSOCIATIONS = 10  # at a time; an object is in memory while it is received
MAX_PDU = 131072  # bytes
TIMEOUT = 60  # seconds that a sender may be silent
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000  # PS3.4 B.2.3


class Receiver:
    """Receives studies into a spool, until it is closed.

    Args:
        spool: where to.
        ae_title: senders have to call this one.
        address: host and port to listen at; port 0 lets the system choose.
        callers: AE titles that may send; none: all.
        quiet: seconds without an object after which a study is complete; see ``Arrivals``.

    Raises:
        NodeError: if the address cannot be listened at.
    """

    def __init__(
        self, spool: Spool, *, ae_title: str, address: tuple[str, int], callers: Collection[str] = (), quiet: float
    ) -> None:
        self.spool = spool
        self.arrivals = Arrivals(quiet)
        self._lock = threading.RLock()  # of the arrivals, and of the folder where studies are received
        for study in spool.open_studies():
            self.arrivals.found(study)
        self._entity = _entity(ae_title, callers=callers)
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]
        try:
            self._server = self._entity.start_server(address, block=False, evt_handlers=handlers)
        except OSError as error:
            host, port = address
            raise NodeError(f"{host}:{port}: cannot be listened at ({error.strerror}); name another address") from error
        self.port: int = cast(ThreadedAssociationServer, self._server).server_address[1]

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entity.shutdown()

    def step(self) -> bool:
        """Make jobs of the studies that are complete."""
        with self._lock:
            studies = self.arrivals.complete()
            for study in studies:
                self.spool.complete(study)
                log.info("study %s: complete", study)
        return bool(studies)

    def _store(self, event: Event) -> int:
        """Take one object. Success means that it will survive whatever happens now."""
        data = cast(BytesIO, cast(C_STORE, event.request).DataSet).getbuffer()
        if not self.spool.has_room(data.nbytes):
            return self._refuse(event, "the spool is full")
        part = self.spool.new_part()
        try:
            with written(part) as file:
                file.write(b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta))
                file.write(data)
            study, instance = _identifiers(part)
            if not UID.fullmatch(study) or not UID.fullmatch(instance):
                log.warning("an object was refused: its StudyInstanceUID or SOPInstanceUID is missing or no UID")
                return CANNOT_UNDERSTAND
            with self._lock:
                if not self.spool.may_open(study):
                    return self._refuse(event, "too many studies are waiting")
                self.spool.add(part, study=study, instance=instance)
                self.arrivals.came(study, event.assoc)
            return SUCCESS
        except ImageError:
            log.warning("an object was refused: it cannot be read")
            return CANNOT_UNDERSTAND
        except OSError as error:
            return self._refuse(event, error.strerror or type(error).__name__)
        finally:
            part.unlink(missing_ok=True)

    def _refuse(self, event: Event, reason: str) -> int:
        log.warning("an object was refused, to be sent again later: %s", reason)
        with self._lock:
            self.arrivals.refused(event.assoc)
        return OUT_OF_RESOURCES

    def _released(self, event: Event) -> None:
        with self._lock:
            self.arrivals.released(event.assoc)

    def _closed(self, event: Event) -> None:
        with self._lock:
            self.arrivals.closed(event.assoc)


def _identifiers(path: Path) -> tuple[str, str]:
    """StudyInstanceUID and SOPInstanceUID of a file, whatever they are.

    Raises:
        ImageError: if it cannot be read.
    """
    header, _ = open_dicom(path, keywords=("SOPClassUID", "StudyInstanceUID", "SOPInstanceUID"))
    with parsing(path):
        return str(header.get("StudyInstanceUID")), str(header.get("SOPInstanceUID"))


def _entity(ae_title: str, *, callers: Collection[str]) -> AE:
    """What this side is called, whom it lets in, and what it takes."""
    entity = AE(ae_title=ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(callers)
    entity.maximum_associations, entity.maximum_pdu_size = MAX_ASSOCIATIONS, MAX_PDU
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT
    entity.add_supported_context(VERIFICATION)
    for sop_class in SOP_CLASSES:
        entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    return entity
