"""CBIS-DDSM, the curated subset of DDSM: Lee et al., Scientific Data 2017; 4:170177."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import DENSITIES, LeftOut, PublicDataset, Reading, one_file_a_view
from dibmg_monai.exams.datasets.ddsm_terms import lesion_features
from dibmg_monai.exams.datasets.entries import entry_of, grouped, kept, sides
from dibmg_monai.exams.datasets.folder import DICOM, Folder
from dibmg_monai.exams.datasets.tables import Row, read_csv
from dibmg_monai.views import View

# Table -> how the names of its images begin, and the part.
TABLES = {
    "calc_case_description_train_set.csv": ("Calc-Training", "training"),
    "calc_case_description_test_set.csv": ("Calc-Test", "testing"),
    "mass_case_description_train_set.csv": ("Mass-Training", "training"),
    "mass_case_description_test_set.csv": ("Mass-Test", "testing"),
}
COLUMNS = (
    *("patient_id", "breast density", "left or right breast", "image view", "abnormality id", "abnormality type"),
    *("assessment", "pathology", "subtlety"),
)
IMAGE = re.compile(r"(Calc|Mass)-(Training|Test)_P_\d+_(LEFT|RIGHT)_(CC|MLO)(_\d+)?")
SIDES = {"LEFT": "L", "RIGHT": "R"}
MALIGNANT = {"MALIGNANT": True, "BENIGN": False, "BENIGN_WITHOUT_CALLBACK": False}
TYPES = {"mass": "mass", "calcification": "calcification"}


@dataclass(frozen=True)
class Finding:
    """A row: an abnormality on an image.

    Attributes:
        row: the row.
        part: training or testing.
        image: the image's name, such as ``Mass-Training_P_00001_LEFT_CC``, which its folder has.
        view: what the image shows.
        malignant: the pathology.
    """

    row: Row
    part: str
    image: str
    view: View
    malignant: bool

    @property
    def region(self) -> str:
        """The name of the mask and of the cropped image."""
        return f"{self.image}_{self.row.text('abnormality id')}"

    @property
    def features(self) -> set[str]:
        """What it looks like, in a datalist's words."""
        return lesion_features(self.row.choice("abnormality type", TYPES), self.row.text("mass shape"))


def read(root: Path) -> Reading:
    """Read the four tables, and of DICOM headers the sizes of images and masks of cancers."""
    folder = Folder.of(root)
    findings = [finding for table in TABLES for finding in _findings(folder.table(table), table=table)]
    files = _files_by_name(folder)
    left_out = [
        LeftOut("image", str(file), "has no row in the tables")
        for name in sorted(files.keys() - {finding.image for finding in findings})
        if not name[-1].isdigit()
        for file in files[name]
    ]
    patients = grouped(findings, lambda finding: finding.row.text("patient_id"))
    entries = {
        entry["exam_id"]: entry
        for entry in kept(
            (_entry(patient, found, files, folder, left_out=left_out) for patient, found in patients.items()),
            left_out=left_out,
        )
    }
    parts = {patient: _part(patient, found, left_out=left_out) for patient, found in patients.items()}
    datalist = {
        part: [entry for patient, entry in entries.items() if parts[patient] == part]
        for part in ("training", "testing")
    }
    return Reading(datalist, tuple(left_out))


def _findings(path: Path, *, table: str) -> Iterable[Finding]:
    prefix, part = TABLES[table]
    for row in read_csv(path, columns=COLUMNS):
        side, view = row.choice("left or right breast", SIDES), row.choice("image view", {"CC": "CC", "MLO": "MLO"})
        image = f"{prefix}_{row.text('patient_id')}_{row.text('left or right breast')}_{view}"
        yield Finding(row, part, image, View(side + view), row.choice("pathology", MALIGNANT))


def _files_by_name(folder: Folder) -> dict[str, list[PurePosixPath]]:
    """The files of every image, mask and cropped image: all are in a folder of its name, at whatever depth."""
    files: dict[str, list[PurePosixPath]] = {}
    for file in folder.ending(*DICOM):
        if name := next((name for name in file.parts[:-1] if IMAGE.fullmatch(name)), None):
            files.setdefault(name, []).append(file)
    if not files:
        needed = "DICOM files in folders named like Mass-Training_P_00001_LEFT_CC are needed"
        raise DatalistError(f"{folder.root}: {needed}; there are none, at any depth")
    return files


def _part(patient: str, findings: list[Finding], *, left_out: list[LeftOut]) -> str:
    """Testing as soon as one of the patient's images is in the official test part."""
    parts = {finding.part for finding in findings}
    if len(parts) > 1:
        left_out.append(LeftOut("exam", patient, "in both official parts: here as a whole in testing"))
    return "testing" if "testing" in parts else "training"


