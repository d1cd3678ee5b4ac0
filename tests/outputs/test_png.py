from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.png import Overlays
from dibmg_monai.pixels.picture import picture
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import VIEWS


def test_pictures_are_written_as_they_are(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    Overlays().write(material, tmp_path)
    for view in VIEWS:
        written = np.asarray(Image.open(tmp_path / Overlays.file_name(view)))
        np.testing.assert_array_equal(written, material.pictures[view])


def test_an_image_whose_picture_was_made_is_not_read_again(exam_on_disk: ExamResult) -> None:
    read = Material(exam_on_disk).pictures
    made = {
        view: replace(found, picture=picture(read_image(exam_on_disk.exam.path(view))))
        for view, found in exam_on_disk.views.items()
    }
    for view in VIEWS:
        exam_on_disk.exam.path(view).unlink()
    again = Material(replace(exam_on_disk, views=made)).pictures
    for view in VIEWS:
        np.testing.assert_array_equal(again[view], read[view])


def test_picture_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/RCC_overlay.png: cannot be written \(Not a directory\)"):
        Overlays().write(Material(exam_on_disk), a_file)
