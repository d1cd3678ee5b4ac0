"""DDSM, the Digital Database for Screening Mammography: Heath et al., IWDM 2000."""

import re
from pathlib import Path, PurePosixPath

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import DENSITIES, LeftOut, PublicDataset, Reading, one_file_a_view
from dibmg_monai.exams.datasets.ddsm_case import Case, Lesion, read_case, read_overlay, scaled
from dibmg_monai.exams.datasets.entries import entry_of, kept, sides
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.views import View

VOLUME = re.compile(r"(normal|cancer|benign|benign_without_callback)(_\d+|s)")  # cancer_01, or cancers around it
IMAGE = re.compile(r"([A-Z]_\d+_\d+)\.(LEFT|RIGHT)_(CC|MLO)(\.LJPEG)?\.(png|tiff?|pgm|dcm)", re.IGNORECASE)
NAMES = {View.RCC: "RIGHT_CC", View.RMLO: "RIGHT_MLO", View.LCC: "LEFT_CC", View.LMLO: "LEFT_MLO"}


def read(root: Path) -> Reading:
    """Read the .ics and .OVERLAY files of all cases, and the sizes of the images of cancers."""
    folder = Folder.of(root)
    images = _converted(folder)
    left_out: list[LeftOut] = []
    cases = list(folder.ending(".ics"))
    if not cases:
        raise DatalistError(f"{root}: has no .ics file, at any depth; the cases of the DDSM are needed")
    names = {file.stem for file in cases}
    for (name, _), found in images.items():
        if name not in names:
            left_out += [LeftOut("image", image, "its case has no .ics") for image in found]
    made = (_exam(file, images, folder, left_out=left_out) for file in cases)
    return Reading({"testing": kept(made, left_out=left_out)}, tuple(left_out))


def _converted(folder: Folder) -> dict[tuple[str, View], list[str]]:
    """Case and view -> images, wherever they lie."""
    images: dict[tuple[str, View], list[str]] = {}
    for file in folder.files:
        if name := IMAGE.fullmatch(file.name):
            key = name[1].upper().replace("_", "-"), View((name[2][0] + name[3]).upper())
            images.setdefault(key, []).append(str(file))
    if not images:
        packed = len(list(folder.ending(".ljpeg")))
        needed = "convert the films, with 16 bits, to A_0001_1.LEFT_CC.png, .tif, .pgm or .dcm"
        raise DatalistError(
            f"{folder.root}: has {packed} LJPEG files, which nothing here reads, and no image; {needed}"
        )
    return images


def _exam(
    file: PurePosixPath, images: dict[tuple[str, View], list[str]], folder: Folder, *, left_out: list[LeftOut]
) -> Entry | LeftOut:
    name = file.stem
    volume = next((match[1] for part in reversed(file.parts) if (match := VOLUME.fullmatch(part))), None)
    if volume is None:
        needed = "normal_01, cancer_01, benign_01, benign_without_callback_01 or their like"
        raise DatalistError(f"{folder.root / file}: is in no folder that tells its class; {needed} is needed around it")
    case = read_case(folder.root / file)
    found = [(view, image) for view in case.films for image in images.get((name, view), [])]
    left_out += [
        LeftOut("image", f"{name} {view}", "the .ics names it, but there is no converted image")
        for view in case.films
        if (name, view) not in images
    ]
    lesions = _lesions(file, case, folder, left_out=left_out)
    malignant = [(view, lesion) for view, lesion in lesions if lesion.pathology == "MALIGNANT"]
    if malignant and volume != "cancer":
        return LeftOut("exam", name, "has a MALIGNANT lesion, but is not among the cancers")
    views = one_file_a_view(found, left_out=left_out)
    deciding = [lesion for _, lesion in malignant or lesions]
    age, density = case.word("PATIENT_AGE"), DENSITIES.get(case.word("DENSITY"))
    for keyword, known in {"PATIENT_AGE": age.isdigit(), "DENSITY": density}.items():
        if not known:
            left_out.append(LeftOut("value", f"{name} {keyword}", f"{keyword} is not given"))
    return entry_of(
        exam_id=name,
        label=int(volume == "cancer"),
        benign=volume.startswith("benign") or None,
        **views,
        patient_id=name,
        age_years=int(age) if age.isdigit() else None,
        density=density,
        features=sorted({feature for lesion in deciding for feature in lesion.features}),
        institution=name[0],
        digitizer=case.word("DIGITIZER"),
        cancer_side=sides(view.laterality for view, _ in malignant),
        malignant_regions=_regions(name, malignant, views, case, folder, left_out=left_out),
        birads=max((lesion.assessment for lesion in deciding), default=None),
        subtlety=max((lesion.subtlety for lesion in deciding), default=None),
        volume=volume,
    )


