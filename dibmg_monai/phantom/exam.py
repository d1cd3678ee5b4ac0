"""One simulated exam, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.errors import DibmgError
from dibmg_monai.phantom.anatomy import Breast, Grid, draw_breast, sample_breasts
from dibmg_monai.phantom.lesions import CONTRAST, FEATURES, SIZE_MM, Lesion, draw_lesion, sample_lesion
from dibmg_monai.phantom.texture import Field
from dibmg_monai.phantom.vendors import VENDORS, Vendor
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.views import VIEWS, Laterality, View

SMALLEST_ROWS = 32
INSTITUTIONS = ("Phantom North", "Phantom South")


@dataclass(frozen=True)
class PhantomView:
    """One simulated view.

    Attributes:
        image: (rows, columns) float32 in 0..1, 0 is air; in canonical orientation.
        lesion_mask: (rows, columns) bool, canonical; all False without a lesion in this breast.
        orientation: how a file stores the view: stored -> canonical.
    """

    image: Field
    lesion_mask: NDArray[np.bool_]
    orientation: Orientation


@dataclass(frozen=True)
class PhantomExam:
    """One simulated exam of a woman who does not exist.

    Attributes:
        exam_id: unique per seed.
        vendor: whose look the images have.
        spacing_mm: the distance between neighboring pixels, in both directions.
        breasts: the anatomy drawn.
        age_years, study_date, institution: fictitious, and independent of everything else.
        lesion: the planted cancer, or None.
        views: all four.
    """

    exam_id: str
    vendor: Vendor
    spacing_mm: float
    breasts: Mapping[Laterality, Breast]
    age_years: int
    study_date: date
    institution: str
    lesion: Lesion | None
    views: Mapping[View, PhantomView]

    @property
    def patient_id(self) -> str:
        """A fictitious PatientID."""
        return self.exam_id.upper()

    @property
    def label(self) -> int:
        """1 with a cancer, else 0."""
        return int(self.lesion is not None)

    @property
    def density(self) -> str:
        """BI-RADS density, A to D, of both breasts."""
        return self.breasts[Laterality.R].density


def make_phantom(
    seed: int,
    *,
    cancer: bool,
    rows: int = 256,
    lesion_size_mm: tuple[float, float] = SIZE_MM,
    lesion_contrast: float = CONTRAST,
    lesion_features: Sequence[str] = FEATURES,
    vendor: Vendor | None = None,
    institution: str | None = None,
) -> PhantomExam:
    """Simulate an exam. With and without cancer, a seed gives the same exam but for the lesion's pixels.

    Args:
        seed: not negative. It decides everything that the other parameters leave open.
        cancer: whether to plant a lesion in one of the breasts.
        rows: height of the images in pixels; about 128 for quick training, 2300 to 3300 for life-like files.
        lesion_size_mm: smallest and largest diameter.
        lesion_contrast: mean brightness that a lesion adds at its center; 0.15 is subtle, 0.4 striking.
        lesion_features: what a lesion may be, of "mass" and "calcification".
        vendor: whose look the images have; None: one of ``VENDORS``.
        institution: where they were made; None: one of two.

    Raises:
        DibmgError: if a parameter is out of its range.
    """
    if seed < 0:
        raise DibmgError(f"seed is {seed}; it must not be negative")
    if rows < SMALLEST_ROWS:
        raise DibmgError(f"rows is {rows}; at least {SMALLEST_ROWS} are needed")
    person, anatomy, disease, *drawing = np.random.default_rng(seed).spawn(3 + len(VIEWS))
    some_vendor = VENDORS[person.integers(len(VENDORS))]
    vendor = vendor or some_vendor
    breasts = sample_breasts(anatomy)
    lesion = sample_lesion(disease, breasts, features=lesion_features, size_mm=lesion_size_mm, contrast=lesion_contrast)
    planted = lesion if cancer else None
    spacing_mm = vendor.height_mm / rows
    shape = (rows, round(rows * vendor.aspect))
    return PhantomExam(
        exam_id=f"phantom-{seed:08d}",
        vendor=vendor,
        spacing_mm=spacing_mm,
        breasts=breasts,
        age_years=int(np.clip(person.normal(55, 9), 40, 79)),
        study_date=date(2015, 1, 1) + timedelta(days=int(person.integers(3000))),
        institution=institution or INSTITUTIONS[person.integers(len(INSTITUTIONS))],
        lesion=planted,
        views={
            view: _make_view(
                rng,
                Grid(shape, spacing_mm, view.projection),
                laterality=view.laterality,
                breast=breasts[view.laterality],
                lesion=planted,
                vendor=vendor,
            )
            for view, rng in zip(VIEWS, drawing, strict=True)
        },
    )


def _make_view(
    rng: np.random.Generator,
    grid: Grid,
    *,
    laterality: Laterality,
    breast: Breast,
    lesion: Lesion | None,
    vendor: Vendor,
) -> PhantomView:
    """Draw a view as a left one, and mirror it for a right one."""
    anatomy, disease, noise, storage = rng.spawn(4)
    tissue, thickness = draw_breast(anatomy, breast, grid)
    mask = np.zeros(grid.shape, np.bool_)
    if lesion is not None and lesion.laterality is laterality:
        brightness, mask = draw_lesion(disease, lesion, breast, grid)
        tissue += brightness * thickness
    image = vendor.develop(noise, tissue, thickness)
    if laterality is Laterality.R:
        image, mask = np.fliplr(image).copy(), np.fliplr(mask).copy()
    flip_rows, flip_columns = storage.random(2) < 0.5
    return PhantomView(image, mask, Orientation(flip_rows=bool(flip_rows), flip_columns=bool(flip_columns)))
