"""Debian's Orthanc with its DICOMweb plugin, run for a test.

It answers on every address of its network, and asks nobody who they are. So it runs only where the network is the
test's own, with nothing in it but loopback: ``tests/pacs/alone`` makes such a one.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from dicomweb_client import DICOMwebClient

EXECUTABLE = Path("/usr/sbin/Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
LOOPBACK = "127.0.0.1"
AE_TITLE, DICOM_PORT, HTTP_PORT = "ORTHANC", 4242, 8042
START_SECONDS = 30
open_url = build_opener(ProxyHandler({})).open


@dataclass(frozen=True)
class Orthanc:
    """An Orthanc that runs."""

    url: str = f"http://{LOOPBACK}:{HTTP_PORT}"

    @property
    def dicomweb(self) -> DICOMwebClient:
        """QIDO-RS, WADO-RS and STOW-RS, by another library than what is tested."""
        return DICOMwebClient(f"{self.url}/dicom-web")

    def know(self, name: str, *, ae_title: str, port: int) -> None:
        """Tell it of another DICOM node on this machine."""
        self._ask("PUT", f"modalities/{name}", {"AET": ae_title, "Host": LOOPBACK, "Port": port})

    def reaches(self, name: str) -> bool:
        """Whether a node that it knows answers its C-ECHO."""
        try:
            self._ask("POST", f"modalities/{name}/echo", {"Timeout": 2})
        except HTTPError:
            return False
        return True

    def push(self, study_uid: str, *, to: str) -> None:
        """Have it send a study to a node that it knows, and wait until that is done."""
        found = self._ask("POST", "tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": study_uid}})
        self._ask("POST", f"modalities/{to}/store", {"Resources": found, "Synchronous": True})

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        with open_url(Request(f"{self.url}/{path}", data=body, method=method), timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def obstacle() -> str | None:
    """Why Orthanc cannot run here, if so."""
    for needed in (EXECUTABLE, PLUGIN):
        if not needed.exists():
            return f"there is no {needed}; Debian's orthanc and orthanc-dicomweb are needed"
    if others := [name for _, name in socket.if_nameindex() if name != "lo"]:
        return f"Orthanc would answer on {', '.join(others)}, too; tests/pacs/alone gives it a network of its own"
    return None


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """An empty Orthanc, until the context ends.

    Args:
        folder: an empty one, for its configuration, its log and what it stores.
    """
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings(folder)))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([EXECUTABLE, configuration], stdout=log, stderr=subprocess.STDOUT)
        try:
            orthanc = Orthanc()
            _wait_until_it_answers(orthanc, process, folder)
            yield orthanc
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def settings(folder: Path) -> dict[str, Any]:
    """A configuration that takes every object, once, from everybody on this machine."""
    return {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "DicomAet": AE_TITLE,
        "DicomPort": DICOM_PORT,
        "HttpPort": HTTP_PORT,
        "UnknownSopClassAccepted": True,
        "OverwriteInstances": True,
        "StableAge": 1,
    }


def _wait_until_it_answers(orthanc: Orthanc, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            open_url(f"{orthanc.url}/system", timeout=1).close()
        except URLError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Orthanc did not start: {(folder / 'orthanc.log').read_text(errors='replace')}")
