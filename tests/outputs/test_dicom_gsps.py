import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult, ViewResult
from dibmg_monai.outputs.dicom_gsps import PresentationStates
from dibmg_monai.outputs.material import Material
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import View
from tests.outputs.sources import SOURCES, source_name, study_of
from tests.outputs.validators import dciodvfy_errors

MakeFound = Callable[..., ViewResult]
ExamFrom = Callable[..., ExamResult]
IOD = "GrayscaleSoftcopyPresentationState"
ORIENTATIONS = [Orientation(*turns) for turns in product((False, True), repeat=3)]


def write(result: ExamResult, folder: Path) -> dict[str, FileDataset]:
    PresentationStates().write(Material(result), folder)
    return {path.name: dcmread(path) for path in sorted(folder.glob("*.dcm"))}


def table(entries: list[int], *, first: int = 0, bits: int = 12) -> Dataset:
    """An item of a LUT sequence as explicit US; a negative first value, as devices write it, in two's complement."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first % (1 << 16), bits])
    item.add_new("LUTData", "US", entries)
    return item


def table_of(item: Dataset) -> tuple[int, int, list[int]]:
    """First value, bits and entries of a LUT item as written."""
    count, first, bits = item.LUTDescriptor
    entries = np.frombuffer(item.LUTData, "<u2").tolist()
    assert len(entries) == count
    return first, bits, entries


@pytest.mark.parametrize("views", [tuple(View), (View.LMLO,)], ids=["four views", "one view"])
@pytest.mark.parametrize("values", SOURCES.values(), ids=SOURCES)
def test_standard_is_kept(values: dict[str, Any], views: tuple[View, ...], exam_from: ExamFrom, tmp_path: Path) -> None:
    written = write(exam_from(values, views=views), tmp_path)
    assert list(written) == sorted({f"{view.laterality}_gsps.dcm" for view in views})
    for name, state in written.items():
        assert dciodvfy_errors(tmp_path / name, iod=IOD) == []
        assert state.PatientName == source_name(values)


def test_checker_would_see_an_error(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    state = write(exam_on_disk, tmp_path)["R_gsps.dcm"]
    del state.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData
    state.save_as(tmp_path / "R_gsps.dcm")
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) != []


def test_exam_without_findings_has_captions_alone(
    exam_on_disk: ExamResult, make_found: MakeFound, tmp_path: Path
) -> None:
    nothing = {view: replace(make_found(view, peak=-1.0, background=-2.0), findings=()) for view in View}
    written = write(replace(exam_on_disk, views=nothing), tmp_path)
    for name, state in written.items():
        assert dciodvfy_errors(tmp_path / name, iod=IOD) == []
        for annotation in state.GraphicAnnotationSequence:
            assert "GraphicObjectSequence" not in annotation and len(annotation.TextObjectSequence) == 1


@pytest.mark.parametrize("shape", [(60, 40), (37, 53)], ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_outline_is_around_the_finding(
    orientation: Orientation, shape: tuple[int, int], make_found: MakeFound, exam_from: ExamFrom, tmp_path: Path
) -> None:
    found = make_found(orientation=orientation, shape=shape)
    pixels = np.full(shape, 2000, np.uint16).tobytes()
    result = exam_from({"Rows": shape[0], "Columns": shape[1], "PixelData": pixels}, views=(View.RCC,))
    (annotation,) = write(replace(result, views={View.RCC: found}), tmp_path)["R_gsps.dcm"].GraphicAnnotationSequence
    (graphic,) = annotation.GraphicObjectSequence
    assert (graphic.GraphicType, graphic.GraphicAnnotationUnits) == ("POLYLINE", "PIXEL")
    points = np.array(graphic.GraphicData).reshape(-1, 2)  # column, row; the first pixel's center is at 0.5, 0.5
    assert len(points) == graphic.NumberOfGraphicPoints and (points[0] == points[-1]).all()
    assert points.min() >= 0 and (points.max(axis=0) <= shape[::-1]).all()
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    rows, columns = np.indices(shape) + 0.5
    depth = np.min([rows - top, bottom - rows, columns - left, right - columns], axis=0)  # of pixel centers within it
    clear = abs(depth) > 1e-4
    mask = found.findings[0].mask(found.geometry)
    assert mask.any() and not mask.all()
    np.testing.assert_array_equal(depth[clear] > 0, mask[clear])


def test_state_says_what_it_is(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    PresentationStates().write(material, tmp_path)
    for side, number in (("R", 1), ("L", 2)):
        state = dcmread(tmp_path / f"{side}_gsps.dcm")
        assert state.SOPClassUID == state.file_meta.MediaStorageSOPClassUID == GrayscaleSoftcopyPresentationStateStorage
        assert (state.SeriesNumber, state.InstanceNumber, state.Modality, state.Laterality) == (
            9007,
            number,
            "PR",
            side,
        )
        assert "AI" in state.SeriesDescription and "research use" in state.SeriesDescription
        assert state.SpecificCharacterSet == "ISO_IR 192"
        assert state.ContributingEquipmentSequence[0].ManufacturerModelName == "dib-mg"
        views = [view for view in View if view.laterality == side]
        originals = [dcmread(exam_on_disk.exam.path(view)) for view in views]
        assert study_of(state) == study_of(originals[0])
        (series,) = state.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == "2.25.2"
        uids = [original.SOPInstanceUID for original in originals]
        assert [image.ReferencedSOPInstanceUID for image in series.ReferencedImageSequence] == uids
        for view, uid, annotation in zip(views, uids, state.GraphicAnnotationSequence, strict=True):
            assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == uid
            caption, score = (text.UnformattedTextValue for text in annotation.TextObjectSequence)
            found = exam_on_disk.views[view]
            assert f"{view} score {found.score:.2f}, exam score 0.62" in caption and "esearch use only" in caption
            assert f"{view} finding 1, score {found.findings[0].score:.2f}" in score
            (graphic,) = annotation.GraphicObjectSequence
            assert graphic.TrackingUID == material.tracking[view][0].uid
    assert dcmread(tmp_path / "R_gsps.dcm").SeriesInstanceUID == dcmread(tmp_path / "L_gsps.dcm").SeriesInstanceUID


def test_images_are_shown_whole_and_undistorted(
    exam_on_disk: ExamResult, make_found: MakeFound, tmp_path: Path
) -> None:
    for view, values in (
        (View.RCC, {"ImagerPixelSpacing": ["0.1", "0.05"]}),
        (View.RMLO, {"Columns": 30, "PixelData": bytes(60 * 30 * 2), "PixelAspectRatio": ["3", "2"]}),
    ):
        image = dcmread(exam_on_disk.exam.path(view))
        for keyword, value in values.items():
            setattr(image, keyword, value)
        image.save_as(exam_on_disk.exam.path(view))
    narrow = make_found(View.RMLO, shape=(60, 30))
    written = write(replace(exam_on_disk, views={**exam_on_disk.views, View.RMLO: narrow}), tmp_path)
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) == []
    first, second = written["R_gsps.dcm"].DisplayedAreaSelectionSequence
    assert first.DisplayedAreaTopLeftHandCorner == second.DisplayedAreaTopLeftHandCorner == [1, 1]
    assert first.DisplayedAreaBottomRightHandCorner == [40, 60] and first.PresentationPixelSpacing == [0.1, 0.05]
    assert second.DisplayedAreaBottomRightHandCorner == [30, 60] and second.PresentationPixelAspectRatio == [3, 2]
    plain = written["L_gsps.dcm"].DisplayedAreaSelectionSequence[0]
    assert plain.PresentationPixelAspectRatio == [1, 1] and plain.PresentationSizeMode == "SCALE TO FIT"


@pytest.mark.parametrize(("polarity", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")])
def test_polarity_is_the_image_s(polarity: str, shape: str, exam_from: ExamFrom, tmp_path: Path) -> None:
    written = write(exam_from({"PhotometricInterpretation": polarity}), tmp_path)
    assert {state.PresentationLUTShape for state in written.values()} == {shape}


def test_windows_are_the_image_s(exam_from: ExamFrom, tmp_path: Path) -> None:
    values = {"WindowCenter": ["2000", "1800.5"], "WindowWidth": ["4000", "1000"], "VOILUTFunction": "SIGMOID"}
    rescale = {"RescaleSlope": "2", "RescaleIntercept": "-100", "RescaleType": "US"}
    result = exam_from({**values, **rescale}, views=(View.RCC,))
    state = write(result, tmp_path)["R_gsps.dcm"]
    (shown,) = state.SoftcopyVOILUTSequence
    assert shown.WindowCenter == [2000, 1800.5] and shown.WindowWidth == [4000, 1000]
    assert shown.VOILUTFunction == "SIGMOID" and "VOILUTSequence" not in shown
    original = dcmread(result.exam.path(View.RCC))
    assert shown.ReferencedImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert (state.RescaleSlope, state.RescaleIntercept, state.RescaleType) == (2, -100, "US")
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) == []


@pytest.mark.parametrize(
    "values",
    [
        {"WindowCenter": "2000"},
        {"WindowCenter": "2000", "WindowWidth": "0"},
        {"WindowCenter": "2000", "WindowWidth": "100", "VOILUTFunction": "OTHER"},
        {"VOILUTSequence": [Dataset()]},
        {"RescaleSlope": "0", "RescaleIntercept": "0"},
        {},
    ],
    ids=str,
)
def test_window_that_is_none_is_left_out(values: dict[str, Any], exam_from: ExamFrom, tmp_path: Path) -> None:
    state = write(exam_from(values, views=(View.RCC,)), tmp_path)["R_gsps.dcm"]
    assert "SoftcopyVOILUTSequence" not in state and "RescaleSlope" not in state
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) == []


def test_lookup_tables_are_the_image_s_with_right_descriptors(exam_from: ExamFrom, tmp_path: Path) -> None:
    values = {
        "ModalityLUTSequence": [table(list(range(65535, -1, -16)), bits=16)],
        "VOILUTSequence": [table([0, 100, 255], bits=8), table([0, 2000, 4095, 4095], first=7)],
    }
    state = write(exam_from(values, views=(View.RCC,)), tmp_path)["R_gsps.dcm"]
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) == []
    (modality,), (shown,) = state.ModalityLUTSequence, state.SoftcopyVOILUTSequence
    assert table_of(modality) == (0, 16, list(range(65535, -1, -16))) and modality.ModalityLUTType == "US"
    assert [table_of(item) for item in shown.VOILUTSequence] == [
        (0, 16, [0, 100 * 257, 65535]),
        (7, 16, [0, round(2000 / 4095 * 65535), 65535, 65535]),
    ]


def test_lookup_table_from_a_negative_value_on(exam_from: ExamFrom, tmp_path: Path) -> None:
    values = {"VOILUTSequence": [table([0, 9, 4095], first=-5)], "RescaleSlope": "1", "RescaleIntercept": "-50"}
    state = write(exam_from({**values, "RescaleType": "US"}, views=(View.RCC,)), tmp_path)["R_gsps.dcm"]
    assert dciodvfy_errors(tmp_path / "R_gsps.dcm", iod=IOD) == []
    assert table_of(state.SoftcopyVOILUTSequence[0].VOILUTSequence[0]) == (-5, 16, [0, round(9 / 4095 * 65535), 65535])


GRAYS: dict[str, dict[str, Any]] = {
    "full range": {},
    "white is 0": {"PhotometricInterpretation": "MONOCHROME1"},
    "window": {"WindowCenter": "2000", "WindowWidth": "3000"},
    "table": {"VOILUTSequence": [table([entry**2 // 4095 for entry in range(4096)])]},
    "rescaled": {
        **{"RescaleSlope": "2", "RescaleIntercept": "-100", "RescaleType": "US"},
        **{"WindowCenter": "4000", "WindowWidth": "6000", "PhotometricInterpretation": "MONOCHROME1"},
    },
}


@pytest.mark.skipif(which("dcmp2pgm") is None, reason="needs Debian's dcmtk")
@pytest.mark.parametrize("values", GRAYS.values(), ids=GRAYS)
def test_dcmtk_shows_what_the_network_saw(values: dict[str, Any], exam_from: ExamFrom, tmp_path: Path) -> None:
    pixels = np.linspace(0, 4095, 2400).astype(np.uint16).tobytes()
    result = exam_from({**values, "PixelData": pixels}, views=(View.RCC,))
    write(result, tmp_path)
    image, state, shown = result.exam.path(View.RCC), tmp_path / "R_gsps.dcm", tmp_path / "shown.pgm"
    subprocess.run(["dcmp2pgm", "-p", state, image, shown], check=True, capture_output=True)
    grays = np.asarray(Image.open(shown)) / 255
    np.testing.assert_allclose(grays, read_image(image).values.numpy(), atol=1.1 / 255)


@pytest.mark.parametrize(
    "values",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": "2", "RescaleIntercept": "0"},
        {"StudyInstanceUID": "2.25.99", "PatientID": "0002"},
    ],
    ids=str,
)
def test_image_that_needs_a_state_of_its_own(values: dict[str, Any], exam_on_disk: ExamResult, tmp_path: Path) -> None:
    image = dcmread(exam_on_disk.exam.path(View.RMLO))
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.save_as(exam_on_disk.exam.path(View.RMLO))
    written = write(exam_on_disk, tmp_path)
    assert list(written) == ["L_gsps.dcm", "R_gsps.dcm", "R_gsps_2.dcm"] and set(written) < set(
        PresentationStates.names
    )
    seen = {
        name: [image.ReferencedSOPInstanceUID for image in state.ReferencedSeriesSequence[0].ReferencedImageSequence]
        for name, state in written.items()
    }
    assert seen["R_gsps_2.dcm"] == [image.SOPInstanceUID] and len(seen["L_gsps.dcm"]) == 2
    own = written["R_gsps_2.dcm"]
    assert (own.StudyInstanceUID, own.PatientID) == (image.StudyInstanceUID, image.PatientID)
    assert len({(state.SeriesInstanceUID, state.InstanceNumber) for state in written.values()}) == 3
    for name in written:
        assert dciodvfy_errors(tmp_path / name, iod=IOD) == []


def test_uids_that_break_rules_are_no_obstacle(
    exam_from: ExamFrom, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    result = exam_from({"SOPInstanceUID": "2.25.33", "SeriesInstanceUID": "2.25.44"}, views=(View.RCC,))
    path = result.exam.path(View.RCC)
    path.write_bytes(path.read_bytes().replace(b"2.25.33", b"2.05.33").replace(b"2.25.44", b"2.05.44"))
    PresentationStates().write(Material(result), tmp_path)
    assert not recwarn.list
    (series,) = dcmread(tmp_path / "R_gsps.dcm").ReferencedSeriesSequence
    assert (series.SeriesInstanceUID, series.ReferencedImageSequence[0].ReferencedSOPInstanceUID) == (
        "2.05.44",
        "2.05.33",
    )


def test_folder_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/R_gsps.dcm: cannot be written \(Not a directory\)"):
        write(exam_on_disk, a_file)
