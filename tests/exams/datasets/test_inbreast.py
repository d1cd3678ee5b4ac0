import plistlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dibmg_monai.errors import DatalistError, FolderError
from dibmg_monai.evaluation.regions import read_lesions, union
from dibmg_monai.exams.datasets.inbreast import INBREAST
from tests.exams.datasets.read_back import read_back

HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
CANCER, FOLLOW_UP = "6c613a14b80a8591-200902", "6c613a14b80a8591-201001"
NORMAL, BENIGN, ODD = "36a0f4bbf5c8a5d1-201001", "fe7d005dcbbfb46d-200801", "cc9e66c5b31baab8-200901"
PROBABLY_BENIGN = "dd83315b0588645c-201001"
# exam -> its images: side, view, number, ACR, BI-RADS
IMAGES = {
    CANCER: ["R;CC;20586908;2;2", "L;CC;20586934;3;5", "R;MLO;20586960;2;2", "L;MLO;20586986;3;4c"],
    FOLLOW_UP: ["R;CC;20600001;2;1", "L;CC;20600002;2;6"],
    NORMAL: ["R;MLO;53582540;       ;1", "R;CC;53582567;2;1"],  # as published: ACR is blank in one row
    BENIGN: ["L;CC;24055483;1;2", "L;MLO;24055445;1;1"],
    PROBABLY_BENIGN: ["R;CC;22580192;2;3", "L;CC;22580218;2;1"],
    # as published: a view FB, and two images of RCC
    ODD: ["R;CC;50994273;3;4a", "R;FB;50994300;3;2", "L;MLO;50994327;3;2", "R;CC;50994408;3;2"],
}
LESION = np.zeros((30, 20), np.uint16)
LESION[10:16, 4:9] = 3000
SQUARE = ["(4.100000, 10.100000)", "(8.900000, 10.100000)", "(8.900000, 15.900000)", "(4.100000, 15.900000)"]
WriteFindings = Callable[..., None]


