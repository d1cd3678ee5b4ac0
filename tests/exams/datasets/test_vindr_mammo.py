from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.regions import read_lesions
from dibmg_monai.exams.datasets.vindr_mammo import VINDR_MAMMO
from tests.exams.datasets.read_back import read_back

BREASTS = "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split"
FINDINGS = (
    "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,"
    "finding_categories,finding_birads,xmin,ymin,xmax,ymax,split"
)
METADATA = (
    "SOP Instance UID,Series Instance UID,SOP Instance UID.1,Photometric Interpretation,Imager Pixel Spacing,"
    "Image Laterality,View Position,Patient's Age,Manufacturer,Manufacturer's Model Name"
)
VIEWS = ("L,CC", "L,MLO", "R,CC", "R,MLO")
CANCER, NORMAL, BENIGN, DOUBTFUL, TESTED = (letter * 32 for letter in "abcde")
# study -> BI-RADS of the left and of the right breast, part
STUDIES = {
    CANCER: (5, 3, "training"),
    NORMAL: (1, 1, "training"),
    BENIGN: (1, 2, "training"),
    DOUBTFUL: (3, 1, "training"),
    TESTED: (2, 4, "test"),
}
LESION = np.zeros((30, 20), np.uint16)
LESION[10:16, 4:9] = 3000


def image_of(study: str, number: int) -> str:
    return f"{study[:30]}{number:02}"


