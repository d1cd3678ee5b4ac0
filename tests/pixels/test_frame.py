from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import ImageError
from dibmg_monai.pixels.frame import Frame, read_frame
from dibmg_monai.pixels.reader import read_image
from tests.conftest import WriteMammogram

PIXELS = np.zeros((30, 20), np.uint16)


@pytest.mark.parametrize(
    ("attributes", "spacing_mm"),
    [
        ({}, None),
        ({"PixelSpacing": [0.09, 0.08]}, (0.09, 0.08)),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.09, 0.09]}, (0.1, 0.1)),
        ({"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.09, 0.09]}, (0.09, 0.09)),
    ],
)
def test_dicom(write_mammogram: WriteMammogram, attributes: dict, spacing_mm: tuple[float, float] | None) -> None:
    assert read_frame(write_mammogram("x.dcm", PIXELS, **attributes)) == Frame((30, 20), spacing_mm)


@pytest.mark.parametrize("name", ["x.png", "x.pgm", "x.tif"])
def test_pictures(tmp_path: Path, name: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / name)
    assert read_frame(tmp_path / name) == Frame((30, 20), None)
    assert read_frame(tmp_path / name).shape == tuple(read_image(tmp_path / name).values.shape)


def test_files_that_are_no_images(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    with pytest.raises(ImageError, match=r"none\.png: cannot be read"):
        read_frame(tmp_path / "none.png")
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    with pytest.raises(ImageError, match=r"x\.png: is a damaged PNG file"):
        read_frame(tmp_path / "x.png")
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises(ImageError, match=r"x\.txt: is not a DICOM file"):
        read_frame(tmp_path / "x.txt")
    with pytest.raises(ImageError, match=r"x\.dcm: Rows \(0028,0010\) or Columns \(0028,0011\) is missing"):
        read_frame(write_mammogram("x.dcm", PIXELS, Rows=None))
