"""An exam -> the network's input. The only copy: training, bundle and applications all come through here."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from dibmg_monai.errors import DibmgError, truth
from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels.geometry import ViewGeometry, resize
from dibmg_monai.pixels.orientation import breast_mask, canonical_orientation
from dibmg_monai.pixels.reader import SourceImage, read_image
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
    """

    image: torch.Tensor
    view_present: torch.Tensor
    geometries: Mapping[View, ViewGeometry]
    voi: Mapping[View, str]
    warnings: tuple[str, ...]


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

    def __call__(self, exam: Exam) -> ExamInput:
        """The input of a whole exam.

        Raises:
            ImageError: if any of its images cannot be read.
        """
        image = torch.full((len(VIEWS), self.image_size, self.image_size), BLACK)
        geometries: dict[View, ViewGeometry] = {}
        voi: dict[View, str] = {}
        warnings = list(exam.warnings)
        for view in exam.files:
            source = read_image(exam.path(view), voi=self.voi)
            voi[view] = source.voi
            image[view.channel], geometries[view], view_warnings = self.view(source, view)
            warnings += [f"{view}: {warning}" for warning in (*source.warnings, *view_warnings)]
        present = torch.tensor([view in geometries for view in VIEWS])
        return ExamInput(image, present, geometries, voi, tuple(warnings))

    def view(self, source: SourceImage, view: View) -> tuple[torch.Tensor, ViewGeometry, tuple[str, ...]]:
        """One view's (S, S) input in [-1, 1], its geometry, and warnings."""
        orientation, warnings = canonical_orientation(source, view)
        geometry = ViewGeometry.fit(
            (source.values.shape[0], source.values.shape[1]),
            orientation=orientation,
            laterality=view.laterality,
            input_size=self.image_size,
            pixel_aspect=source.pixel_aspect,
        )
        values = source.values[None, None]
        if self.remove_background:
            breast = breast_mask(source.values)[None, None].float()
            values = values * resize(breast, (geometry.source_rows, geometry.source_columns))
        stored_size = (geometry.scaled_rows, geometry.scaled_columns)
        scaled = resize(values, stored_size[::-1] if orientation.transpose else stored_size)
        square = torch.full((self.image_size, self.image_size), BLACK)
        left = geometry.pad_left
        square[: geometry.scaled_rows, left : left + geometry.scaled_columns] = orientation.apply(scaled[0, 0]) * 2 - 1
        return square, geometry, warnings
