"""INbreast: Moreira et al., Academic Radiology 2012."""

import plistlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.parsers.expat import ExpatError

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import DENSITIES, LeftOut, PublicDataset, Reading
from dibmg_monai.exams.datasets.entries import Image, chosen, denser, entry_of, grouped, images_of, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.exams.datasets.tables import read_csv

TABLE = "INbreast.csv"
COLUMNS = ("Laterality", "View", "Acquisition date", "File Name", "ACR", "Bi-Rads")
BIRADS = {"1": 1, "2": 2, "3": 3, "4a": 4, "4b": 4, "4c": 4, "5": 5, "6": 6}
SUSPICIOUS = 4  # the lowest BI-RADS that counts as cancer

# The view in the name is not used: it is ML where the table has MLO.
FILE_NAME = re.compile(r"(?P<image>\d+)_(?P<patient>[0-9a-f]+)_MG_[LR]_[A-Z]+_ANON\.dcm")

# Outlined findings, as they are spelled in the files -> feature of a datalist, if it is one of these
FINDINGS = {
    "mass": "mass",
    "spiculated region": "",
    "espiculated region": "",
    "distortion": "distortion",
    "asymmetry": "asymmetry",
    "assymetry": "asymmetry",
    "cluster": "calcification",
}
SINGLE_CALCIFICATIONS = ("calcification", "calcifications")


@dataclass(frozen=True)
class _Outline:
    """A finding: its name in small letters, and its points as (x, y), the corner of the first pixel being (0, 0)."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def region(self) -> dict[str, list]:
        """A polygon, the center of the first pixel being (0, 0); or the pixels that one or two points lie in."""
        if len(self.points) > 2:
            return {"polygon": [[y - 0.5, x - 0.5] for x, y in self.points]}
        columns, rows = (sorted(map(int, values)) for values in zip(*self.points, strict=True))
        return {"box": [rows[0], columns[0], rows[-1], columns[-1]]}


def read(root: Path) -> Reading:
    """Read ``INbreast.csv``, the names of the images and, for cancers, ``AllXML``."""
    folder = Folder.of(root)
    left_out: list[LeftOut] = []
    rows = read_csv(folder.table(TABLE), columns=COLUMNS, delimiter=";")
    files: dict[str, PurePosixPath] = {}
    for file in folder.ending(".dcm"):
        if name := FILE_NAME.fullmatch(file.name):
            files[name["image"]] = file
        else:
            left_out.append(LeftOut("image", file.as_posix(), "is not named as the images of INbreast are"))
    columns = ("File Name", "Laterality", "View")
    images = [image for image in images_of(rows, files, table=TABLE, columns=columns, left_out=left_out) if image.file]
    outlines = {file.stem: root / file for file in folder.ending(".xml") if file.parent.name == "AllXML"}
    exams = grouped(images, lambda image: f"{_patient(image)}-{image.row.text('Acquisition date')}")
    made = (_entry(exam_id, images, outlines=outlines, left_out=left_out) for exam_id, images in exams.items())
    return Reading({"testing": kept(made, left_out=left_out)}, tuple(left_out))


def _patient(image: Image) -> str:
    """The patient, as the image's name has it."""
    return PurePosixPath(image.file).name.split("_")[1]


