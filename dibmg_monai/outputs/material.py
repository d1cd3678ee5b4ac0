"""What the outputs of one exam are made of, each piece made once, when the first output asks for it."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.overlay import color_scale, overlay
from dibmg_monai.outputs.source_study import new_uid, read_source
from dibmg_monai.overlap import side_by_side
from dibmg_monai.pixels.picture import picture
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import View


@dataclass(frozen=True)
class Tracking:
    """What a finding is called in every DICOM object about it: Tracking Identifier and Tracking UID."""

    identifier: str
    uid: UID


class once(cached_property[Any]):  # noqa: N801, named as what it extends
    """``cached_property`` for several threads, as it was until Python 3.12: others wait for the first that asks."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__(make)
        self._making = RLock()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        with self._making:
            return super().__get__(instance, owner)


class Material:
    """One exam's result, with all that its files share.

    Args:
        result: the exam's result.

    Attributes:
        made: when.

    Raises:
        ImageError: by the properties, if an image cannot be read again, or is not DICOM and has to be.
    """

    def __init__(self, result: ExamResult) -> None:
        self.result = result
        self.made = datetime.now()

    @once
    def sources(self) -> Mapping[View, Dataset]:
        """The headers of the images, as ``read_source`` gives them."""
        return {view: read_source(self.result.exam.path(view)) for view in self.result.views}

    @once
    def studies(self) -> Mapping[str, tuple[View, ...]]:
        """StudyInstanceUID -> its views. An exam is one study, but CBIS-DDSM gives every image its own."""
        studies: defaultdict[str, list[View]] = defaultdict(list)
        for view, source in self.sources.items():
            studies[source.StudyInstanceUID].append(view)
        return {study: tuple(views) for study, views in studies.items()}

    @once
    def pictures(self) -> Mapping[View, NDArray[np.uint8]]:
        """(H, W, 3) RGB, the overlays."""
        result, scale = self.result, color_scale(self.result)

        def draw(view: View) -> NDArray[np.uint8]:
            return overlay(result.views[view], self._gray(view), view=view, exam_score=result.score, scale=scale)

        return dict(zip(result.views, side_by_side(draw, result.views, threads=torch.get_num_threads()), strict=True))

    def _gray(self, view: View) -> NDArray[np.uint8]:
        """The picture below an overlay; where the result has none, its image is read again."""
        made = self.result.views[view].picture
        return picture(read_image(self.result.exam.path(view))) if made is None else made

    @once
    def tracking(self) -> Mapping[View, tuple[Tracking, ...]]:
        """Names for the findings of each view, in their order."""
        return {
            view: tuple(
                Tracking(f"{view} finding {number}", new_uid()) for number, _ in enumerate(found.findings, start=1)
            )
            for view, found in self.result.views.items()
        }


class Writer(Protocol):
    """Writes one kind of file about an exam.

    Attributes:
        names: of all files that it may write.
    """

    names: tuple[str, ...]

    def write(self, material: Material, folder: Path) -> None:
        """Write the files of one exam into its folder.

        Raises:
            FolderError: if that cannot be done.
            ImageError: if an image's header cannot carry the result.
        """
        ...
