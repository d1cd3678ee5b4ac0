from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.png import Overlays
from dibmg_monai.views import VIEWS


def test_pictures_are_written_as_they_are(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    Overlays().write(material, tmp_path)
    for view in VIEWS:
        picture = np.asarray(Image.open(tmp_path / Overlays.file_name(view)))
        np.testing.assert_array_equal(picture, material.pictures[view])


def test_picture_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/RCC_overlay.png: cannot be written \(Not a directory\)"):
        Overlays().write(Material(exam_on_disk), a_file)
