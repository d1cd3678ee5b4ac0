"""One damaged value is None, and leaves the others alone."""

from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from dibmg_monai.exams.dicom_file import parsing
from dibmg_monai.pixels.elements import number, numbers, texts


def written(keyword: str, value: str, path: Path) -> Dataset:
    """A file with such a value, whatever its VR allows, read back."""
    dataset = Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.3"
    tag = pydicom.datadict.tag_for_keyword(keyword)
    dataset[tag] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(tag), "DS", len(value), value.encode(), 0, False, True, True
    )
    dataset.save_as(path, enforce_file_format=False)
    return pydicom.dcmread(path, force=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2048 ", (2048.0,)),
        ("1\\2.5\\3e2", (1.0, 2.5, 300.0)),
        ("abc\\7 ", (None, 7.0)),
        ("NaN\\7", (None, 7.0)),
        ("inf ", (None,)),
        ("2,5 ", (None,)),
        ("\\7", (None, 7.0)),
        ("", ()),
        ("12345678901234567890", (12345678901234567890.0,)),
    ],
)
def test_numbers(value: str, expected: tuple, tmp_path: Path) -> None:
    dataset = written("WindowCenter", value, tmp_path / "x")
    with parsing(tmp_path / "x"):
        assert numbers(dataset, "WindowCenter") == expected
        assert number(dataset, "WindowCenter") == (expected[0] if expected else None)


def test_missing_empty_and_numeric_values() -> None:
    dataset = Dataset()
    dataset.WindowWidth = None
    dataset.PixelPaddingValue = 7
    dataset.PatientOrientation = ["A", "FR"]
    assert texts(dataset, "WindowCenter") == texts(dataset, "WindowWidth") == ()
    assert number(dataset, "WindowCenter") is None
    assert numbers(dataset, "PixelPaddingValue") == (7.0,)
    assert texts(dataset, "PatientOrientation") == ("A", "FR")
