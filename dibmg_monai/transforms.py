"""MONAI dictionary transforms around the package's own functions; nothing is computed here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import RandomizableTransform, Transform
from monai.utils import convert_to_tensor
from numpy.typing import NDArray

from dibmg_monai.errors import FolderError, ImageError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.phantom.planting import TISSUE, add_distractors, plant_mass
from dibmg_monai.pixels.cache import CachedPreprocessing
from dibmg_monai.pixels.geometry import ViewGeometry
from dibmg_monai.pixels.picture import LARGEST
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing, black
from dibmg_monai.pooling import breast_views, scores
from dibmg_monai.views import VIEWS, Laterality, View

NO_LABEL = -1


class LoadExamd(Transform):
    """A datalist entry -> the network's input, as plain tensors and strings that collate and cache.

    The result has: ``image`` (4, S, S) float32 in [-1, 1]; ``view_present`` (4,) bool; ``geometry`` (4, 9) int64, which
    ``geometries`` reads; ``voi``, which ``values_of_interest`` reads; ``label`` () int64, -1 if unknown; ``exam_id``;
    ``warnings``, one a line; ``refused``, which ``refusal`` reads; if they are asked for, ``pictures`` and
    ``picture_shapes``, which ``pictures`` reads. All else in the entry stays behind: its keys differ between exams.

    An exam that cannot be read passes as refused, with no view present, because an error that leaves a data loader's
    worker arrives as a text with a traceback in it. Whoever takes the item decides: inference goes on with the other
    exams, training stops (``PrepareExamBatch``). So does an exam that could not be kept in a cache.

    Args:
        preprocessing: the one of the model, with or without a cache.
        dataset_dir: the folder that the entry's files are relative to.
        pictures: make the pictures that overlays are drawn over, while the images are at hand.
    """

    def __init__(
        self, preprocessing: Preprocessing | CachedPreprocessing, *, dataset_dir: str | Path, pictures: bool = False
    ) -> None:
        self.preprocessing = preprocessing
        self.dataset_dir = Path(dataset_dir)
        self.pictures = pictures

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Load one exam."""
        refused: ImageError | FolderError | None = None
        try:
            exam = exam_from_entry(data, dataset_dir=self.dataset_dir)
            loaded = self.preprocessing(exam, pictures=self.pictures)
        except (ImageError, FolderError) as error:
            refused = error
            size = self.preprocessing.image_size
            nothing = torch.zeros(len(VIEWS), dtype=torch.bool)
            loaded = ExamInput(black(len(VIEWS), size, size), nothing, {}, {}, ())
        label = data.get("label")
        return {
            "exam_id": str(data["exam_id"]),
            "image": loaded.image,
            "view_present": loaded.view_present,
            "geometry": _stacked(loaded.geometries),
            "voi": "\n".join(loaded.voi.get(view, "") for view in VIEWS),
            "label": torch.tensor(NO_LABEL if label is None else int(label)),
            "warnings": "\n".join(loaded.warnings),
            "refused": _marked(refused),
            **(_framed(loaded.pictures) if self.pictures else {}),
        }


class ExamScored(Transform):
    """Adds ``score`` (1,), the exam's, to an item with class maps ``pred`` (8, h, w) and ``view_present`` (4,)."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Score one exam."""
        return {**data, "score": scores(data["pred"][None].float(), data["view_present"][None])}


def geometries(item: Mapping[str, Any]) -> dict[View, ViewGeometry]:
    """The geometries of the views present in an item of ``LoadExamd``."""
    return {
        view: ViewGeometry.from_tensor(row)
        for view, row, present in zip(VIEWS, item["geometry"], item["view_present"], strict=True)
        if present
    }


def values_of_interest(item: Mapping[str, Any]) -> dict[View, str]:
    """Which values of interest the views present in an item of ``LoadExamd`` show, in words."""
    return {view: words for view, words in zip(VIEWS, item["voi"].split("\n"), strict=True) if words}


def pictures(item: Mapping[str, Any]) -> dict[View, NDArray[np.uint8]]:
    """The pictures of the views present in an item of ``LoadExamd``; none if they were not asked for."""
    if "pictures" not in item:
        return {}
    shapes = zip(VIEWS, item["pictures"], item["picture_shapes"].tolist(), strict=True)
    return {view: frame[:rows, :columns].numpy() for view, frame, (rows, columns) in shapes if rows}


