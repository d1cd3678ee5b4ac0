"""However a view is stored, the network sees the same, and what it points at leads back to the same tissue.

Orientation, polarity, values of interest, bit depth, sign and transfer syntax are varied together. Each variant is one
file, read through the whole of preprocessing and compared with the phantom as it was drawn.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dibmg_monai.exams.exam import Exam
from dibmg_monai.phantom import make_phantom
from dibmg_monai.pixels.geometry import Orientation, resize, transform_points
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing
from dibmg_monai.views import VIEWS, Laterality, Projection, View
from tests.conftest import mammogram
from tests.pixels.encoding import by_gdcm

SIZE, ROWS = 128, 256
SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEG2000Lossless,
    JPEGLSLossless,
]
ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]
OPPOSITE = str.maketrans("APRLHF", "PALRFH")
PHANTOM = make_phantom(3, cancer=True, rows=ROWS)


@dataclass(frozen=True)
class Variant:
    """One way to store a view."""

    view: View
    orientation: Orientation
    inverted: bool
    voi: str
    bits: int
    signed: bool
    syntax: UID

    def __str__(self) -> str:
        turned = "".join("tfm"[i] for i, on in enumerate(vars(self.orientation).values()) if on) or "-"
        polarity = f"MONOCHROME{1 if self.inverted else 2}"
        return (
            f"{self.view} {turned} {polarity} {self.voi} {'i' if self.signed else 'u'}{self.bits} {self.syntax.keyword}"
        )


def variants(*, every: int = 1) -> list[Variant]:
    """All orientations x polarities x values of interest; views, depths, signs and syntaxes take turns."""
    grid = itertools.product(ORIENTATIONS, (False, True), ("full range", "window", "rescaled window", "VOI LUT"))
    return [
        Variant(
            VIEWS[(n + n // len(VIEWS)) % len(VIEWS)],
            orientation,
            inverted,
            voi,
            bits=(10, 12, 14, 16, 12)[n % 5],
            signed=n % 3 == 2,
            syntax=SYNTAXES[n % len(SYNTAXES)],
        )
        for n, (orientation, inverted, voi) in enumerate(grid)
    ][::every]


def drawn(view: View) -> NDArray[np.float64]:
    """(rows, columns) in [0, 1], canonical: a phantom view with a bright square in the breast."""
    image = PHANTOM.views[view].image[:, 1:].astype(np.float64).clip(0, 1)  # an even number of columns
    wall = image.shape[1] - 1 if view.laterality is Laterality.R else 0
    image[100:108, abs(wall - 20) - 4 : abs(wall - 20) + 4] = 1.0
    return image


def patient_orientation(variant: Variant) -> list[str]:
    """Of the stored rows and columns."""
    right = variant.view.laterality is Laterality.R
    across, down = "P" if right else "A", "L" if right else "R"
    if variant.view.projection is Projection.MLO:
        down = "F" + down
    if variant.orientation.flip_columns:
        across = across.translate(OPPOSITE)
    if variant.orientation.flip_rows:
        down = down.translate(OPPOSITE)
    return [down, across] if variant.orientation.transpose else [across, down]


def stored_as(variant: Variant, gray: NDArray[np.float64]) -> Dataset:
    """A mammogram in which this gray, canonical, is stored as the variant says."""
    white, lowest = (1 << variant.bits) - 1, -(1 << (variant.bits - 1)) if variant.signed else 0
    shown = 1 - gray if variant.inverted else gray
    header: dict[str, object] = {}
    if variant.voi == "full range":
        values = shown * white + lowest
    elif variant.voi == "VOI LUT":
        values = np.sqrt(shown) * white + lowest
        entries = (np.linspace(0, 1, white + 1) ** 2 * 65535).round().astype("<u2")
        item = Dataset()
        item.add_new("LUTDescriptor", "SS" if lowest < 0 else "US", [len(entries) % 65536, lowest, 16])
        item.add_new("LUTData", "OW", entries.tobytes())
        header["VOILUTSequence"] = [item]
    else:
        slope, intercept = (0.5, -100) if variant.voi == "rescaled window" else (1, 0)
        low, high = lowest + white // 4, lowest + 3 * white // 4
        values = low + shown * (high - low)
        header |= {"WindowCenter": (low + high) / 2 * slope + intercept, "WindowWidth": (high - low) * slope}
        header |= {"VOILUTFunction": "LINEAR_EXACT", "RescaleSlope": slope, "RescaleIntercept": intercept}
    pixels = variant.orientation.undo(torch.from_numpy(values.round().astype(np.int64))).numpy()
    return mammogram(
        np.ascontiguousarray(pixels).astype(np.int16 if variant.signed else np.uint16),
        view=str(variant.view),
        PhotometricInterpretation="MONOCHROME1" if variant.inverted else "MONOCHROME2",
        BitsStored=variant.bits,
        HighBit=variant.bits - 1,
        PatientOrientation=patient_orientation(variant),
        **header,
    )


def read_back(dataset: Dataset, variant: Variant, folder: Path) -> ExamInput:
    """Through a file in the variant's syntax."""
    if variant.syntax.is_encapsulated:
        dataset = by_gdcm(dataset, variant.syntax, folder=folder)
    dataset.file_meta.TransferSyntaxUID = variant.syntax
    dataset.save_as(folder / "x.dcm", enforce_file_format=True)
    assert pydicom.dcmread(folder / "x.dcm").file_meta.TransferSyntaxUID == variant.syntax
    return Preprocessing(image_size=SIZE)(Exam("x", folder, {variant.view: Path("x.dcm")}))