def _lesions(file: PurePosixPath, case: Case, folder: Folder, *, left_out: list[LeftOut]) -> list[tuple[View, Lesion]]:
    """View and lesion, of all outlines beside the .ics."""
    lesions = []
    for view, film in case.films.items():
        overlay = file.with_name(f"{file.stem.replace('-', '_')}.{NAMES[view]}.OVERLAY")
        if film.has_overlay and not (folder.root / overlay).is_file():
            left_out.append(LeftOut("region", overlay.name, "the .ics names it, but it is not beside it"))
        elif film.has_overlay:
            lesions += [(view, lesion) for lesion in read_overlay(folder.root / overlay)]
    return lesions


def _regions(
    name: str,
    malignant: list[tuple[View, Lesion]],
    views: dict[str, str],
    case: Case,
    folder: Folder,
    *,
    left_out: list[LeftOut],
) -> dict[str, list[dict]]:
    """View -> outlines, in pixels of the converted image."""
    regions: dict[str, list[dict]] = {}
    for view, lesion in malignant:
        if view not in views:
            continue
        outline = scaled(lesion.outline, case.films[view].shape, folder.image_size(views[view]))
        if outline:
            regions.setdefault(view.value, []).append({"polygon": outline})
        else:
            reason = "the image has other proportions than the film in the .ics, or the outline leaves the film"
            left_out.append(LeftOut("region", f"{name} {view}", reason))
    return regions


DDSM = PublicDataset(
    name="ddsm",
    title="Digital Database for Screening Mammography (DDSM)",
    homepage="http://www.eng.usf.edu/cvprg/Mammography/Database.html",
    licence="None stated; the database was made for research. Ask its owners before any other use.",
    citation="""Heath M, Bowyer K, Kopans D, Moore R, Kegelmeyer WP. The Digital Database for Screening Mammography. In:
        Yaffe MJ, ed. Proceedings of the Fifth International Workshop on Digital Mammography. Medical Physics Publishing
        2001: 212-218.""",
    layout="""The volumes as published: a case is a folder such as cancers/cancer_01/case0001 with its .ics and .OVERLAY
        files. The films are LJPEG, a format of 1993 that nothing here reads: convert them, with 16 bits, and give the
        images the films' names, A_0001_1.LEFT_CC.png or A_0001_1.LEFT_CC.LJPEG.png (.tif, .tiff, .pgm and .dcm too),
        beside them or in any other folder below this one. A smaller copy serves if it is the whole film with its
        proportions: outlines are scaled to it.""",
    label_rule="""By the volume: cancers, with a proven cancer, are 1; normals are 0; benigns (recalled) and benign
        without callbacks are 0, marked benign. The side is that of the outlines with PATHOLOGY MALIGNANT; a case
        outside the cancers that has one is left out. Features, birads and subtlety (columns of ours: the highest of
        each) are of the malignant outlines, in other exams of all. Regions are the malignant BOUNDARY outlines, with a
        point every 8 pixels; one on an image of other proportions than the film is left out, and so are exams without
        an image of the breast with the cancer. Institution is the letter that the case's name begins with. Classes
        differ in institution and digitizer, and a model can tell these apart without seeing a cancer: compare within
        both.""",
    parts="No official split: all exams are in testing.",
    read=read,
)
