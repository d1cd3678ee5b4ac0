"""Where lesions are, as a datalist says it: circles, boxes, polygons and masks.

In pixels of the image as stored; the center of the first pixel is row 0, column 0.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from dibmg_monai.views import VIEWS


class Kind(NamedTuple):
    """What may stand for a kind of region: in words, and as a test."""

    allowed: str
    accepts: Callable[[Any], bool]


def is_relative_path(value: Any) -> bool:
    """Whether a value can be a path relative to the data set's folder."""
    return isinstance(value, str) and value != "" and not PurePath(value).is_absolute()


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(type(number) in (int, float) and math.isfinite(number) for number in value)
    )


KINDS = {
    "circle": Kind("[row, column, radius]", lambda value: _are_numbers(value, 3) and value[2] > 0),
    "box": Kind(
        "[top, left, bottom, right], inclusive",
        lambda value: _are_numbers(value, 4) and value[0] <= value[2] and value[1] <= value[3],
    ),
    "polygon": Kind(
        "[[row, column], ...] with three points or more",
        lambda value: isinstance(value, list) and len(value) >= 3 and all(_are_numbers(point, 2) for point in value),
    ),
    "mask": Kind("a path relative to the dataset's folder", is_relative_path),  # the image's size, not 0 in the lesion
}
ALLOWED = "{view: [region, ...]}, a region being " + " or ".join(
    f'{{"{name}": {kind.allowed}}}' for name, kind in KINDS.items()
)


def are_regions(value: Any) -> bool:
    """Whether a value is ``{view: [region, ...]}``."""
    return isinstance(value, dict) and all(
        view in VIEWS and isinstance(regions, list) and all(map(_is_region, regions)) for view, regions in value.items()
    )


def _is_region(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((name, place),) = value.items()
    return name in KINDS and KINDS[name].accepts(place)


def mask_files(regions: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    """Which region it is, such as "LCC[0]", and its file, of each that is a mask."""
    for view, lesions in regions.items():
        for index, region in enumerate(lesions):
            if "mask" in region:
                yield f"{view}[{index}]", region["mask"]
