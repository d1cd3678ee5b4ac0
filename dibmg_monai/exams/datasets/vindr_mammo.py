"""VinDr-Mammo: Nguyen et al., Scientific Data 2023."""

import ast
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import LeftOut, PublicDataset, Reading
from dibmg_monai.exams.datasets.entries import Image, chosen, denser, entry_of, grouped, images_of, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.exams.datasets.tables import Row, read_csv

BREASTS, FINDINGS, METADATA = "breast-level_annotations.csv", "finding_annotations.csv", "metadata.csv"
COLUMNS = {
    BREASTS: (
        *("study_id", "image_id", "laterality", "view_position", "height", "width"),
        *("breast_birads", "breast_density", "split"),
    ),
    FINDINGS: ("image_id", "finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax"),
    METADATA: ("SOP Instance UID", "Patient's Age", "Manufacturer"),
}
BIRADS = {f"BI-RADS {number}": number for number in (1, 2, 3, 4, 5)}
SUSPICIOUS = 4  # the lowest BI-RADS that counts as cancer
DENSITIES = {f"DENSITY {letter}": letter for letter in "ABCD"}
PARTS = {"training": "training", "test": "testing"}
FEATURES = {
    "Mass": "mass",
    "Suspicious Calcification": "calcification",
    "Asymmetry": "asymmetry",
    "Focal Asymmetry": "asymmetry",
    "Global Asymmetry": "asymmetry",
    "Architectural Distortion": "distortion",
}
NO_FINDING = "No Finding"
AGE = re.compile(r"0*(?P<years>[1-9]\d*)Y")


def read(root: Path) -> Reading:
    """Read the three tables and list the images."""
    folder = Folder.of(root)
    left_out: list[LeftOut] = []
    tables = {name: read_csv(folder.table(name), columns=columns) for name, columns in COLUMNS.items()}
    files = {file.stem: file for file in folder.ending(".dicom")}
    columns = ("image_id", "laterality", "view_position")
    images = images_of(tables[BREASTS], files, table=BREASTS, columns=columns, left_out=left_out)
    findings = grouped(tables[FINDINGS], lambda row: row.text("image_id"))
    metadata = {row.text("SOP Instance UID"): row for row in tables[METADATA]}
    exams = grouped(images, lambda image: image.row.text("study_id"))
    parts = {study: _part(images) for study, images in exams.items()}
    made = (
        _entry(study, images, findings=findings, metadata=metadata, left_out=left_out)
        for study, images in exams.items()
    )
    entries = kept(made, left_out=left_out)
    datalist = {part: [entry for entry in entries if parts[entry["exam_id"]] == part] for part in PARTS.values()}
    return Reading(datalist, tuple(left_out))


def _part(images: list[Image]) -> str:
    """The part that a study is in, officially.

    Raises:
        DatalistError: if its images are in several.
    """
    first = images[0].row
    for image in images:
        if image.row.text("split") != first.text("split"):
            raise image.row.wrong("split", allowed=f"{first.text('split')!r}, as for other images of the study,")
    return first.choice("split", PARTS)


def _entry(
    study: str,
    images: list[Image],
    *,
    findings: Mapping[str, list[Row]],
    metadata: Mapping[str, Row],
    left_out: list[LeftOut],
) -> Entry | LeftOut:
    birads = [image.row.choice("breast_birads", BIRADS) for image in images]
    highest = max(birads)
    if highest == 3:
        return LeftOut("exam", study, "BI-RADS 3: neither cancer nor normal")
    used = chosen(images, left_out=left_out)
    suspicious = {
        view: _suspicious(findings.get(image.row.text("image_id"), []), left_out=left_out)
        for view, image in used.items()
    }
    headers = [metadata[image_id] for image in images if (image_id := image.row.text("image_id")) in metadata]
    return entry_of(
        exam_id=study,
        label=int(highest >= SUSPICIOUS),
        benign=highest == 2 or None,
        **{view.value: image.file for view, image in used.items()},
        age_years=_age(study, headers, left_out=left_out),
        manufacturer=next(filter(None, (row.text("Manufacturer") for row in headers)), ""),
        density=denser(image.row.choice("breast_density", DENSITIES) for image in images),
        features=sorted({feature for rows in suspicious.values() for row in rows for feature in _features(row)}),
        cancer_side=sides(
            image.row.text("laterality") for image, number in zip(images, birads, strict=True) if number >= SUSPICIOUS
        ),
        malignant_regions={
            view.value: [_box(finding, used[view].row) for finding in rows] for view, rows in suspicious.items() if rows
        },
        birads=highest,
    )