def _entry(
    patient: str,
    findings: list[Finding],
    files: dict[str, list[PurePosixPath]],
    folder: Folder,
    *,
    left_out: list[LeftOut],
) -> Entry:
    images = {finding.image: finding.view for finding in findings}
    left_out += [LeftOut("image", name, "in the tables, but not in the folder") for name in images if name not in files]
    found = [(view, str(file)) for name, view in images.items() for file in files.get(name, [])]
    views = one_file_a_view(found, left_out=left_out)
    malignant = [finding for finding in findings if finding.malignant]
    deciding = malignant or findings
    densities = {finding.row.text("breast density") for finding in findings}
    density = DENSITIES.get(min(densities)) if len(densities) == 1 else None
    if density is None:
        left_out.append(LeftOut("value", f"{patient} breast density", "not 1 to 4, or several"))
    return entry_of(
        exam_id=patient,
        label=int(bool(malignant)),
        benign=not malignant or None,
        **views,
        patient_id=patient,
        density=density,
        features=sorted({feature for finding in deciding for feature in finding.features}),
        cancer_side=sides(finding.view.laterality for finding in malignant),
        malignant_regions=_regions(malignant, views, files, folder, left_out=left_out),
        birads=_highest(deciding, "assessment"),
        subtlety=_highest(deciding, "subtlety"),
    )


def _highest(findings: list[Finding], column: str) -> int | None:
    numbers = [number for finding in findings if (number := finding.row.number(column)) is not None]
    return int(max(numbers)) if numbers else None


def _regions(
    malignant: list[Finding],
    views: dict[str, str],
    files: dict[str, list[PurePosixPath]],
    folder: Folder,
    *,
    left_out: list[LeftOut],
) -> dict[str, list[dict[str, str]]]:
    """View -> masks. Tables and headers often take one for the cropped image; only the mask has the image's size."""
    regions: dict[str, list[dict[str, str]]] = {}
    for finding in malignant:
        if finding.view not in views:
            continue
        size = folder.image_size(views[finding.view])
        masks = [str(file) for file in files.get(finding.region, []) if folder.image_size(file) == size]
        if len(masks) == 1:
            regions.setdefault(finding.view.value, []).append({"mask": masks[0]})
        else:
            found = "several masks" if masks else "no mask"
            left_out.append(LeftOut("region", finding.region, f"{found} of the image's rows and columns"))
    return regions


CBIS_DDSM = PublicDataset(
    name="cbis-ddsm",
    title="Curated Breast Imaging Subset of DDSM (CBIS-DDSM)",
    homepage="https://www.cancerimagingarchive.net/collection/cbis-ddsm/",
    licence="CC BY 3.0.",
    citation="""Sawyer-Lee R, Gimenez F, Hoogi A, Rubin D. Curated Breast Imaging Subset of Digital Database for
        Screening Mammography (CBIS-DDSM). The Cancer Imaging Archive 2016. doi:10.7937/K9/TCIA.2016.7O02S9CY. And:
        Lee RS, Gimenez F, Hoogi A, Miyake KK, Gorovoy M, Rubin DL. A curated mammography data set for use in
        computer-aided detection and diagnosis research. Sci Data 2017; 4:170177.""",
    layout="""The four tables, mass or calc_case_description_train or test_set.csv, and the DICOM files as the NBIA Data
        Retriever stores them, with classic or descriptive folder names: each image, mask and cropped image is in a
        folder of its name, such as Mass-Training_P_00001_LEFT_CC or, for its first abnormality,
        Mass-Training_P_00001_LEFT_CC_1. The paths in the tables are not used: they name folders that only the classic
        download has, and many take the mask for the cropped image. The mask is the file with the image's rows and
        columns.""",
    label_rule="""By pathology. A MALIGNANT abnormality makes the exam a cancer, on its side; BENIGN and
        BENIGN_WITHOUT_CALLBACK are 0, marked benign: there are no normal exams. All images of a patient are an exam,
        from both kinds of table; of a film that is in both, the copy whose path sorts first is used, with the masks of
        either. Views without an abnormality were not published, so most exams have one breast only. Features, birads
        and subtlety (columns of ours: the highest of each) are of the malignant abnormalities, in benign exams of all.
        Regions are the masks of malignant abnormalities; a mask of another size than its image is left out, and so
        are exams without an image of the breast with the cancer.""",
    parts="""The official ones, training and testing; there is no validation part. 31 patients are in both, as a mass in
        one and as calcifications in the other: they are in testing as a whole.""",
    read=read,
)
