"""Does the map point at the cancer? The pointing game (Zhang et al. 2018, IJCV 126:1084) against lesion masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DatalistError
from dibmg_monai.pixels.reader import read_image


@dataclass(frozen=True)
class Pointing:
    """One view with a lesion mask: is the peak in the mask, and which share of the image is the mask (chance)."""

    hit: bool
    chance: float


def pointing(result: Mapping[str, Any], entry: Mapping[str, Any], *, dataset_dir: Path) -> list[Pointing]:
    """The pointing game in all views of an exam that have a mask and a result.

    Args:
        result: the exam's item of ``results.json``.
        entry: its datalist entry; ``malignant_masks`` are PNG files in the image's own pixels, not 0 in the lesion.
        dataset_dir: the folder that the masks are relative to.

    Raises:
        ImageError: if a mask cannot be read.
        DatalistError: if the peak lies outside a mask's pixels: the mask belongs to another image.
    """
    games = []
    for view, file in entry.get("malignant_masks", {}).items():
        if view not in result["views"]:
            continue
        mask = read_image(dataset_dir / file).values > 0
        row, column = (round(result["views"][view][key]) for key in ("peak_row", "peak_column"))
        if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]):
            raise DatalistError(
                f"{file}: has {mask.shape[0]} x {mask.shape[1]} pixels, but the peak of {view} in {result['exam_id']} "
                f"is at row {row}, column {column}; a mask needs the image's own pixels"
            )
        games.append(Pointing(bool(mask[row, column]), float(mask.float().mean())))
    return games