def refusal(item: Mapping[str, Any]) -> ImageError | FolderError | None:
    """Why the exam of an item of ``LoadExamd`` could not be read, or not be kept in a cache; or None."""
    marked = item["refused"]
    if marked["code"]:
        return ImageError(marked["path"], marked["reason"], code=marked["code"])
    return FolderError(marked["reason"]) if marked["reason"] else None


def _marked(error: ImageError | FolderError | None) -> dict[str, str]:
    if isinstance(error, ImageError):
        return {"path": str(error.path), "reason": error.reason, "code": error.code}
    return {"path": "", "reason": str(error or ""), "code": ""}


def _framed(by_view: Mapping[View, NDArray[np.uint8]]) -> dict[str, torch.Tensor]:
    """Pictures of any size in the top left corners of frames of one size."""
    frames = torch.zeros(len(VIEWS), LARGEST, LARGEST, dtype=torch.uint8)
    shapes = torch.zeros(len(VIEWS), 2, dtype=torch.int64)
    for view, drawn in by_view.items():
        shapes[view.channel] = torch.tensor(drawn.shape)
        frames[view.channel, : drawn.shape[0], : drawn.shape[1]] = torch.from_numpy(drawn)
    return {"pictures": frames, "picture_shapes": shapes}


def _stacked(by_view: Mapping[View, ViewGeometry]) -> torch.Tensor:
    rows = torch.zeros(len(VIEWS), 9, dtype=torch.int64)
    for view, geometry in by_view.items():
        rows[view.channel] = geometry.to_tensor()
    return rows


class RandBreastCropd(RandomizableTransform):
    """Cuts a square out of the breast in each view of ``image`` (4, S, S): a first task needs no whole exams.

    The views are cut independently, where the middle of the square is mostly breast if such a place is found soon.

    Args:
        size: side of the square, in pixels; S leaves the views whole.
    """

    TRIES, MOSTLY = 20, 0.8

    def __init__(self, size: int) -> None:
        RandomizableTransform.__init__(self, prob=1.0)
        self.size = size

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Crop one exam."""
        return {**data, "image": torch.stack([self._crop(view) for view in data["image"]])}

    def _crop(self, view: torch.Tensor) -> torch.Tensor:
        margin = self.size // 4
        for _ in range(self.TRIES):
            top, left = (int(self.R.randint(side - self.size + 1)) for side in view.shape)
            crop = view[top : top + self.size, left : left + self.size]
            if (crop[margin:-margin, margin:-margin] > 2 * TISSUE - 1).float().mean() > self.MOSTLY:
                break
        return crop


class RandPlantMassesd(RandomizableTransform):
    """Plants phantom masses in both views of one breast of ``image`` (4, S, S), or in none: a first task.

    Sets ``label`` accordingly, and ``lesions`` (4, S, S), 1 where a mass is. What is no mass is added to every view.

    Args:
        diameter: smallest and largest, in pixels.
        contrast: smallest and largest brightness that a mass adds, of the range 0 to 1.
        prob: how many exams get masses.
    """

    SECOND = 0.2  # how often a view has two

    def __init__(self, *, diameter: Sequence[float], contrast: Sequence[float], prob: float = 0.5) -> None:
        RandomizableTransform.__init__(self, prob)
        self.diameter = (diameter[0], diameter[1])
        self.contrast = (contrast[0], contrast[1])

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Plant in one exam."""
        self.randomize(None)
        rng = np.random.default_rng(self.R.randint(2**32, dtype=np.uint32))
        views = (convert_to_tensor(data["image"], track_meta=False).numpy() + 1) / 2
        lesions = np.zeros(views.shape, np.float32)
        views = np.stack([add_distractors(rng, view) for view in views])
        if self._do_transform:
            for view in breast_views(list(Laterality)[rng.integers(2)]):
                for _ in range(2 if rng.random() < self.SECOND else 1):
                    views[view.channel], inside = plant_mass(
                        rng, views[view.channel], diameter=self.diameter, contrast=self.contrast
                    )
                    lesions[view.channel] = np.maximum(lesions[view.channel], inside)
        planted = {"image": torch.from_numpy(views) * 2 - 1, "lesions": torch.from_numpy(lesions)}
        return {**data, **planted, "label": torch.tensor(int(self._do_transform))}
