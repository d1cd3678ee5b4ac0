"""CMMD, the Chinese Mammography Database: Cui et al., The Cancer Imaging Archive 2021."""

from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import LeftOut, PublicDataset, Reading, one_file_a_view
from dibmg_monai.exams.datasets.entries import LATERALITIES, entry_of, grouped, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.exams.datasets.tables import Row, rows
from dibmg_monai.views import View

if TYPE_CHECKING:
    from dibmg_monai.exams.scanning import Scan

TABLE = "CMMD_clinicaldata_revision.xlsx"
COLUMNS = ("ID1", "LeftRight", "Age", "abnormality", "classification", "subtype")
MALIGNANT = {"Malignant": True, "Benign": False}
FEATURES = {"mass": ["mass"], "calcification": ["calcification"], "both": ["calcification", "mass"]}


def read(root: Path) -> Reading:
    """Read the table of breasts, and the header of every image for its patient, side and view."""
    from dibmg_monai.exams.scanning import scan

    left_out: list[LeftOut] = []
    breasts = grouped(_read_table(Folder.of(root).table(TABLE)), lambda row: row.text("ID1"))
    images = _images(scan(root), left_out=left_out)
    for patient in sorted(images.keys() - breasts.keys()):
        left_out.append(LeftOut("exam", patient, f"has no row in {TABLE}"))
    made = (_entry(patient, found, images.get(patient, []), left_out=left_out) for patient, found in breasts.items())
    return Reading({"testing": kept(made, left_out=left_out)}, tuple(left_out))


def _read_table(path: Path) -> list[Row]:
    """The first sheet of an Excel file."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        lines = [
            (f"row {number}", ["" if cell is None else str(cell) for cell in cells])
            for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1)
        ]
    except (OSError, BadZipFile, InvalidFileException, LookupError, ValueError) as error:
        raise DatalistError(f"{path}: cannot be read ({error}); an Excel file (.xlsx) is needed") from error
    return rows(lines, path=path, columns=COLUMNS)


def _images(found: "Scan", *, left_out: list[LeftOut]) -> dict[str, list[tuple[View, str]]]:
    """Patient -> view and file of each image that may enter an exam."""
    for file, why in found.refusals.items():
        if why.code != "not-dicom":
            left_out.append(LeftOut("image", file.as_posix(), f"cannot enter an exam: {why.code}"))
    images: dict[str, list[tuple[View, str]]] = {}
    for file, header in found.headers.items():
        if header.view and file not in found.refusals:
            images.setdefault(header.patient, []).append((header.view, file.as_posix()))
    return images


def _entry(patient: str, breasts: list[Row], images: list[tuple[View, str]], *, left_out: list[LeftOut]) -> Entry:
    malignant = [row for row in breasts if row.choice("classification", MALIGNANT)]
    deciding = malignant or breasts
    return entry_of(
        exam_id=patient,
        label=int(bool(malignant)),
        benign=not malignant or None,
        **one_file_a_view(images, left_out=left_out),
        patient_id=patient,
        age_years=breasts[0].number("Age"),
        features=sorted({feature for row in deciding for feature in row.choice("abnormality", FEATURES)}),
        cancer_side=sides(row.choice("LeftRight", LATERALITIES) for row in malignant),
        subtype=next(filter(None, (row.text("subtype") for row in malignant)), ""),
    )


CMMD = PublicDataset(
    name="cmmd",
    title="The Chinese Mammography Database (CMMD)",
    homepage="https://www.cancerimagingarchive.net/collection/cmmd/",
    licence="CC BY 4.0.",
    citation="""Cui C, Li L, Cai H, Fan Z, Zhang L, Dan T, Li J, Wang J. The Chinese Mammography Database (CMMD): an
        online mammography database with biopsy confirmed types for machine diagnosis of breast. The Cancer Imaging
        Archive 2021. doi:10.7937/tcia.eqde-4b16""",
    layout=f"""{TABLE} and the images as the NBIA Data Retriever stores them, under CMMD/PATIENT/...; their headers
        tell patient, side and view, so that the folders' names do not matter. All images of a patient are an exam.""",
    label_rule="""By biopsy, for each breast. A malignant breast makes the exam a cancer, on its side; otherwise the
        label is 0, marked benign: there are no normal exams. Features are those of the malignant breasts, in benign
        exams of the benign ones; subtype (a column of ours) is the molecular one. Of a view with several images, the
        first by name is used. Exams without an image of the malignant breast are left out.""",
    parts="No official split: all exams are in testing.",
    read=read,
)