def _entry(exam_id: str, images: list[Image], *, outlines: dict[str, Path], left_out: list[LeftOut]) -> Entry | LeftOut:
    birads = {image.file: image.row.choice("Bi-Rads", BIRADS) for image in images}
    highest = max(birads.values())
    if highest == 3:
        return LeftOut("exam", exam_id, "BI-RADS 3: neither cancer nor normal")
    used = chosen(images, left_out=left_out)
    findings = {
        view: list(_findings(outlines[image_id], left_out=left_out))
        for view, image in used.items()
        if birads[image.file] >= SUSPICIOUS and (image_id := image.row.text("File Name")) in outlines
    }
    return entry_of(
        exam_id=exam_id,
        label=int(highest >= SUSPICIOUS),
        benign=highest == 2 or None,
        **{view.value: image.file for view, image in used.items()},
        patient_id=_patient(images[0]),
        manufacturer="Siemens",  # MammoNovation, in all exams (Moreira 2012)
        density=denser(image.row.choice("ACR", {"": "", **DENSITIES}) for image in images),
        features=sorted(
            {FINDINGS.get(outline.name, "calcification") for found in findings.values() for outline in found} - {""}
        ),
        cancer_side=sides(image.row.text("Laterality") for image in images if birads[image.file] >= SUSPICIOUS),
        malignant_regions={
            view.value: [outline.region for outline in found] for view, found in findings.items() if found
        },
        birads=highest,
    )


def _findings(path: Path, *, left_out: list[LeftOut]) -> Iterator[_Outline]:
    """The outlines that count as the cancer of an image."""
    outlines = _read_outlines(path)
    beside = any(outline.name in FINDINGS for outline in outlines)
    for outline in outlines:
        if outline.name in SINGLE_CALCIFICATIONS and beside:
            left_out.append(LeftOut("region", path.name, "a single calcification in an image with another finding"))
        elif outline.name in (*FINDINGS, *SINGLE_CALCIFICATIONS):
            yield outline
        else:
            left_out.append(LeftOut("region", f"{path.name}: {outline.name}", "its name is not that of a finding"))


def _read_outlines(path: Path) -> list[_Outline]:
    """The regions of interest of an image, as OsiriX exports them."""
    try:
        with path.open("rb") as file:
            regions = [region for image in plistlib.load(file)["Images"] for region in image["ROIs"]]
        return [_Outline(region["Name"].strip().lower(), _points(region["Point_px"])) for region in regions]
    except (
        OSError,
        ExpatError,
        plistlib.InvalidFileException,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        found = f"cannot be read as regions of OsiriX ({type(error).__name__}: {error})"
        needed = "a property list of Images with ROIs, each with a Name and with Point_px such as '(12.5, 40.0)',"
        raise DatalistError(f"{path}: {found}; {needed} is needed") from error


def _points(texts: list[str]) -> tuple[tuple[float, float], ...]:
    """Points of such texts as "(12.5, 40.0)"; at least one."""
    points = [text.strip("()").split(",") for text in texts]
    if not points:
        raise ValueError("a region has no points")
    return tuple((float(x), float(y)) for x, y in points)


INBREAST = PublicDataset(
    name="inbreast",
    title="INbreast",
    homepage="http://medicalresearch.inescporto.pt/breastresearch/index.php/Get_INbreast_Database",
    licence="""On request from the Breast Research Group of INESC Porto, for research; the release names no public
        licence.""",
    citation="""Moreira IC, Amaral I, Domingues I, Cardoso A, Cardoso MJ, Cardoso JS. INbreast: toward a full-field
        digital mammographic database. Academic Radiology 2012;19:236-248. doi:10.1016/j.acra.2011.09.014""",
    layout="""INbreast.csv (cells parted by semicolons; the .xls is not read), AllDICOMs with images such as
        20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm, and AllXML with outlines such as 20586908.xml. The images of one
        patient (second part of the name) and one acquisition date are an exam. Only the names tell the patient: of an
        exam with missing images, those that are there decide.""",
    label_rule="""The table has no biopsies: the highest BI-RADS of the exam's images decides. 4a to 6: cancer, in the
        breasts that have it. 1: normal. 2: label 0, marked benign. 3: left out. Of a view with several images, the
        first by name is used; views other than CC and MLO are left out. Malignant regions are the outlines in images
        of BI-RADS 4a to 6; single calcifications, which are mostly benign, only where nothing else is outlined.
        Density is that of the denser breast.""",
    parts="No official split: all exams are in testing.",
    read=read,
)
