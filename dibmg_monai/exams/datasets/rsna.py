"""RSNA Screening Mammography Breast Cancer Detection, 2022."""

from pathlib import Path

from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import LeftOut, PublicDataset, Reading
from dibmg_monai.exams.datasets.entries import Image, chosen, denser, entry_of, grouped, images_of, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.exams.datasets.tables import read_csv

TABLE, IMAGES = "train.csv", "train_images"
COLUMNS = (
    *("site_id", "patient_id", "image_id", "laterality", "view", "age", "cancer", "biopsy", "invasive", "BIRADS"),
    *("implant", "density", "machine_id", "difficult_negative_case"),
)
YES_NO = {"1": True, "0": False, "True": True, "False": False}
DENSITIES = {"": "", "A": "A", "B": "B", "C": "C", "D": "D"}
RECALLED = 0  # in BIRADS: the breast required follow-up; 1 and 2 are negative and normal


def read(root: Path) -> Reading:
    """Read ``train.csv`` and list ``train_images``; the test images have no labels."""
    folder = Folder.of(root)
    left_out: list[LeftOut] = []
    rows = read_csv(folder.table(TABLE), columns=COLUMNS)
    files = {file.stem: file for file in folder.ending(".dcm") if IMAGES in file.parts}
    columns = ("image_id", "laterality", "view")
    images = images_of(rows, files, table=TABLE, columns=columns, left_out=left_out)
    patients = grouped(images, lambda image: image.row.text("patient_id"))
    made = (_entry(patient, images, left_out=left_out) for patient, images in patients.items())
    return Reading({"testing": kept(made, left_out=left_out)}, tuple(left_out))


def _entry(patient: str, images: list[Image], *, left_out: list[LeftOut]) -> Entry | LeftOut:
    if _any_says(images, "implant"):
        return LeftOut("exam", patient, "has an implant")
    cancers = [image for image in images if image.row.choice("cancer", YES_NO)]
    recalled = any(image.row.number("BIRADS") == RECALLED for image in images)
    suspected = recalled or _any_says(images, "biopsy") or _any_says(images, "difficult_negative_case")
    first = images[0].row
    return entry_of(
        exam_id=patient,
        label=int(bool(cancers)),
        benign=(suspected and not cancers) or None,
        **{view.value: image.file for view, image in chosen(images, left_out=left_out).items()},
        patient_id=patient,
        age_years=first.number("age"),
        density=denser(image.row.choice("density", DENSITIES) for image in images),
        invasive=_any_says(cancers, "invasive") if cancers else None,
        institution=f"site {first.text('site_id')}",
        cancer_side=sides(image.row.text("laterality") for image in cancers),
        machine_id=first.text("machine_id"),
    )


def _any_says(images: list[Image], column: str) -> bool:
    return any(image.row.choice(column, YES_NO) for image in images)


RSNA = PublicDataset(
    name="rsna",
    title="RSNA Screening Mammography Breast Cancer Detection (2022)",
    homepage="https://www.kaggle.com/competitions/rsna-breast-cancer-detection",
    licence="""For non-commercial purposes, such as academic research and education, on the terms of the competition; no
        attempt to identify anyone.""",
    citation="""Carr C, Kitamura F, Partridge G, et al. RSNA Screening Mammography Breast Cancer Detection. Kaggle
        2022. https://kaggle.com/competitions/rsna-breast-cancer-detection""",
    layout=f"{TABLE} and {IMAGES}/PATIENT/IMAGE.dcm. All images of a patient are an exam.",
    label_rule="""A breast with cancer 1 makes the exam a cancer, on its side. Otherwise the label is 0: marked benign
        if a breast was biopsied, recalled (BIRADS 0) or is a difficult_negative_case; else normal. Half of the rows
        have no BIRADS, and no follow-up is stated. Exams with an implant are left out, as are views other than CC and
        MLO. Of a view with several images, which a third of the exams have, the first by name is used.
        Density is that of the denser breast.""",
    parts="The labelled images have no official split: all exams are in testing.",
    read=read,
)