def _suspicious(rows: Iterable[Row], *, left_out: list[LeftOut]) -> list[Row]:
    """The findings of an image that count as cancer."""
    findings: list[Row] = []
    for row in rows:
        if _categories(row) == [NO_FINDING]:
            continue
        if row.choice("finding_birads", {"": 0, **BIRADS}) >= SUSPICIOUS:
            findings.append(row)
        else:
            left_out.append(LeftOut("region", row.text("image_id"), "a finding below BI-RADS 4, or without BI-RADS"))
    return findings


def _categories(row: Row) -> list[str]:
    """The kinds of a finding, which the table has as Python writes a list: ``['Mass', 'Skin Thickening']``."""
    try:
        value = ast.literal_eval(row.text("finding_categories"))
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, list) or not value or not all(isinstance(kind, str) for kind in value):
        raise row.wrong("finding_categories", allowed="a list such as ['Mass', 'Skin Thickening']")
    return value


def _features(row: Row) -> list[str]:
    return [FEATURES[kind] for kind in _categories(row) if kind in FEATURES]


def _box(finding: Row, image: Row) -> dict[str, list[int]]:
    """The pixels that a finding's rectangle touches, as far as they are on the image; some reach beyond it."""
    height, width = int(_number(image, "height")), int(_number(image, "width"))
    left, top, right, bottom = (_number(finding, column) for column in ("xmin", "ymin", "xmax", "ymax"))
    rows = max(0, math.floor(top)), min(height, math.ceil(bottom)) - 1
    columns = max(0, math.floor(left)), min(width, math.ceil(right)) - 1
    return {"box": [rows[0], columns[0], rows[1], columns[1]]}


def _number(row: Row, column: str) -> float:
    value = row.number(column)
    if value is None:
        raise row.wrong(column, allowed="a number")
    return value


def _age(study: str, headers: list[Row], *, left_out: list[LeftOut]) -> int | None:
    """The age in years, of such a text as 053Y; None if it is not given."""
    text = next(filter(None, (row.text("Patient's Age") for row in headers)), "")
    if age := AGE.fullmatch(text):
        return int(age["years"])
    if text:
        left_out.append(LeftOut("value", study, "Patient's Age is no number of years"))
    return None


VINDR_MAMMO = PublicDataset(
    name="vindr-mammo",
    title="VinDr-Mammo 1.0.0",
    homepage="https://physionet.org/content/vindr-mammo/1.0.0/",
    licence="PhysioNet Restricted Health Data License 1.5.0: registered users who sign the data use agreement.",
    citation="""Nguyen HT, Nguyen HQ, Pham HH, Lam K, Le LT, Dao M, Vu V. VinDr-Mammo: a large-scale benchmark dataset
        for computer-aided diagnosis in full-field digital mammography. Scientific Data 2023;10:277.
        doi:10.1038/s41597-023-02100-7; data: doi:10.13026/br2v-7517""",
    layout=f"{BREASTS}, {FINDINGS}, {METADATA} and images/STUDY/IMAGE.dicom.",
    label_rule="""There are no biopsies: the higher BI-RADS of the two breasts, as arbitrated, decides. 4 or 5: cancer,
        in the breasts that have it. 1: normal. 2: label 0, marked benign. 3: left out. To count 5 alone as cancer,
        take the entries with birads 4 out. Of a view with several images, the first by name is used. Malignant regions
        are the boxes of findings of BI-RADS 4 or 5. Density is that of the denser breast.""",
    parts="The official ones: training, and test as testing. No table names the patients, so each exam stands alone.",
    read=read,
)
