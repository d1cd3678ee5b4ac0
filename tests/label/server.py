"""MONAI Label's server with this app, run for a test, and asked over its REST API."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

REPOSITORY = Path(__file__).parents[2]
APP = REPOSITORY / "apps" / "label"
STAND_INS = Path(__file__).parent / "stand_ins"
LOOPBACK = "127.0.0.1"
START_SECONDS, TASK_SECONDS = 120, 240
PYTHON_FAILS = 1


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        url: of its API.
        work: the app's folder for labels, scores and weights.
        log: all that it says.
    """

    url: str
    work: Path
    log: Path

    def ask(self, method: str, path: str, *, status: int = 200, **options: Any) -> requests.Response:
        """One request; another status than expected is a failure that shows the answer."""
        answer = requests.request(method, self.url + path, timeout=TASK_SECONDS, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def infer(self, model: str, *, output: str = "json", status: int = 200, **asked: Any) -> requests.Response:
        """``infer("dib_mg", image=..., params={...}, files=...)``."""
        files, params = asked.pop("files", None), asked.pop("params", {})
        query = {"output": output, **asked}
        data = {"params": json.dumps(params)}
        return self.ask("POST", f"/infer/{model}", status=status, params=query, data=data, files=files)

    def label(self, image: str, params: str, *, file: bytes = b"", name: str = "label", status: int = 200) -> Any:
        """Submit a reader's label."""
        query, files = {"image": image}, {"label": (name, file)}
        return self.ask(
            "PUT", "/datastore/label", status=status, params=query, data={"params": params}, files=files
        ).json()

    def finished(self, task: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start a task, wait, and return its status with the last lines that it said."""
        self.ask("POST", f"/{task}/dib_mg", json=dict(request))
        end = time.monotonic() + TASK_SECONDS
        while time.monotonic() < end:
            found = self.ask("GET", f"/{task}/").json()
            if found["status"] not in ("SUBMITTED", "RUNNING"):
                return found
            time.sleep(0.5)
        raise AssertionError(f"{task} goes on and on: {found}")


@contextmanager
def running_server(folder: Path, studies: Path | str, **conf: str) -> Iterator[Server]:
    """A server on a port of its own, until the context ends.

    Args:
        folder: an empty one, for everything that it writes outside the app.
        studies: as ``monailabel start_server --studies`` takes it.
        conf: as its ``--conf``.
    """
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    server = Server(f"http://{LOOPBACK}:{port}", folder / "work", folder / "server.log")
    arguments = ["start_server", "--app", APP, "--studies", studies, "--host", LOOPBACK, "--port", str(port)]
    for name, value in {"work": str(server.work), **conf}.items():
        arguments += ["--conf", name, value]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "monailabel.main", *map(str, arguments)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(folder),
            cwd=folder,
        )
        try:
            wait_until_it_answers(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def environment(folder: Path) -> dict[str, str]:
    """This process's, with a home of its own; no scoring on every occasion; a stand-in where torchvision needs it."""
    found = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    stand_ins = {} if torchvision_fits() else {"PYTHONPATH": str(STAND_INS)}
    threads = {"OMP_NUM_THREADS": "1"}
    return {**found, **stand_ins, **threads, "HOME": str(folder), "MONAI_LABEL_AUTO_UPDATE_SCORING": "false"}


def torchvision_fits() -> bool:
    """Whether torchvision can be imported beside the torch that is here."""
    done = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, check=False)
    return done.returncode != PYTHON_FAILS


def wait_until_it_answers(server: Server, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            requests.get(f"{server.url}/openapi.json", timeout=START_SECONDS).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server did not start: {server.log.read_text(errors='replace')}")
