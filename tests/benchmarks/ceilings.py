"""What this machine can do at best, by the simplest code that does nothing else."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pydicom
import torch
from cost import apart, measure
from pydicom.misc import is_dicom
from settings import Settings
from tables import Table

GEMM_SIDE = 2048
COPIED = 256_000_000  # bytes
REPEATS = 5


@dataclass(frozen=True)
class Ceilings:
    """Rates of this machine.

    Attributes:
        threads: of PyTorch.
        gemm, gemm_bfloat16: GFLOP/s, a matrix product of 2048 x 2048.
        copy: GB/s, read and written bytes counted apart.
        files: GB/s, reading the exam's files, which the system has in memory.
        decode: megapixels/s, pydicom's pixel_array of the exam's files.
        deflate: MB/s, zlib's level 6 on the exam's pixels, 8 bits each.
    """

    threads: int
    gemm: float
    gemm_bfloat16: float
    copy: float
    files: float
    decode: float
    deflate: float


@cache
def measured(settings: Settings) -> Ceilings:
    """Measured once a run."""
    return apart(_measure, settings)


def run(settings: Settings) -> Iterator[Table]:
    """One table."""
    found = measured(settings)
    yield Table(
        f"What this machine can do: {found.threads} threads",
        ("ceiling", "rate", "unit", "how"),
        (
            ("GEMM, float32", found.gemm, "GFLOP/s", f"torch, {GEMM_SIDE} x {GEMM_SIDE}"),
            ("GEMM, bfloat16", found.gemm_bfloat16, "GFLOP/s", f"torch, {GEMM_SIDE} x {GEMM_SIDE}"),
            ("memory copy", found.copy, "GB/s", "torch's copy_ of 256 MB, read and written bytes counted"),
            ("files", found.files, "GB/s", "reading the exam's files, which are in the page cache"),
            ("decoding", found.decode, "megapixels/s", "pydicom's pixel_array of the exam's files, one thread"),
            ("deflate", found.deflate, "MB/s", "zlib's level 6 on the exam's pixels at 8 bits, one thread"),
        ),
    )


def _measure(settings: Settings) -> Ceilings:
    paths = [path for path in sorted(settings.study.rglob("*")) if path.is_file()]
    paths = [path for path in paths if is_dicom(path)]
    source = torch.ones(COPIED // 4)
    target = torch.zeros_like(source)
    pixels = [pydicom.dcmread(path).pixel_array for path in paths]
    gray = np.concatenate([(image >> max(0, 8 * image.itemsize - 8)).astype(np.uint8).ravel() for image in pixels])
    gray = gray[:10_000_000].tobytes()
    read = _seconds(lambda: [path.read_bytes() for path in paths])
    decoded = _seconds(lambda: [pydicom.dcmread(path).pixel_array for path in paths])
    return Ceilings(
        threads=torch.get_num_threads(),
        gemm=_gemm(torch.float32),
        gemm_bfloat16=_gemm(torch.bfloat16),
        copy=2 * COPIED / 1e9 / _seconds(lambda: target.copy_(source)),
        files=sum(path.stat().st_size for path in paths) / 1e9 / read,
        decode=sum(image.size for image in pixels) / 1e6 / decoded,
        deflate=len(gray) / 1e6 / _seconds(lambda: zlib.compress(gray, 6)),
    )


def _gemm(kind: torch.dtype) -> float:
    left, right = (torch.rand(GEMM_SIDE, GEMM_SIDE).to(kind) for _ in range(2))
    return 2 * GEMM_SIDE**3 / 1e9 / _seconds(lambda: left @ right)


def _seconds(action: Callable[[], object]) -> float:
    return measure(action, repeats=REPEATS).seconds
