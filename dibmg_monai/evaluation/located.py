"""Views with what a model found in them beside what is there: all that figures of localisation are made from."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from dibmg_monai.errors import DatalistError, DibmgError
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.maps import CellMap, read_map
from dibmg_monai.evaluation.regions import Region, is_annotated, read_lesions, union
from dibmg_monai.exams.image_file import Frame, read_frame
from dibmg_monai.pixels.orientation import breast_mask, overview_grid
from dibmg_monai.pixels.reader import read_image


@dataclass(frozen=True)
class Tolerance:
    """How far from the lesion a point still counts as a hit: from the center of its pixel to the lesion's nearest.

    Raises:
        DibmgError: if it is less than nothing.
    """

    distance: float = 0.0
    unit: Literal["px", "mm"] = "px"

    def __post_init__(self) -> None:
        if not self.distance >= 0:
            raise DibmgError(f"the tolerance is {self}; 0 or more is needed")

    def __str__(self) -> str:
        return f"{self.distance:g} {self.unit}"

    @property
    def hit(self) -> str:
        """Where a hit is, in words."""
        return f"within {self} of the lesion" if self.distance else "in the lesion"


@dataclass(frozen=True)
class LocatedView:
    """A view of an exam without cancer, or one whose lesions are known.

    Attributes:
        case: the exam.
        view: which view.
        lesions: none if the exam has no cancer.
        targets: the lesions with the tolerance around them: points in one are hits.
        peak: (row, column) of the map's peak, in source pixels.
        shape: (rows, columns) of the image; None without lesions and image.
        dib: the DIB map; None if inference wrote none, or the image is not there to say how large it is.
        breast: of a view with lesions, where the breast is, bool; None if the image is not there, or shows no breast.
    """

    case: Case
    view: str
    lesions: tuple[Region, ...]
    targets: tuple[Region, ...]
    peak: tuple[float, float]
    shape: tuple[int, int] | None
    dib: CellMap | None
    breast: CellMap | None

    @cached_property
    def lesion(self) -> Region:
        """All lesions; there has to be one."""
        return union(self.lesions)

    @cached_property
    def target(self) -> Region:
        """All targets; there has to be one."""
        return union(self.targets)

    @cached_property
    def breast_area(self) -> float:
        """The breast's pixels; nan if it is not known where the breast is."""
        return math.nan if self.breast is None else float(self.breast.areas()[self.breast.values].sum())

    def share_of_image(self, region: Region) -> float:
        """The part of the image that a region covers; nan if it is not known how large the image is."""
        return region.area / math.prod(self.shape) if self.shape else math.nan

    def share_of_breast(self, region: Region) -> float:
        """The part of the breast that a region covers; nan if it is not known where the breast is."""
        return self.area_in_breast(region) / self.breast_area

    def area_in_breast(self, region: Region) -> float:
        """A region's pixels on the breast; nan if it is not known where the breast is."""
        return math.nan if self.breast is None else float(self.breast.areas(region)[self.breast.values].sum())


def read_views(
    cases: Sequence[Case], *, results_dir: Path, dataset_dir: Path, tolerance: Tolerance
) -> Iterator[LocatedView]:
    """Read the views that localisation can be measured in, one after another.

    Views of cancers without a mask or region are left out: where their lesions are is not known.

    Args:
        cases: exams with results.
        results_dir: the folder that the maps are relative to.
        dataset_dir: the folder that images and masks are relative to.
        tolerance: millimeters need ``spacing_mm`` in the datalist, the distance between pixels, or else in the header.

    Raises:
        ImageError: if an image, mask or map is damaged.
        DatalistError: if masks or regions do not fit their image, or millimeters are wanted and it is not known how
            large the pixels are.
    """
    for case in cases:
        for view in case.result["views"]:
            if is_annotated(case.entry, view) or case.label == 0:
                yield read_view(case, view, results_dir=results_dir, dataset_dir=dataset_dir, tolerance=tolerance)


def read_view(case: Case, view: str, *, results_dir: Path, dataset_dir: Path, tolerance: Tolerance) -> LocatedView:
    """One view of an exam; without lesions if the datalist says of none. Arguments and errors as in ``read_views``."""
    found, image = case.result["views"][view], dataset_dir / case.entry.get(view, "")
    frame = read_frame(image) if image.is_file() else None
    shape = frame.shape if frame else None
    lesions: tuple[Region, ...] = ()
    targets: tuple[Region, ...] = ()
    breast = None
    peak = found["peak_row"], found["peak_column"]
    if is_annotated(case.entry, view):
        lesions, shape = read_lesions(case.entry, view, dataset_dir=dataset_dir, shape=shape)
        _check_peak(case, view, peak=peak, shape=shape)
        pixel_size = _pixel_size(case, view, frame=frame, tolerance=tolerance)
        targets = tuple(lesion.grown(tolerance.distance, shape=shape, pixel_size=pixel_size) for lesion in lesions)
        breast = _read_breast(image) if lesions and frame else None
    dib = read_map(results_dir / found["map"], shape=shape) if shape and found.get("map") else None
    return LocatedView(case, view, lesions, targets, peak, shape, dib, breast)


def _check_peak(case: Case, view: str, *, peak: tuple[float, float], shape: tuple[int, int]) -> None:
    if not all(-0.5 <= place < side - 0.5 for place, side in zip(peak, shape, strict=True)):
        raise DatalistError(
            f"exam {case.exam_id}, {view}: the peak is at row {peak[0]:g}, column {peak[1]:g}, but image and lesions "
            f"have {shape[0]} x {shape[1]} pixels; results, images and lesions of the same pixels are needed"
        )


def _pixel_size(case: Case, view: str, *, frame: Frame | None, tolerance: Tolerance) -> tuple[float, float]:
    """(height, width) of a pixel in the unit of the tolerance."""
    if tolerance.unit == "px" or tolerance.distance == 0:
        return 1.0, 1.0
    spacing_mm = case.column("spacing_mm")
    if spacing_mm is None and frame is not None and frame.spacing_mm is not None:
        return frame.spacing_mm
    if type(spacing_mm) not in (int, float) or spacing_mm <= 0:
        raise DatalistError(
            f"exam {case.exam_id}, {view}: spacing_mm is {spacing_mm!r}, and the header of its image does not say how "
            f"large the pixels are; for a tolerance of {tolerance} one of the two has to, or give it in px"
        )
    return spacing_mm, spacing_mm


def _read_breast(image: Path) -> CellMap | None:
    source = read_image(image)
    (overview,) = source.resampled(overview_grid(source.shape))
    mask, shape = breast_mask(overview).numpy(), source.shape
    if not mask.any():
        return None
    rows, columns = (np.linspace(-0.5, side - 0.5, cells + 1) for side, cells in zip(shape, mask.shape, strict=True))
    return CellMap(mask, rows, columns, shape)