@pytest.fixture
def release(tmp_path: Path, write_mammogram: Callable[..., Path]) -> Path:
    """A release of six exams; the lesion is on all images."""
    lines = [HEADER]
    for exam, images in IMAGES.items():
        patient, date = exam.split("-")
        for image in images:
            side, view, number, acr, birads = image.split(";")
            lines.append(f"removed;removed;{side};{view};{date};{number};{acr};{birads}")
            name = f"{number}_{patient}_MG_{side}_{view.replace('MLO', 'ML')}_ANON.dcm"
            write_mammogram(f"AllDICOMs/{name}", LESION, ImageLaterality=None, ViewCodeSequence=None, ViewPosition=None)
    (tmp_path / "INbreast.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def write_findings(tmp_path: Path) -> WriteFindings:
    """``write_findings(number, (name, points), ...)`` writes the outlines of an image as OsiriX does."""

    def write(number: str, *findings: tuple[str, list[str]]) -> None:
        regions = [
            {"Area": 0.5, "IndexInImage": index, "Name": name, "NumberOfPoints": len(points), "Point_px": points}
            for index, (name, points) in enumerate(findings)
        ]
        path = tmp_path / f"AllXML/{number}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(plistlib.dumps({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(regions), "ROIs": regions}]}))

    return write


def test_exams_and_labels(release: Path) -> None:
    entries, left_out = read_back(INBREAST, release)
    assert entries[CANCER] == {
        "exam_id": CANCER,
        "label": 1,
        "RCC": "AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm",
        "RMLO": "AllDICOMs/20586960_6c613a14b80a8591_MG_R_ML_ANON.dcm",
        "LCC": "AllDICOMs/20586934_6c613a14b80a8591_MG_L_CC_ANON.dcm",
        "LMLO": "AllDICOMs/20586986_6c613a14b80a8591_MG_L_ML_ANON.dcm",
        "patient_id": "6c613a14b80a8591",
        "manufacturer": "Siemens",
        "density": "C",
        "cancer_side": "L",
        "birads": 5,
    }
    labels = {exam: (entry["label"], entry.get("benign"), entry["birads"]) for exam, entry in entries.items()}
    assert labels == {
        CANCER: (1, None, 5),
        FOLLOW_UP: (1, None, 6),
        NORMAL: (0, None, 1),
        BENIGN: (0, True, 2),
        ODD: (1, None, 4),
    }
    assert entries[FOLLOW_UP]["patient_id"] == entries[CANCER]["patient_id"]
    assert entries[NORMAL]["density"] == "B"
    assert entries[ODD]["RCC"].startswith("AllDICOMs/50994273")
    assert left_out == {
        ("exam", "BI-RADS 3: neither cancer nor normal"): 1,
        ("image", "a view other than CC and MLO"): 1,
        ("image", "another image of this view; the first by name is used"): 1,
    }


def test_an_outline_covers_the_lesion_in_the_pixels(release: Path, write_findings: WriteFindings) -> None:
    write_findings("20586934", ("Mass", SQUARE), ("Spiculated Region", SQUARE))
    write_findings("20586986", ("Assymetry", SQUARE))
    write_findings("20586908", ("Cluster", SQUARE))  # an image of BI-RADS 2
    (release / "PectoralMuscle").mkdir()
    (release / "PectoralMuscle/20586986.xml").write_text("not an export")
    entries, _ = read_back(INBREAST, release)
    entry = entries[CANCER]
    assert set(entry["malignant_regions"]) == {"LCC", "LMLO"}
    assert len(entry["malignant_regions"]["LCC"]) == 2
    assert entry["features"] == ["asymmetry", "mass"]
    for view in ("LCC", "LMLO"):
        lesions, _ = read_lesions(entry, view, dataset_dir=release, shape=LESION.shape)
        lesion = union(lesions)
        assert (lesion.top, lesion.left, lesion.mask.shape, lesion.area) == (10, 4, (6, 5), 30)


def test_single_calcifications_count_where_nothing_else_is_outlined(
    release: Path, write_findings: WriteFindings
) -> None:
    write_findings("20586934", ("Calcification", ["(4.990000, 15.010000)"]), ("Calcifications", ["(8.2, 10.0)"]))
    write_findings("20586986", ("Calcification", ["(1.5, 1.5)"]), ("Cluster", SQUARE), ("Point 1", ["(1.5, 1.5)"]))
    entries, left_out = read_back(INBREAST, release)
    regions = entries[CANCER]["malignant_regions"]
    assert regions["LCC"] == [{"box": [15, 4, 15, 4]}, {"box": [10, 8, 10, 8]}]
    assert [list(region) for region in regions["LMLO"]] == [["polygon"]]
    assert entries[CANCER]["features"] == ["calcification"]
    assert left_out["region", "a single calcification in an image with another finding"] == 1
    assert left_out["region", "its name is not that of a finding"] == 1


def test_two_points_are_a_box(release: Path, write_findings: WriteFindings) -> None:
    write_findings("20586934", ("Calcification", ["(8.5, 2.5)", "(4.5, 6.5)"]))
    entries, _ = read_back(INBREAST, release)
    assert entries[CANCER]["malignant_regions"] == {"LCC": [{"box": [2, 4, 6, 8]}]}


def test_files_and_rows_that_do_not_meet(release: Path) -> None:
    for name in IMAGES[FOLLOW_UP]:
        next(release.glob(f"AllDICOMs/{name.split(';')[2]}_*")).unlink()
    (release / "AllDICOMs/._20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm").touch()
    (release / "AllDICOMs/99999999_6c613a14b80a8591_MG_R_CC_ANON.dcm").touch()
    entries, left_out = read_back(INBREAST, release)
    assert FOLLOW_UP not in entries
    assert left_out["image", "is in INbreast.csv, but not in the folder"] == 2
    assert left_out["image", "is not named as the images of INbreast are"] == 1
    assert left_out["image", "has no row in INbreast.csv"] == 1


def test_the_cancer_has_to_be_on_an_image(release: Path) -> None:
    for name in ("50994273", "50994408"):
        next(release.glob(f"AllDICOMs/{name}_*")).unlink()
    table = release / "INbreast.csv"
    table.write_text(table.read_text().replace("50994300;3;2", "50994300;3;4a"))
    entries, left_out = read_back(INBREAST, release)
    assert ODD not in entries
    assert left_out["exam", "has no image of the breast with the cancer"] == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Bi-Rads", "BIRADS", r"INbreast.csv: has no column 'Bi-Rads'; it has patient id, patient age, laterality"),
        (";", ",", "INbreast.csv: has no column 'Laterality'; it has patient id,patient age"),
        ("20586934;3;5", "20586934;3;7", "INbreast.csv, line 3: Bi-Rads is '7'; '1' or '2' or '3' or '4a'"),
        ("20586934;3;5", "20586934;9;5", "INbreast.csv, line 3: ACR is '9'; '' or '1' or '2' or '3' or '4' is needed"),
        ("L;CC;200902", "X;CC;200902", "INbreast.csv, line 3: Laterality is 'X'; 'R' or 'L' is needed"),
    ],
)
def test_another_table(old: str, new: str, message: str, release: Path) -> None:
    table = release / "INbreast.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(DatalistError, match=message):
        INBREAST.read(release)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<plist><dict>",
        plistlib.dumps([]),
        plistlib.dumps({"Pictures": []}),
        plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass", "Point_px": ["4 5"]}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Name": "Mass", "Point_px": []}]}]}),
        plistlib.dumps({"Images": [{"ROIs": [{"Point_px": ["(4, 5)"]}]}]}),
    ],
)
def test_outlines_that_cannot_be_read(content: bytes, release: Path) -> None:
    (release / "AllXML").mkdir()
    (release / "AllXML/20586934.xml").write_bytes(content)
    with pytest.raises(DatalistError, match=r"20586934.xml: cannot be read as regions of OsiriX \(.*Point_px such as"):
        INBREAST.read(release)


def test_no_table(release: Path) -> None:
    (release / "INbreast.csv").rename(release / "INbreast.xls")
    with pytest.raises(DatalistError, match=r"a file named INbreast.csv is needed; there is none"):
        INBREAST.read(release)
    with pytest.raises(FolderError, match="there is no such folder"):
        INBREAST.read(release / "none")