@pytest.fixture
def release(tmp_path: Path, write_mammogram: Callable[..., Path]) -> Path:
    """A release of five exams; the lesion is on all images."""
    breasts, findings, metadata = [BREASTS], [FINDINGS], [METADATA]
    for study, (left, right, part) in STUDIES.items():
        for number, view in enumerate(VIEWS):
            image = image_of(study, number)
            birads, density = (left, "C") if view[0] == "L" else (right, "B")
            row = f"{study},{study[::-1]},{image},{view},30,20,BI-RADS {birads},DENSITY {density}"
            breasts.append(f"{row},{part}")
            if not (study == CANCER and view[0] == "L"):
                findings.append(f"{row},['No Finding'],,,,,,{part}")
            metadata.append(f'{image},x,{image},MONOCHROME2,"[0.085, 0.085]",L,CC,053Y,SIEMENS,Mammomat Inspiration')
            write_mammogram(f"images/{study}/{image}.dicom", LESION)
    row = f"{CANCER},x,{image_of(CANCER, 0)},L,CC,30,20,BI-RADS 5,DENSITY C"
    findings += [
        f"{row},\"['Nipple Retraction', 'Mass']\",BI-RADS 5,4.3,10.25,8.9,15.75,training",
        f"{row},['Suspicious Calcification'],BI-RADS 4,-6.25,27.5,3.0,31.0,training",
        f"{row},['Skin Thickening'],,0.5,0.5,3.0,3.0,training",
        f"{row},['Asymmetry'],BI-RADS 3,0.5,0.5,3.0,3.0,training",
    ]
    for name, lines in {"breast-level": breasts, "finding": findings}.items():
        (tmp_path / f"{name}_annotations.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "metadata.csv").write_text("\n".join(metadata) + "\n")
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_exams_labels_and_the_official_parts(release: Path) -> None:
    entries, left_out = read_back(VINDR_MAMMO, release)
    assert entries[TESTED] == {
        "exam_id": TESTED,
        "label": 1,
        **{f"{view[0]}{view[2:]}": f"images/{TESTED}/{image_of(TESTED, n)}.dicom" for n, view in enumerate(VIEWS)},
        "age_years": 53,
        "manufacturer": "SIEMENS",
        "density": "C",
        "cancer_side": "R",
        "birads": 4,
    }
    labels = {exam: (entry["label"], entry.get("benign"), entry["birads"]) for exam, entry in entries.items()}
    assert labels == {CANCER: (1, None, 5), NORMAL: (0, None, 1), BENIGN: (0, True, 2), TESTED: (1, None, 4)}
    parts = VINDR_MAMMO.read(release).datalist
    assert {part: [entry["exam_id"] for entry in entries] for part, entries in parts.items()} == {
        "training": [CANCER, NORMAL, BENIGN],
        "testing": [TESTED],
    }
    assert left_out == {
        ("exam", "BI-RADS 3: neither cancer nor normal"): 1,
        ("region", "a finding below BI-RADS 4, or without BI-RADS"): 2,
    }


def test_boxes_cover_the_lesion_in_the_pixels(release: Path) -> None:
    entries, _ = read_back(VINDR_MAMMO, release)
    entry = entries[CANCER]
    assert (entry["cancer_side"], entry["features"]) == ("L", ["calcification", "mass"])
    assert set(entry["malignant_regions"]) == {"LCC"}
    (mass, calcification), _ = read_lesions(entry, "LCC", dataset_dir=release, shape=LESION.shape)
    covered = np.zeros(LESION.shape, bool)
    covered[mass.top : mass.top + mass.mask.shape[0], mass.left : mass.left + mass.mask.shape[1]] = mass.mask
    assert np.array_equal(covered, LESION > 0)
    # it reaches beyond the left and the lower edge
    assert entry["malignant_regions"]["LCC"][1] == {"box": [27, 0, 29, 2]}
    assert calcification.area == 9


def test_two_images_of_a_view(release: Path) -> None:
    """As published: one study has RCC twice and no RMLO."""
    change(release / "breast-level_annotations.csv", f"{image_of(NORMAL, 3)},R,MLO", f"{image_of(NORMAL, 3)},R,CC")
    entries, left_out = read_back(VINDR_MAMMO, release)
    assert "RMLO" not in entries[NORMAL]
    assert entries[NORMAL]["RCC"].endswith(f"{image_of(NORMAL, 2)}.dicom")
    assert left_out["image", "another image of this view; the first by name is used"] == 1


@pytest.mark.parametrize(("age", "years", "count"), [("", None, 0), ("009Y", 9, 0), ("000Y", None, 1), ("53", None, 1)])
def test_ages(age: str, years: int | None, count: int, release: Path) -> None:
    text = (release / "metadata.csv").read_text()
    (release / "metadata.csv").write_text(
        "\n".join(line.replace("053Y", age) if line.startswith("b" * 30) else line for line in text.splitlines())
    )
    entries, left_out = read_back(VINDR_MAMMO, release)
    assert entries[NORMAL].get("age_years") == years
    assert left_out["value", "Patient's Age is no number of years"] == count


def test_absent_images_change_no_label(release: Path) -> None:
    for number in range(4):
        (release / f"images/{NORMAL}/{image_of(NORMAL, number)}.dicom").unlink()
    for number in (2, 3):
        (release / f"images/{TESTED}/{image_of(TESTED, number)}.dicom").unlink()
    entries, left_out = read_back(VINDR_MAMMO, release)
    assert set(entries) == {CANCER, BENIGN}
    assert left_out["image", "is in breast-level_annotations.csv, but not in the folder"] == 6
    assert left_out["exam", "has no image of a standard view"] == 1
    assert left_out["exam", "has no image of the breast with the cancer"] == 1


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        (
            "breast-level_annotations",
            "breast_birads",
            "birads",
            "has no column 'breast_birads'; it has study id, series",
        ),
        ("finding_annotations", "xmin", "x", "finding_annotations.csv: has no column 'xmin'"),
        ("metadata", "Patient's Age", "Age", 'metadata.csv: has no column "Patient\'s Age"'),
        ("breast-level_annotations", "BI-RADS 5", "BI-RADS 7", "line 2: breast_birads is 'BI-RADS 7'; 'BI-RADS 1' or"),
        ("breast-level_annotations", "DENSITY C,test", "C,test", "breast_density is 'C'; 'DENSITY A' or 'DENSITY B'"),
        ("breast-level_annotations", ",test", ",dev", "split is 'dev'; 'training' or 'test' is needed"),
        ("finding_annotations", "['Asymmetry']", "Asymmetry", r"finding_categories is 'Asymmetry'; a list such as"),
        ("finding_annotations", "4.3,10.25", ",10.25", "xmin is ''; a number is needed"),
        ("finding_annotations", "4.3,10.25", "left,10.25", "xmin is 'left'; a number is needed"),
    ],
)
def test_another_table(table: str, old: str, new: str, message: str, release: Path) -> None:
    change(release / f"{table}.csv", old, new)
    with pytest.raises(DatalistError, match=message):
        VINDR_MAMMO.read(release)


def test_an_exam_in_two_parts(release: Path) -> None:
    row = f"{image_of(TESTED, 3)},R,MLO,30,20,BI-RADS 4,DENSITY B,"
    change(release / "breast-level_annotations.csv", f"{row}test", f"{row}training")
    with pytest.raises(DatalistError, match="split is 'training'; 'test', as for other images of the study, is needed"):
        VINDR_MAMMO.read(release)


@pytest.mark.parametrize("table", ["breast-level_annotations.csv", "finding_annotations.csv", "metadata.csv"])
def test_no_table(table: str, release: Path) -> None:
    (release / table).unlink()
    with pytest.raises(DatalistError, match=f"a file named {table} is needed; there is none"):
        VINDR_MAMMO.read(release)
