"""What something costs, in seconds, processor seconds and memory: a call in this process, or a command. Linux only."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psutil

Result = TypeVar("Result")
# New processes are forked from one that has imported what takes long, and has done nothing else.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["dibmg_monai.outputs.exam_files", "dibmg_monai.weights", "matplotlib.pyplot"])
MB = 1e6  # bytes
SHORT, MOST = 0.5, 10  # seconds that short calls are repeated for, and how often at most
SAMPLING = 0.05  # seconds between two looks at a command's memory


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Attributes:
        seconds: by the clock, the best of the repeats.
        cpu_seconds: of all threads and, for commands, of their child processes; the best of the repeats.
        memory: MB at the most. Of a call, above what its process had before; of a command, with its child processes.
    """

    seconds: float
    cpu_seconds: float
    memory: float


@dataclass(frozen=True)
class Sample:
    """A look at a running command.

    Attributes:
        seconds: since it began.
        memory: MB, with its child processes.
        progress: how far it was, as ``watch`` counts.
    """

    seconds: float
    memory: float
    progress: int


def measure(action: Callable[[], object], *, repeats: int) -> Cost:
    """Call something a few times, short things more often.

    In a new process (``apart``) no memory freed earlier hides what it takes.
    """
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak is counted from here
    before = _status("VmRSS")
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    while len(seconds) < repeats or (sum(seconds) < SHORT and len(seconds) < MOST):
        start, busy = time.perf_counter(), time.process_time()
        action()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - busy)
    return Cost(min(seconds), min(cpu_seconds), _status("VmHWM") - before)


def best(costs: Sequence[Cost]) -> Cost:
    """The least time of several runs of the same, and the most memory."""
    return Cost(
        min(cost.seconds for cost in costs), min(cost.cpu_seconds for cost in costs), max(cost.memory for cost in costs)
    )


def apart(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a new process, which has seen nothing of what was done before."""
    with ProcessPoolExecutor(1, mp_context=PROCESSES) as pool:
        return pool.submit(function, *arguments).result()


def command(
    words: Sequence[str | Path], *, log: Path, limit: float = float("inf"), watch: Callable[[], int] = lambda: 0
) -> tuple[Cost, list[Sample]]:
    """Run Python with some arguments, and look at its memory every now and then.

    Args:
        words: the arguments.
        log: gets what it says.
        limit: seconds after which it is ended, which is no error.
        watch: counts what it has done so far.

    Raises:
        SystemExit: if it fails.
    """
    samples = []
    with log.open("w", encoding="utf-8") as said:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *words], stdout=said, stderr=subprocess.STDOUT)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        while not ended:
            seconds = time.perf_counter() - start
            samples.append(Sample(seconds, _tree_memory(process.pid), watch()))
            if seconds > limit:
                os.kill(process.pid, signal.SIGTERM)  # Popen's own way waits for it, and keeps what it took
            time.sleep(SAMPLING)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and seconds < limit:
        tail = log.read_text(encoding="utf-8")[-2000:]
        raise SystemExit(f"{' '.join(map(str, words))} failed with exit code {process.returncode}:\n{tail}")
    peak = max((sample.memory for sample in samples), default=0.0)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak), samples


def _status(name: str) -> float:
    """VmRSS or VmHWM of this process (proc(5)), in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / MB for line in lines if line.startswith(f"{name}:"))


def _tree_memory(pid: int) -> float:
    """MB of a process and its descendants; what they share is counted once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += member.memory_full_info().pss
    return total / MB
