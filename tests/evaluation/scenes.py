"""Views made by hand for figures of localisation: 80 x 80 pixels, 16 x 16 cells of 5 pixels, the right half breast."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import LocatedView
from dibmg_monai.evaluation.maps import CellMap
from dibmg_monai.evaluation.regions import Region
from dibmg_monai.inference import ViewResult
from dibmg_monai.outputs.nifti import write_map
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry
from dibmg_monai.views import Laterality

SIDE, CELL = 80, 5
EDGES = np.arange(SIDE // CELL + 1) * CELL - 0.5
BREAST = np.arange(SIDE) >= SIDE // 2


def box(top: int, left: int, height: int, width: int) -> Region:
    return Region(top, left, np.ones((height, width), bool))


def dib(**cells: float) -> NDArray[np.float32]:
    """A map of -1 but for some cells: ``dib(r3c10=5.0)``."""
    values = np.full((SIDE // CELL, SIDE // CELL), -1, np.float32)
    for name, value in cells.items():
        row, column = name[1:].split("c")
        values[int(row), int(column)] = value
    return values


def peak_of(values: NDArray) -> tuple[float, float]:
    row, column = np.unravel_index(values.argmax(), values.shape)
    return float(row * CELL + CELL // 2), float(column * CELL + CELL // 2)


def case(exam_id: str, views: dict[str, Any], *, label: int, **entry: Any) -> Case:
    shared = {"score": 0.5, "breasts": {"R": 0.5, "L": 0.5}, "missing_views": [], "warnings": [], "model": {}}
    return Case({"exam_id": exam_id, "views": views, **shared}, {"exam_id": exam_id, "label": label, **entry})


def located(
    values: NDArray,
    *lesions: Region,
    exam_id: str = "a",
    targets: tuple[Region, ...] | None = None,
    breast: bool = True,
    **entry: Any,
) -> LocatedView:
    """A view as ``read_views`` gives it; of a cancer if it has lesions."""
    shape = (SIDE, SIDE)
    seen = np.broadcast_to(BREAST, shape)
    edges = np.arange(SIDE + 1) - 0.5
    return LocatedView(
        case=case(exam_id, {}, label=int(bool(lesions)), **entry),
        view="RCC",
        lesions=lesions,
        targets=lesions if targets is None else targets,
        peak=peak_of(values),
        shape=shape,
        dib=CellMap(values, EDGES, EDGES, shape),
        breast=CellMap(seen, edges, edges, shape) if breast and lesions else None,
    )


def written(folder: Path, values: NDArray, *, exam_id: str = "a", view: str = "RCC", **entry: Any) -> Case:
    """A case whose image and map are on disk."""
    Image.fromarray(np.broadcast_to(BREAST * np.uint8(200), (SIDE, SIDE))).save(folder / f"{exam_id}.{view}.png")
    options = {"orientation": Orientation(), "laterality": Laterality(view[0]), "input_size": SIDE}
    row, column = peak_of(values)
    geometry = ViewGeometry.fit((SIDE, SIDE), **options)
    found = ViewResult(0.5, row, column, float(values.max()), torch.from_numpy(values), geometry, Path("x"))
    write_map(folder / f"{exam_id}.{view}.nii.gz", found)
    item = {"score": 0.5, "peak_row": row, "peak_column": column, "peak_value": found.peak_value, "file": "x"}
    views = {view: {**item, "map": f"{exam_id}.{view}.nii.gz"}}
    return case(exam_id, views, **{"label": 1, view: f"{exam_id}.{view}.png", **entry})
