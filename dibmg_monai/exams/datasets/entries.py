"""From rows and files to a datalist's entries."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from dibmg_monai.exams.datalist import Entry
from dibmg_monai.exams.datasets.dataset import LeftOut, one_file_a_view
from dibmg_monai.exams.datasets.tables import Row
from dibmg_monai.views import Laterality, View

Item = TypeVar("Item")

LATERALITIES = {side.value: side.value for side in Laterality}


@dataclass(frozen=True)
class Image:
    """An image that a table has a row for.

    Attributes:
        file: its path, relative to the data set's folder; empty if it is not in the folder.
        row: what the table says of it.
        view: what it shows; None if it is not a standard view.
    """

    file: str
    row: Row
    view: View | None


def images_of(
    rows: Iterable[Row],
    files: Mapping[str, PurePosixPath],
    *,
    table: str,
    columns: tuple[str, str, str],
    left_out: list[LeftOut],
) -> list[Image]:
    """The images that a table has rows for, each with its file.

    Args:
        rows: one for each image.
        files: image id -> path.
        table: the table's name.
        columns: those with the image's id, the breast (R or L) and the view (CC, MLO or another).
        left_out: takes rows without a file and files without a row.
    """
    identity, laterality, projection = columns
    images: list[Image] = []
    unused = dict(files)
    for row in rows:
        file = unused.pop(row.text(identity), None)
        name = row.choice(laterality, LATERALITIES) + row.text(projection).upper()
        images.append(Image(file.as_posix() if file else "", row, View(name) if name in set(View) else None))
        if not file:
            left_out.append(LeftOut("image", row.text(identity), f"is in {table}, but not in the folder"))
    left_out += [LeftOut("image", file.as_posix(), f"has no row in {table}") for file in unused.values()]
    return images


def chosen(images: Iterable[Image], *, left_out: list[LeftOut]) -> dict[View, Image]:
    """View -> the image that an exam uses.

    Args:
        images: all images of the exam.
        left_out: takes those that are not used.
    """
    by_file = {image.file: image for image in images if image.file}
    other = [file for file, image in by_file.items() if image.view is None]
    left_out += [LeftOut("image", file, "a view other than CC and MLO") for file in other]
    standard = [(image.view, file) for file, image in by_file.items() if image.view is not None]
    return {View(view): by_file[file] for view, file in one_file_a_view(standard, left_out=left_out).items()}


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """The items for each key, ordered by key."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return dict(sorted(groups.items()))


def sides(lateralities: Iterable[str]) -> str:
    """The breasts among these as ``cancer_side`` has them: R, L or RL; empty for none."""
    named = set(lateralities)
    return "".join(side for side in Laterality if side in named)


def denser(densities: Iterable[str]) -> str:
    """The density of an exam, that of its denser breast (ACR BI-RADS Atlas, 5th edition: breast composition).

    Args:
        densities: letters A to D; empty where it is not known.
    """
    return max(densities, default="")


def entry_of(**values: Any) -> Entry:
    """An entry of the values that are known: None and what is empty are not."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def kept(made: Iterable[Entry | LeftOut], *, left_out: list[LeftOut]) -> list[Entry]:
    """The entries among what was made of a data set's exams.

    Args:
        made: for each exam an entry, or why there is none.
        left_out: takes the latter; and exams without images, or without one of the breast with the cancer.
    """
    entries: list[Entry] = []
    for exam in made:
        if isinstance(exam, LeftOut):
            left_out.append(exam)
            continue
        views = [view for view in View if view in exam]
        needed = exam.get("cancer_side", "RL")
        if any(view.laterality in needed for view in views):
            entries.append(exam)
        else:
            what = "of the breast with the cancer" if views else "of a standard view"
            left_out.append(LeftOut("exam", exam["exam_id"], f"has no image {what}"))
    return entries
