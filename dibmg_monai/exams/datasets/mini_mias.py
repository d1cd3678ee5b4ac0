"""mini-MIAS, the database of the Mammographic Image Analysis Society at 1024 x 1024 pixels: Suckling et al. 1994.

Which breast a film shows: the list calls even numbers left and odd ones right. But the films were scanned mirrored, as
the lead markers in them tell: on the films of even numbers they read R ML once turned round, on those of odd numbers
L ML. So odd numbers are left breasts, with the chest wall on the right as stored. An image without a header is hung by
its own pixels (``pixels.orientation``): as an LMLO it has to have the chest wall on the left and so is turned round,
which undoes the mirror. Named RMLO it would stay mirrored, and its breast would be the wrong one. On one pair of the
322 films, 151 and 152, the breast fills the image and its side cannot be seen: these stay as they are.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import LeftOut, PublicDataset, Reading, one_file_a_view
from dibmg_monai.exams.datasets.entries import entry_of, grouped, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.views import View

SIDE = 1024  # pixels
ROW = re.compile(r"(?i)(mdb\d{3})\s")
REFERENCE = re.compile(r"mdb(\d{3})\.(pgm|png)")
TISSUES = ("F", "G", "D")  # fatty, fatty-glandular, dense-glandular
FEATURES = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}


@dataclass(frozen=True)
class Finding:
    """A row of the list: an abnormality, or that a film is normal.

    Attributes:
        reference: mdb001 to mdb322.
        tissue: one of ``TISSUES``.
        kind: a key of ``FEATURES``; empty for a normal film.
        malignant: the severity.
        circle: [row, column, radius], row 0 at the top; None where the list gives no place.
    """

    reference: str
    tissue: str
    kind: str
    malignant: bool
    circle: list[int] | None

    @property
    def view(self) -> View:
        """What the film shows."""
        return View.LMLO if int(self.reference[3:]) % 2 else View.RMLO

    @property
    def pair(self) -> str:
        """The patient: films 1 and 2, 3 and 4, ... are of one."""
        odd = (int(self.reference[3:]) - 1) // 2 * 2 + 1
        return f"mdb{odd:03}-{odd + 1:03}"


def read(root: Path) -> Reading:
    """Read the list, and the size of every image."""
    folder = Folder.of(root)
    findings = _read_list(folder.table("Info.txt", "README", "README.txt"))
    left_out: list[LeftOut] = []
    files: dict[str, list[str]] = {}
    for file in folder.files:
        if REFERENCE.fullmatch(file.name.lower()):
            files.setdefault(file.stem.lower(), []).append(_of_right_size(folder, file))
    for reference in sorted(files.keys() - {finding.reference for finding in findings}):
        left_out += [LeftOut("image", file, "is not in the list") for file in files[reference]]
    pairs = grouped(findings, lambda finding: finding.pair)
    made = (_entry(pair, found, files, left_out=left_out) for pair, found in pairs.items())
    return Reading({"testing": kept(made, left_out=left_out)}, tuple(left_out))


def _of_right_size(folder: Folder, file: PurePosixPath) -> str:
    if (size := folder.image_size(file)) != (SIDE, SIDE):
        needed = f"{SIDE} x {SIDE} are needed, as the list's places are in these"
        raise DatalistError(f"{folder.root / file}: has {size[0]} x {size[1]} pixels; {needed}")
    return str(file)


def _read_list(path: Path) -> list[Finding]:
    """The rows of the list; what stands around them is for people."""
    lines = enumerate(path.read_text(encoding="latin-1").splitlines(), start=1)
    findings = [
        _finding(line.split(), place=f"{path}, line {number}") for number, line in lines if ROW.match(f"{line} ")
    ]
    if not findings:
        raise DatalistError(f"{path}: has no row such as 'mdb001 G CIRC B 535 425 197'; the list of films is needed")
    return findings


def _finding(words: list[str], *, place: str) -> Finding:
    reference, tissue, kind, severity, *where = words + [""] * (4 - len(words))
    for column, value, allowed in (
        ("background tissue", tissue, TISSUES),
        ("class of abnormality", kind, (*FEATURES, "NORM")),
        ("severity", severity, ("",) if kind == "NORM" else ("B", "M")),
    ):
        if value not in allowed:
            raise DatalistError(f"{place}: {column} is {value!r}; {' or '.join(map(repr, allowed))} is needed")
    circle = None
    if where and where != ["*NOTE", "3*"]:
        if len(where) != 3 or not all(word.isdigit() for word in where):
            found, needed = " ".join(where), "x, y and radius in pixels, *NOTE 3* or nothing"
            raise DatalistError(f"{place}: ends in {found!r}; {needed} is needed")
        x, y, radius = map(int, where)
        circle = [SIDE - 1 - y, x, radius]
    return Finding(reference.lower(), tissue, "" if kind == "NORM" else kind, severity == "M", circle)


def _entry(pair: str, findings: list[Finding], files: dict[str, list[str]], *, left_out: list[LeftOut]) -> Entry:
    references = {finding.reference: finding.view for finding in findings}
    missing = [reference for reference in references if reference not in files]
    left_out += [LeftOut("image", reference, "in the list, but not in the folder") for reference in missing]
    found = [(view, file) for reference, view in references.items() for file in files.get(reference, [])]
    malignant = [finding for finding in findings if finding.malignant]
    abnormal = [finding for finding in findings if finding.kind]
    tissues = {finding.tissue for finding in findings}
    regions: dict[str, list[dict]] = {}
    for finding in malignant:
        if finding.circle is None:
            left_out.append(LeftOut("region", finding.reference, "the list gives no place: calcifications all over"))
        elif finding.reference in files:
            regions.setdefault(finding.view.value, []).append({"circle": finding.circle})
    return entry_of(
        exam_id=pair,
        label=int(bool(malignant)),
        benign=(bool(abnormal) and not malignant) or None,
        **one_file_a_view(found, left_out=left_out),
        patient_id=pair,
        features=sorted({FEATURES[finding.kind] for finding in malignant or abnormal}),
        cancer_side=sides(finding.view.laterality for finding in malignant),
        malignant_regions=regions,
        tissue=min(tissues) if len(tissues) == 1 else None,
    )


MINI_MIAS = PublicDataset(
    name="mini-mias",
    title="mini-MIAS database of mammograms",
    homepage="http://peipa.essex.ac.uk/info/mias.html",
    licence="""Its own (Licence.txt): for research purposes only; not to be rented, leased or sold; publications have to
        refer to the database.""",
    citation="""Suckling J, Parker J, Dance DR, Astley S, Hutt I, Boggis C, Ricketts I, et al. The Mammographic Image
        Analysis Society Digital Mammogram Database. Excerpta Medica International Congress Series 1994; 1069:
        375-378.""",
    layout="""Info.txt (or the README with the same list) and mdb001.pgm to mdb322.pgm (or .png), 1024 x 1024 pixels, at
        any depth. The original MIAS database, at 50 micrometers, has other names and places and is not read.""",
    label_rule="""Severity M in a film makes the exam a cancer, on its side; B without M is 0, marked benign; NORM in
        both films is a normal exam. Films 1 and 2, 3 and 4 and so on are a patient's two breasts, MLO only: the other
        views are absent. Odd numbers are left breasts: the list says right, but the films were scanned mirrored, as
        their markers tell, and are turned round when they are read. Regions are the circles of malignant findings, with
        y counted from the bottom; where calcifications are all over the breast the list gives none. There is no BI-RADS
        density: tissue (a column of ours) is F fatty, G fatty-glandular or D dense-glandular. Exams without the film of
        the breast with the cancer are left out.""",
    parts="No official split: all exams are in testing.",
    read=read,
)
