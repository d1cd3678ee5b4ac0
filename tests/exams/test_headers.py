from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, FileDataset

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.headers import KEYWORDS, read_header
from dibmg_monai.views import VIEWS, View
from tests.exams.conftest import STUDY, WriteImage


@pytest.mark.parametrize("view", VIEWS)
def test_ordinary_mammogram(view: View, write_image: WriteImage) -> None:
    path = write_image("a.dcm", view=view, PatientID="SECRET", SOPInstanceUID="1.2.3", PartialView="NO")
    header = read_header(path)
    assert header.view is view
    assert (header.study, header.sop_instance, header.patient, header.case) == (STUDY, "1.2.3", "SECRET", "")
    assert (header.modality, header.intent, header.photometric) == ("MG", "FOR PRESENTATION", "MONOCHROME2")
    assert (header.frames, header.samples, header.missing_pixels) == (1, 1, "")
    assert header.sop_class_name == "Digital Mammography X-Ray Image Storage - For Presentation"
    assert (header.signs, header.modifiers, header.contradictions, header.hints) == ({}, {}, (), {})


def test_what_the_header_does_not_say_is_unknown(write_image: WriteImage) -> None:
    absent = ("ImageType", "ImageLaterality", "ViewCodeSequence", "ViewPosition", "PatientOrientation", "PatientID")
    header = read_header(write_image("a.dcm", **dict.fromkeys(absent)))
    assert header.view is None
    assert (header.laterality.value, header.projection.value) == ("", "")
    assert (header.magnification, header.field_mm, header.acquired) == (None, (), "")


def test_the_patient_does_not_show(write_image: WriteImage) -> None:
    header = read_header(write_image("a.dcm", PatientID="SECRET", PatientName="SECRET", AcquisitionDate="19991231"))
    assert "SECRET" not in repr(header)
    assert "19991231" not in repr(header)


@pytest.mark.parametrize(
    ("patient_id", "case", "view", "is_region"),
    [
        ("Calc-Test_P_00820_LEFT_CC", "P_00820", View.LCC, False),
        ("Mass-Training_P_00001_RIGHT_MLO", "P_00001", View.RMLO, False),
        ("Mass-Test_P_00820_RIGHT_CC_1", "P_00820", View.RCC, True),
    ],
)
def test_cbis_ddsm(patient_id: str, case: str, view: View, is_region: bool, write_cbis: Callable[..., Path]) -> None:
    header = read_header(write_cbis("a.dcm", patient_id))
    assert (header.case, header.view, header.is_region) == (case, view, is_region)


def test_times_sort_whichever_attribute_holds_them(write_image: WriteImage) -> None:
    acquired = [
        {"ContentDate": "20200101", "ContentTime": "080000"},
        {"AcquisitionDateTime": "20200101090000"},
        {"AcquisitionDate": "20200101", "AcquisitionTime": "091500.5", "ContentDate": "20190101"},
        {"AcquisitionDate": "20200102", "AcquisitionTime": "070000"},
    ]
    times = [read_header(write_image(f"{index}.dcm", **dates)).acquired for index, dates in enumerate(acquired)]
    assert times == sorted(set(times))
    assert len(times) == len(acquired)


def test_numbers(write_image: WriteImage) -> None:
    field = {"FieldOfViewDimensions": [67, 112]}
    header = read_header(write_image("a.dcm", EstimatedRadiographicMagnificationFactor="1.8", **field))
    assert (header.magnification, header.field_mm, header.field_text) == (1.8, (67, 112), "67 x 112")


def test_every_attribute_that_is_asked_for_is_read_from_the_file(
    monkeypatch: pytest.MonkeyPatch, write_image: WriteImage
) -> None:
    asked = set()
    get = Dataset.get

    def note(dataset: Dataset, key: object, default: object = None) -> object:
        if isinstance(dataset, FileDataset):
            asked.add(key)
        return get(dataset, key, default)

    monkeypatch.setattr(Dataset, "get", note)
    read_header(write_image("a.dcm", ViewCodeSequence=[], PatientOrientation=None, Modality="CR"))
    read_header(write_image("b.dcm", PatientOrientation=None))
    in_meta = {"TransferSyntaxUID", "MediaStorageSOPClassUID"}
    assert {key for key in asked if isinstance(key, str)} - in_meta <= set(KEYWORDS)
    assert len(asked) > 30


def test_what_places_say_against_each_other(write_image: WriteImage) -> None:
    header = read_header(write_image("a.dcm", Laterality="L", ViewPosition="R MLO"))
    assert header.view is View.RCC
    assert header.contradictions_text == "Laterality (0020,0060) says L, ViewPosition (0018,5101) says MLO"


def test_value_of_the_wrong_kind(write_image: WriteImage) -> None:
    path = write_image("a.dcm", NumberOfFrames=7)
    path.write_bytes(path.read_bytes().replace(b"(\x00\x08\x00IS\x02\x007 ", b"(\x00\x08\x00IS\x02\x00x "))
    with pytest.raises(ImageError, match="header cannot be parsed") as caught:
        read_header(path)
    assert caught.value.code == "unreadable"
