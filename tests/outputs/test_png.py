from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.png import Overlays, encode
from dibmg_monai.views import VIEWS


def test_pictures_are_written_as_they_are(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    Overlays().write(material, tmp_path)
    for view in VIEWS:
        picture = np.asarray(Image.open(tmp_path / Overlays.file_name(view)))
        np.testing.assert_array_equal(picture, material.pictures[view])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (31, 43)], ids=str)
def test_any_picture_can_be_encoded(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    with Image.open(BytesIO(encode(picture))) as image:
        image.verify()
    with Image.open(BytesIO(encode(picture))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(image), picture)


def test_picture_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/RCC_overlay.png: cannot be written \(Not a directory\)"):
        Overlays().write(Material(exam_on_disk), a_file)
