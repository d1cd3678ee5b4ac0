"""An exam -> the network's input. The only copy: training, bundle and applications all come through here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from dibmg_monai.errors import DibmgError, truth
from dibmg_monai.exams.exam import Exam
from dibmg_monai.overlap import side_by_side
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry, box_around, resize
from dibmg_monai.pixels.orientation import breast_mask, canonical_orientation, overview_grid
from dibmg_monai.pixels.picture import picture_grid, to_picture
from dibmg_monai.pixels.reader import SourceImage, read_image
from dibmg_monai.pixels.resampling import Grid, resample
from dibmg_monai.pixels.voi import check_policy
from dibmg_monai.views import VIEWS, View

BLACK = -1.0  # where there is no image: padding, absent views


@dataclass(frozen=True)
class ExamInput:
    """What the network sees of an exam, and how to get back.

    Attributes:
        image: (4, S, S) float32 in [-1, 1], channels in the order of ``VIEWS``; an absent view is all -1.
        view_present: (4,) bool.
        geometries: of the views that are present.
        voi: which values of interest each of them shows, in words (``SourceImage.voi``).
        warnings: of the exam and of its images.
        pictures: of each, its ``picture``; only where they were asked for.
    """

    image: torch.Tensor
    view_present: torch.Tensor
    geometries: Mapping[View, ViewGeometry]
    voi: Mapping[View, str]
    warnings: tuple[str, ...]
    pictures: Mapping[View, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewInput:
    """What the network sees of a view, and how to get back.

    Attributes:
        image: (S, S) float32 in [-1, 1].
        geometry: leads back.
        warnings: header and pixels contradict each other, or tell too little.
        picture: the view's ``picture``, if it was asked for.
    """

    image: torch.Tensor
    geometry: ViewGeometry
    warnings: tuple[str, ...]
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Preprocessing:
    """Read, window, turn, resize, pad and scale to -1..1 (Kim 2018, Training Set-up).

    Attributes:
        image_size: S, the side of the square input in pixels; it belongs to the weights.
        remove_background: blacken what is not breast: scanner edges and burnt-in labels of films. The paper's digital
            images need none of it.
        voi: which of a file's values of interest to show, "window" as in the paper, "lut" or "auto" (``read_image``).

    Raises:
        DibmgError: if the size is none, ``remove_background`` neither True nor False, or ``voi`` no such policy.
    """

    image_size: int = 1600  # Kim 2018, Training Set-up
    remove_background: bool = False
    voi: str = "window"  # Kim 2018, Training Set-up

    def __post_init__(self) -> None:
        truth(self.remove_background, name="remove_background")
        check_policy(self.voi)
        if not isinstance(self.image_size, int) or self.image_size < 1:
            raise DibmgError(f"image_size is {self.image_size!r}; a number of pixels, 1 or more, is needed")

    def __call__(self, exam: Exam, *, pictures: bool = False) -> ExamInput:
        """The input of a whole exam.

        Args:
            exam: whose files to read.
            pictures: make a picture of each image as well, while it is at hand.

        Raises:
            ImageError: if any of its images cannot be read.
        """
        image = black(len(VIEWS), self.image_size, self.image_size)

        def load(view: View) -> tuple[ViewInput, str, tuple[str, ...]]:
            source = read_image(exam.path(view), voi=self.voi)
            made = self.view(source, view, picture=pictures, canvas=image[view.channel])
            return made, source.voi, (*source.warnings, *made.warnings)

        threads = torch.get_num_threads()  # decoders keep Python's lock, the rest does not
        loaded = dict(zip(exam.files, side_by_side(load, exam.files, threads=threads), strict=True))
        warnings = [f"{view}: {warning}" for view, (_, _, found) in loaded.items() for warning in found]
        return ExamInput(
            image,
            torch.tensor([view in loaded for view in VIEWS]),
            {view: made.geometry for view, (made, _, _) in loaded.items()},
            {view: voi for view, (_, voi, _) in loaded.items()},
            (*exam.warnings, *warnings),
            {view: made.picture for view, (made, _, _) in loaded.items() if made.picture is not None},
        )

    def view(
        self, source: SourceImage, view: View, *, picture: bool = False, canvas: torch.Tensor | None = None
    ) -> ViewInput:
        """What the network sees of one image.

        Args:
            source: the image.
            view: which view it is.
            picture: make its picture as well.
            canvas: (S, S), all black, to put the image on; without it, a new one.
        """
        fit = partial(
            ViewGeometry.fit,
            source.shape,
            laterality=view.laterality,
            input_size=self.image_size,
            pixel_aspect=source.pixel_aspect,
        )
        as_stored = fit(orientation=Orientation())
        grid = Grid(as_stored.scaled_rows, as_stored.scaled_columns)
        grids = [overview_grid(source.shape), *([] if self.remove_background else [grid])]
        overview, *copies = source.resampled(*grids, *([picture_grid(source)] if picture else []))
        drawn = to_picture(copies.pop()) if picture else None
        if self.remove_background:
            copies = [_breast_alone(source, breast_mask(overview), grid)]
        orientation, warnings = canonical_orientation(overview, view, patient_orientation=source.patient_orientation)
        geometry = fit(orientation=orientation)
        canvas = black(self.image_size, self.image_size) if canvas is None else canvas
        left = geometry.pad_left
        shown = canvas[: geometry.scaled_rows, left : left + geometry.scaled_columns]
        shown.copy_(orientation.apply(copies[0])).mul_(2).sub_(1)
        return ViewInput(canvas, geometry, warnings, drawn)


def _breast_alone(source: SourceImage, breast: torch.Tensor, grid: Grid) -> torch.Tensor:
    """A copy of an image with all but the breast black, its edges as soft as an enlarged mask (h, w) of few pixels."""
    height, width = source.shape
    down = resize(torch.eye(len(breast))[None, None], (height, len(breast)))[0, 0]  # the weights of the mask's rows
    wide = resize(breast[None, None].float(), (len(breast), width))[0, 0]
    _, columns = box_around(wide.numpy() > 0)

    def rows(first: int, stop: int) -> torch.Tensor:
        near = down[first:stop].any(dim=0)
        return source.rows(first, stop, columns) * (down[first:stop, near] @ wide[near, columns])

    (copy,) = resample(rows, source.shape, grid, columns=columns)
    return copy


@torch.inference_mode(False)
def black(*shape: int) -> torch.Tensor:
    """An input without any image. Made by numpy, which asks for memory in larger pages: half the time.

    An inference tensor could not be drawn on by threads, which do not inherit that mode.
    """
    return torch.from_numpy(np.full(shape, BLACK, np.float32))
