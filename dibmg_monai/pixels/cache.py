"""Preprocessed exams on disk, for training: decoded once, then read back in 16 bits."""

import functools
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dibmg_monai import __version__
from dibmg_monai.errors import writing
from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels.geometry import ViewGeometry, box_around
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing, black
from dibmg_monai.views import VIEWS, View

STORED = np.dtype("<u2")
HALF_RANGE = 65535 / 2  # stored 0..65535 is -1..1
ALIGNMENT = 64  # bytes; the pixels begin at a multiple of it


@dataclass(frozen=True)
class CachedPreprocessing:
    """A ``Preprocessing`` that keeps what it made of an exam in a file, and takes it from there the next time.

    Values, -1 to 1, come back with an error of at most 1.6e-5, a thirtieth of the step between two values of a 12-bit
    image. So this is for training, and for the validation within it; inference and evaluation preprocess every exam
    anew. Of each view the smallest rectangle is kept outside of which all is black.

    A file's name is a digest of all that its pixels depend on: the preprocessing, the package's version and the code
    of its ``pixels``, and of each view the file's path, size and time of change. What changes gets another file; the
    old one stays until someone removes it. A file gets its name when it is whole, so several processes may fill one
    folder, and is mapped into memory, so that all of them share the pages. Exams that cannot be read are not kept.

    Attributes:
        preprocessing: how exams are read.
        folder: where the files are; None: nothing is kept.
    """

    preprocessing: Preprocessing
    folder: str | Path | None

    @property
    def image_size(self) -> int:
        """S, the side of the square input in pixels."""
        return self.preprocessing.image_size

    def __call__(self, exam: Exam, *, pictures: bool = False) -> ExamInput:
        """The input of a whole exam, the same whether it was kept or is made now.

        Args:
            exam: whose files to read.
            pictures: make a picture of each image as well; they are not kept, so the exam is read anew.

        Raises:
            ImageError: if any of its images cannot be read.
            FolderError: if it cannot be kept.
        """
        if self.folder is None or pictures:
            return self.preprocessing(exam, pictures=pictures)
        try:
            path = Path(self.folder, f"{self._digest(exam)}.exam")
        except OSError:
            return self.preprocessing(exam)  # which says what is wrong with an exam's file
        kept = _read(path)
        if kept is None:
            kept = _Kept.of(self.preprocessing(exam))
            _write(kept, path)
        return kept.restored(self.image_size)

    def _digest(self, exam: Exam) -> str:
        files = [(view, str(exam.path(view).absolute()), exam.path(view).stat()) for view in exam.files]
        identity = {
            "code": _code(),
            "preprocessing": asdict(self.preprocessing),
            "files": [(view, path, status.st_size, status.st_mtime_ns) for view, path, status in files],
            "warnings": exam.warnings,
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Kept:
    """An ``ExamInput`` as it is on disk.

    Attributes:
        head: ``views``, each with ``box``, its first row and column and its rows and columns in the input, ``geometry``
            and ``voi``; and ``warnings``.
        pixels: those in the boxes, one after the other, as ``STORED``.
    """

    head: Mapping[str, Any]
    pixels: NDArray[np.uint16]

    @classmethod
    def of(cls, made: ExamInput) -> "_Kept":
        views, pixels = {}, []
        for view, geometry in made.geometries.items():
            stored = made.image[view.channel].add(1).mul(HALF_RANGE).round().clamp(0, 65535).numpy().astype(STORED)
            inside = box_around(stored > 0)
            cut = stored[inside]
            box = [*(side.start for side in inside), *cut.shape]
            views[view.value] = {"box": box, "geometry": geometry.to_tensor().tolist(), "voi": made.voi[view]}
            pixels.append(cut.ravel())
        return cls({"views": views, "warnings": made.warnings}, np.concatenate(pixels))

    def restored(self, image_size: int) -> ExamInput:
        image, start = black(len(VIEWS), image_size, image_size), 0
        for name, view in self.head["views"].items():
            top, left, rows, columns = view["box"]
            inside = image[View(name).channel, top : top + rows, left : left + columns]
            inside.numpy()[...] = self.pixels[start : start + rows * columns].reshape(rows, columns)
            inside.div_(HALF_RANGE).sub_(1)
            start += rows * columns
        views = {View(name): view for name, view in self.head["views"].items()}
        return ExamInput(
            image,
            torch.tensor([view in views for view in VIEWS]),
            {view: ViewGeometry.from_tensor(torch.tensor(kept["geometry"])) for view, kept in views.items()},
            {view: kept["voi"] for view, kept in views.items()},
            tuple(self.head["warnings"]),
        )


def _read(path: Path) -> _Kept | None:
    """What ``_write`` wrote; None if there is no such file, or one that is not whole."""
    try:
        with path.open("rb") as file:
            line = file.readline()
        head = json.loads(line)
        length = sum(view["box"][2] * view["box"][3] for view in head["views"].values())
        if path.stat().st_size != len(line) + length * STORED.itemsize:
            return None
        return _Kept(head, np.memmap(path, STORED, mode="r", offset=len(line), shape=(length,)))
    except (OSError, ValueError):
        return None


def _write(kept: _Kept, path: Path) -> None:
    """A line of JSON, filled up with blanks, and the pixels."""
    text = json.dumps(kept.head).encode()
    partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as file:
                file.write(text + b" " * (-(len(text) + 1) % ALIGNMENT) + b"\n")
                file.write(kept.pixels.data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@functools.cache
def _code() -> str:
    """A digest of the package's version and of the code that makes pixels."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
