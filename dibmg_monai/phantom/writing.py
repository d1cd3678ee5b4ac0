"""Simulated exams on disk: DICOM files, lesion masks and the datalist that names them."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from dibmg_monai.errors import DibmgError, writing
from dibmg_monai.exams.datalist import PARTS, Entry, write_datalist
from dibmg_monai.phantom.dicom import stored, write_dicom
from dibmg_monai.phantom.exam import PhantomExam, make_phantom
from dibmg_monai.phantom.lesions import CONTRAST, FEATURES, SIZE_MM
from dibmg_monai.phantom.vendors import Vendor

EXAMS_PER_SEED = 100_000
HELD_OUT = 0.2  # fraction of the exams for validation, and again for testing


def write_phantoms(
    directory: Path,
    *,
    exams: int,
    seed: int = 0,
    rows: int = 2294,
    cancer_fraction: float = 0.5,
    lesion_size_mm: tuple[float, float] = SIZE_MM,
    lesion_contrast: float = CONTRAST,
    lesion_features: Sequence[str] = FEATURES,
    vendor: Vendor | None = None,
    institution: str | None = None,
    progress: Callable[[range], Iterable[int]] = iter,
) -> Path:
    """Write simulated exams. The same parameters give the same files, byte for byte; other seeds share no exam.

    Writes ``dicom/EXAM/VIEW.dcm``, ``masks/EXAM.VIEW.png`` (0 and 255, in the DICOM file's own pixels; of cancers'
    breasts only) and ``datalist.json``, whose paths are relative to ``directory``. Three fifths of the exams are for
    training, a fifth each for validation and testing.

    Args:
        directory: made if it does not exist; files of an earlier run are overwritten.
        exams: how many.
        seed: not negative.
        rows: height of the images in pixels.
        cancer_fraction: how many of the exams have a cancer, 0 to 1, in each of the three parts; rounded.
        lesion_size_mm: see ``make_phantom``.
        lesion_contrast: see ``make_phantom``.
        lesion_features: see ``make_phantom``.
        vendor: see ``make_phantom``.
        institution: see ``make_phantom``.
        progress: wraps the range of exams while they are made, as ``tqdm.tqdm`` does.

    Returns:
        The datalist.

    Raises:
        DibmgError: if a parameter is out of its range.
        FolderError: if the directory cannot be written.
    """
    if not 1 <= exams <= EXAMS_PER_SEED:
        raise DibmgError(f"exams is {exams}; 1 to {EXAMS_PER_SEED} are allowed")
    if seed < 0:
        raise DibmgError(f"seed is {seed}; it must not be negative")
    if not 0 <= cancer_fraction <= 1:
        raise DibmgError(f"cancer fraction is {cancer_fraction}; 0 to 1 is allowed")
    held_out = round(HELD_OUT * exams)
    sizes = (exams - 2 * held_out, held_out, held_out)
    labels = _sample_labels(sizes, seed=seed, cancer_fraction=cancer_fraction)
    entries = []
    with writing(directory):
        for index in progress(range(exams)):
            exam = make_phantom(
                seed * EXAMS_PER_SEED + index,
                cancer=labels[index],
                rows=rows,
                lesion_size_mm=lesion_size_mm,
                lesion_contrast=lesion_contrast,
                lesion_features=lesion_features,
                vendor=vendor,
                institution=institution,
            )
            entries.append(_write_exam(exam, directory))
    remaining = iter(entries)
    path = directory / "datalist.json"
    write_datalist({part: list(islice(remaining, size)) for part, size in zip(PARTS, sizes, strict=True)}, path=path)
    return path


def _sample_labels(sizes: Sequence[int], *, seed: int, cancer_fraction: float) -> list[bool]:
    """Which exams are cancers: the same fraction of each group of these sizes, in random order."""
    rng = np.random.default_rng(seed)
    cancers = np.diff(np.rint(cancer_fraction * np.cumsum([0, *sizes])))
    return [
        label for size, count in zip(sizes, cancers, strict=True) for label in (rng.permutation(size) < count).tolist()
    ]


def _write_exam(exam: PhantomExam, directory: Path) -> Entry:
    """Write an exam's files, and give its datalist entry."""
    files = {view: Path("dicom", exam.exam_id, f"{view}.dcm") for view in exam.views}
    for view, file in files.items():
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        write_dicom(exam, view, path=directory / file)
    entry: Entry = {
        "exam_id": exam.exam_id,
        "label": exam.label,
        **{view.value: file.as_posix() for view, file in files.items()},
        "patient_id": exam.patient_id,
        "age_years": exam.age_years,
        "manufacturer": exam.vendor.manufacturer,
        "density": exam.density,
        "institution": exam.institution,
        "features": [],
    }
    if exam.lesion is not None:
        entry |= {
            "features": [exam.lesion.feature],
            "invasive": exam.lesion.invasive,
            "size_mm": round(exam.lesion.size_mm, 1),
            "cancer_side": exam.lesion.laterality.value,
            "malignant_masks": _write_masks(exam, directory),
        }
    return entry


def _write_masks(exam: PhantomExam, directory: Path) -> dict[str, str]:
    """Write the lesion's masks: view -> path."""
    (directory / "masks").mkdir(parents=True, exist_ok=True)
    paths = {}
    for view, drawn in exam.views.items():
        if drawn.lesion_mask.any():
            mask = stored(drawn.lesion_mask.astype(np.uint8) * 255, drawn.orientation)
            paths[view.value] = f"masks/{exam.exam_id}.{view}.png"
            Image.fromarray(mask).save(directory / paths[view.value])
    return paths