def expected_input(view: View, gray: NDArray[np.float64]) -> torch.Tensor:
    """(S, S): the paper's words, written for a canonical image of more rows than columns."""
    columns = round(gray.shape[1] * SIZE / gray.shape[0])
    scaled = resize(torch.from_numpy(gray).float()[None, None], (SIZE, columns))[0, 0] * 2 - 1
    padding = torch.full((SIZE, SIZE - columns), -1.0)
    return torch.cat([padding, scaled] if view.laterality is Laterality.R else [scaled, padding], dim=1)


@pytest.mark.parametrize("variant", variants(), ids=str)
def test_the_network_sees_the_same(variant: Variant, tmp_path: Path) -> None:
    """Within one step of the stored depth: at 10 bits 2 / 1023 of the range -1 to 1."""
    gray = drawn(variant.view)
    loaded = read_back(stored_as(variant, gray), variant, tmp_path)
    assert loaded.warnings == ()
    assert loaded.voi[variant.view].startswith(variant.voi.removeprefix("rescaled "))
    step = 1 / ((1 << variant.bits) - 1)
    expected = expected_input(variant.view, gray)
    torch.testing.assert_close(loaded.image[variant.view.channel], expected, atol=2.1 * step + 1e-4, rtol=0)
    assert_leads_back(loaded, variant, gray, shape=gray.shape)


@pytest.mark.parametrize("variant", variants(every=11), ids=str)
@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "PixelAspectRatio"])
@pytest.mark.parametrize("tall", [False, True])
def test_pixels_that_are_not_square(variant: Variant, keyword: str, tall: bool, tmp_path: Path) -> None:
    """Half as many canonical rows, or columns, of pixels twice as high, or wide."""
    gray = drawn(variant.view)
    halved = gray.reshape(ROWS // 2, 2, -1).mean(axis=1) if tall else gray.reshape(ROWS, -1, 2).mean(axis=2)
    height, width = (2, 1) if tall else (1, 2)
    if variant.orientation.transpose:
        height, width = width, height
    dataset = stored_as(variant, halved)
    setattr(dataset, keyword, [height, width])
    loaded = read_back(dataset, variant, tmp_path)
    assert loaded.warnings == ()
    assert_leads_back(loaded, variant, gray, shape=halved.shape)
    difference = (loaded.image[variant.view.channel] - expected_input(variant.view, gray)).abs()
    assert difference.mean() < 0.01


def assert_leads_back(
    loaded: ExamInput, variant: Variant, gray: NDArray[np.float64], *, shape: tuple[int, ...]
) -> None:
    """The bright square is in the input where the geometry says, from the place where the file has it."""
    geometry = loaded.geometries[variant.view]
    middle = np.argwhere(gray == 1.0).mean(axis=0)  # canonical, of square pixels
    canonical = [(place + 0.5) * side / full - 0.5 for place, side, full in zip(middle, shape, gray.shape, strict=True)]
    stored = np.zeros(shape)
    stored[tuple(round(place) for place in canonical)] = 1
    row, column = np.argwhere(variant.orientation.undo(torch.from_numpy(stored)).numpy() == 1)[0]
    image = loaded.image[variant.view.channel]
    bright = (image > 0.9 * image.max()).nonzero().double().mean(dim=0).tolist()
    found = transform_points(np.linalg.inv(geometry.source_to_input), *bright)
    assert np.abs(np.subtract(found, (row, column))).max() <= 1.0  # of the file's own pixels
    cells = (16, 16)
    cell = [int((place + 0.5) * 16 / SIZE) for place in bright]
    back = transform_points(geometry.cell_to_source(cells), *cell)
    reach = SIZE / 16 / 2 * max(geometry.source_rows, geometry.source_columns) / SIZE * 2
    assert np.abs(np.subtract(back, (row, column))).max() <= reach
