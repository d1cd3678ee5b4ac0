from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.errors import ImageError
from dibmg_monai.inference import ModelInfo
from dibmg_monai.outputs.source_study import contributing_equipment, new_object, new_uid, read_source, reference

MakeMammogram = Callable[..., Dataset]
MADE = datetime(2024, 5, 6, 7, 8, 9)
NAMES = {
    "Korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "Japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Japanese half-width": (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    "Chinese": ("GB18030", "Wang^XiaoDong=王^小东"),
    "Western": ("ISO_IR 100", "Müller^Jörg"),
    "Unicode": ("ISO_IR 192", "Łukasz^Åsa"),
}


@pytest.mark.parametrize(("character_set", "name"), NAMES.values(), ids=NAMES)
def test_names_of_any_script_are_intact_in_unicode(
    character_set: str | list[str], name: str, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    make_mammogram(tmp_path / "in.dcm", SpecificCharacterSet=character_set, PatientName=name, StudyDescription=name)
    result = new_object(read_source(tmp_path / "in.dcm"), sop_class=SecondaryCaptureImageStorage, made=MADE)
    result.save_as(tmp_path / "out.dcm", implicit_vr=False)
    assert (tmp_path / "out.dcm").read_bytes().count(name.encode()) == 2
    written = dcmread(tmp_path / "out.dcm", force=True)
    assert written.SpecificCharacterSet == "ISO_IR 192"
    assert written.PatientName == name and written.StudyDescription == name


def test_new_object_is_in_the_study_of_its_source(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    original = make_mammogram(tmp_path / "in.dcm", PatientAge="060Y", StudyDescription="Screening")
    source = read_source(tmp_path / "in.dcm")
    result = new_object(source, sop_class=SecondaryCaptureImageStorage, made=MADE)
    kept = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyInstanceUID", "StudyDate")
    kept += ("StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName")
    assert {keyword: result[keyword].value for keyword in kept} == {
        keyword: original[keyword].value for keyword in kept
    }
    assert (result.InstanceCreationDate, result.InstanceCreationTime) == ("20240506", "070809")
    assert result.SOPClassUID == SecondaryCaptureImageStorage
    assert result.SOPInstanceUID != original.SOPInstanceUID
    assert "SeriesInstanceUID" not in result and "ViewPosition" not in result


def test_empty_attributes_are_added_where_the_source_has_none(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    type_2 = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
    type_2 += ("AccessionNumber", "ReferringPhysicianName")
    make_mammogram(tmp_path / "in.dcm", without=type_2)
    source = read_source(tmp_path / "in.dcm")
    assert all(source[keyword].is_empty for keyword in type_2)
    assert "StudyDescription" not in new_object(source, sop_class=SecondaryCaptureImageStorage, made=MADE)


def test_odd_values_are_kept_without_a_word(
    make_mammogram: MakeMammogram, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    make_mammogram(tmp_path / "in.dcm", PatientBirthDate="20000101", AccessionNumber="A" * 16, SOPInstanceUID="2.25.33")
    raw = (tmp_path / "in.dcm").read_bytes().replace(b"20000101", b"1.1.2000")
    raw = raw.replace(b"SH\x10\x00" + b"A" * 16, b"SH\x14\x00" + b"A" * 20)  # longer than SH may be
    (tmp_path / "in.dcm").write_bytes(raw.replace(b"2.25.33", b"2.05.33"))
    source = read_source(tmp_path / "in.dcm")
    result = new_object(source, sop_class=SecondaryCaptureImageStorage, made=MADE)
    item = reference(source, purpose=codes.DCM.SourceImageForSegmentation)
    result.save_as(tmp_path / "out.dcm", implicit_vr=False)
    assert item.ReferencedSOPInstanceUID == "2.05.33"
    assert (result.PatientBirthDate, result.AccessionNumber) == ("1.1.2000", "A" * 20)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [("StudyInstanceUID", r"0020,000D"), ("SOPInstanceUID", r"0008,0018"), ("SOPClassUID", r"0008,0016")],
)
def test_source_that_cannot_be_referred_to(
    keyword: str, tag: str, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    make_mammogram(tmp_path / "in.dcm", without=(keyword,))
    with pytest.raises(ImageError, match=rf"in.dcm: {keyword} \({tag}\) is missing or empty; .* UIDs") as caught:
        read_source(tmp_path / "in.dcm")
    assert caught.value.code == "no-uid"


def test_source_that_is_no_dicom_file(a_file: Path) -> None:
    with pytest.raises(ImageError, match="taken: is not a DICOM file"):
        read_source(a_file)


def test_reference_and_equipment(make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    original = make_mammogram(tmp_path / "in.dcm")
    item = reference(read_source(tmp_path / "in.dcm"), purpose=codes.DCM.SourceImageForSegmentation)
    assert item.ReferencedSOPInstanceUID == original.SOPInstanceUID
    assert item.ReferencedSOPClassUID == original.SOPClassUID
    assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121233"
    equipment = contributing_equipment(ModelInfo("dib-mg", "0.1.0", "ab" * 32), made=MADE)
    assert equipment.ManufacturerModelName == "dib-mg" and equipment.SoftwareVersions[0] == "0.1.0"
    assert "ab" * 32 in equipment.ContributionDescription


def test_uids_are_never_the_same() -> None:
    uids = {new_uid() for _ in range(100)}
    assert len(uids) == 100 and all(uid.is_valid and uid.startswith("2.25.") for uid in uids)
