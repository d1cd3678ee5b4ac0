"""Pictures of single exams: the strongest hits, misses and false alarms."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import LocatedView, Tolerance, read_view
from dibmg_monai.evaluation.maps import CellMap
from dibmg_monai.evaluation.regions import Region, is_annotated
from dibmg_monai.findings import evidence_scale
from dibmg_monai.outputs.overlay import mark_peak, shades, tint
from dibmg_monai.pixels.reader import SourceImage, read_image
from dibmg_monai.pixels.resampling import Grid
from dibmg_monai.reports.map_sections import Lookup
from dibmg_monai.reports.section import Figure, Section
from dibmg_monai.reports.study import Settings, Study

SHOWN = 6  # exams of each kind
LONGEST_SIDE = 440  # pixels of a picture
GAP = 6  # between the two
LEGEND = "Left the image, with lesions outlined where they are known; right the map over it, and a ring at its peak."
OUTLINE = (120, 255, 120)
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Kind:
    """A kind of exam to show.

    Attributes:
        name, title: of its section.
        says: who belongs to it, with the threshold to fill in.
        label: that they have.
        called: whether they are called cancer; the highest scores are then shown, or else the lowest.
    """

    name: str
    title: str
    says: str
    label: int
    called: bool


HITS = Kind("hits", "Strongest hits", "Cancers with a score of {:g} or more", 1, True)
MISSES = Kind("misses", "Strongest misses", "Cancers with a score below {:g}", 1, False)
FALSE_ALARMS = Kind(
    "false-alarms", "Strongest false alarms", "Exams without cancer with a score of {:g} or more", 0, True
)


def gallery(study: Study, settings: Settings, *, found: Lookup) -> list[Section]:
    """A section for each kind of exam, with the map's strongest view of each."""
    return [_section(kind, study, settings, cases=found.cases) for kind in (HITS, MISSES, FALSE_ALARMS)]


def _section(kind: Kind, study: Study, settings: Settings, *, cases: Sequence[Case]) -> Section:
    wanted = kind.label, kind.called
    of_kind = [case for case in cases if (case.label, case.score >= settings.threshold) == wanted]
    ranked = sorted(of_kind, key=lambda case: case.score, reverse=kind.called)
    there = ((case, view) for case in ranked if (view := _shown_view(case, kind, study)) is not None)
    shown = list(islice(there, SHOWN))
    order = "highest" if kind.called else "lowest"
    says = [f"{kind.says.format(settings.threshold)}: {len(of_kind)}, those with the {order} scores first."]
    if shown:
        says.append(LEGEND)
    elif of_kind:
        says.append("No picture: none of their images is there; --dataset-dir names the folder that they are in.")
    figures = tuple(_figure(case, view, study, settings) for case, view in shown)
    return Section(kind.name, kind.title, tuple(says), figures=figures)


def _shown_view(case: Case, kind: Kind, study: Study) -> str | None:
    """The view with the highest peak whose image is there; of a missed cancer, one whose lesions are known."""
    views = case.result["views"]
    there = [view for view in views if view in case.entry and (study.dataset_dir / case.entry[view]).is_file()]
    if kind is MISSES:
        there = [view for view in there if is_annotated(case.entry, view)] or there
    return max(there, key=lambda view: views[view]["peak_value"], default=None)


def _figure(case: Case, name: str, study: Study, settings: Settings) -> Figure:
    """The image with the lesions outlined, and beside it the map over the same, with the peak."""
    folders = {"results_dir": study.results_dir, "dataset_dir": study.dataset_dir}
    view = read_view(case, name, **folders, tolerance=settings.tolerance)
    found = case.result["views"][name]
    image = read_image(study.dataset_dir / case.entry[name])
    rows, columns = image.shape
    gray = shades(_gray(image))
    scale = evidence_scale(other["peak_value"] for other in case.result["views"].values())
    nothing = np.zeros_like(gray)
    levels = nothing if view.dib is None else shades(_stretched(view.dib, gray.shape) / scale)
    pictures = [Image.fromarray(tint(gray, shown)) for shown in (nothing, levels)]
    for picture in pictures:
        for lesion in view.lesions:
            _outline(picture, lesion, shape=(rows, columns))
    mark_peak(pictures[1], view.peak, shape=(rows, columns), value=found["peak_value"])
    scores = f"exam score {case.score:.3f}, view score {found['score']:.3f}"
    peak = f"peak log-odds {found['peak_value']:.2f}{_place(view, settings.tolerance)}"
    colors = "no map was written" if view.dib is None else f"colors end at log-odds {scale:.2f}"
    alt = f"{name} of exam {case.exam_id}; beside it the same with the map over it. {scores}; {peak}."
    return Figure(f"{case.exam_id}, {name}", alt, _jpeg(pictures), f"{scores.capitalize()}; {peak}; {colors}.")


def _place(view: LocatedView, tolerance: Tolerance) -> str:
    """Where the peak is, in words."""
    if not view.lesions:
        return "" if view.case.label == 0 else ", lesion not known"
    return f", {tolerance.hit}" if view.target.contains(*view.peak) else f", not {tolerance.hit}"


def _gray(image: SourceImage) -> NDArray[np.floating]:
    """(H, W) in 0..1, with square pixels, the longer side ``LONGEST_SIDE``."""
    sides = image.shape[0] * image.pixel_aspect, image.shape[1]
    rows, columns = (max(1, round(side * LONGEST_SIDE / max(sides))) for side in sides)
    (gray,) = image.resampled(Grid(rows, columns, mode="bicubic"))
    return gray.clamp(0, 1).numpy()


def _stretched(dib: CellMap, size: tuple[int, int]) -> NDArray[np.floating]:
    """The map at the pixels of a picture (H, W) of the whole image."""
    rows, columns = (
        (np.arange(drawn) + 0.5) * stored / drawn - 0.5 for drawn, stored in zip(size, dib.shape, strict=True)
    )
    return dib.at(rows, columns)


def _outline(picture: Image.Image, lesion: Region, *, shape: tuple[int, int]) -> None:
    """Draw a line around a lesion of an image with this shape, and outside of it."""
    stored = np.zeros(shape, np.float32)
    height, width = lesion.mask.shape
    stored[lesion.top : lesion.top + height, lesion.left : lesion.left + width] = lesion.mask
    inside = np.asarray(Image.fromarray(stored).resize(picture.size, Image.Resampling.BOX)) > 0
    near, far = (ndimage.binary_dilation(inside, iterations=steps) for steps in (1, 3))
    picture.paste(OUTLINE, (0, 0), Image.fromarray(far & ~near))


def _jpeg(pictures: Sequence[Image.Image]) -> str:
    """Pictures of one size side by side, as a data URI."""
    width, height = pictures[0].size
    row = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for index, picture in enumerate(pictures):
        row.paste(picture, (index * (width + GAP), 0))
    file = BytesIO()
    row.save(file, format="JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
