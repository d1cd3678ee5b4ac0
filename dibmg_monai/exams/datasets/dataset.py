"""What a reader of a public data set is, and what it hands over."""

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dibmg_monai.exams.datalist import Datalist
from dibmg_monai.views import View

DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}  # BI-RADS density as a number, as most tables give it


@dataclass(frozen=True)
class LeftOut:
    """Something that the data set has and the datalist does not have, or has elsewhere.

    Attributes:
        kind: "exam", "image", "region" or "value".
        name: which one: an exam's id, a file.
        reason: why, in the same words for all that are left out for this reason.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """A data set's folder as a datalist.

    Attributes:
        datalist: part -> entries, with paths relative to the folder.
        left_out: everything that did not find its place in it.
    """

    datalist: Datalist
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class PublicDataset:
    """A public data set. The texts are what its page and ``datalist NAME --help`` show.

    Attributes:
        name: what it is called on the command line, in lower case: ``cbis-ddsm``.
        title: its full name.
        homepage: where its owners publish it.
        licence: on which terms.
        citation: what they ask to be cited.
        layout: what the folder has to hold.
        label_rule: what counts as cancer, what as normal, and what is left out.
        parts: which parts the datalist has: the official split, or why there is none.
        read: reads the folder. Raises DatalistError, with file, column, value found and values allowed, if a table or
            a column is missing or has another form, and FolderError if the folder cannot be read.
    """

    name: str
    title: str
    homepage: str
    licence: str
    citation: str
    layout: str
    label_rule: str
    parts: str
    read: Callable[[Path], Reading]

    def facts(self) -> dict[str, str]:
        """Heading -> text, each text a single line."""
        texts = {
            "From": self.homepage,
            "Licence": self.licence,
            "Cite": self.citation,
            "Folder": self.layout,
            "Labels": self.label_rule,
            "Parts": self.parts,
        }
        return {heading: " ".join(textwrap.dedent(text).split()) for heading, text in texts.items()}


def one_file_a_view(images: Iterable[tuple[View, str]], *, left_out: list[LeftOut]) -> dict[str, str]:
    """View -> file. Of several images of a view, the one whose path sorts first is taken.

    Args:
        images: view and path of all images of an exam.
        left_out: takes the images that are not used.
    """
    files: dict[str, str] = {}
    for view, file in sorted(images):
        if view.value in files:
            left_out.append(LeftOut("image", file, "another image of this view; the first by name is used"))
        else:
            files[view.value] = file
    return files
