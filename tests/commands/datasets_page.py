"""``docs/datasets.md``, made of the readers' own descriptions: ``python -m tests.commands.datasets_page`` writes it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from dibmg_monai.exams.datasets import DATASETS
from dibmg_monai.exams.datasets.dataset import PublicDataset

PAGE = Path(__file__).parents[2] / "docs/datasets.md"
INTRODUCTION = """\
# Public data sets

`python -m dibmg_monai datalist NAME DIR --output FILE` makes a datalist of a data set's folder, laid out as its owners
publish it. It prints how many exams there are in each part, and what was left out and why. Get the data from their
owners, on their terms: nothing here downloads or contains any.

An exam is one examination of a patient, with up to four views and one label. Label 0 with `"benign": true` is a benign
finding, which the paper left out (Kim 2018, Data collection); label 0 without it is a normal exam. Where lesions are
marked, those of cancers are in `malignant_regions`, in pixels of the images as stored.
`python -m dibmg_monai split` divides a datalist as in the paper, whatever parts it has.

This page is what `python -m dibmg_monai datalist NAME --help` says.
"""


def page() -> str:
    """The page."""
    return (
        "\n".join((INTRODUCTION, *(line for dataset in DATASETS.values() for line in _section(dataset)))).rstrip()
        + "\n"
    )


def _section(dataset: PublicDataset) -> Iterator[str]:
    yield from (f"## {dataset.title}", "", "```", f"python -m dibmg_monai datalist {dataset.name} DIR --output FILE")
    yield from ("```", "")
    for heading, text in dataset.facts().items():
        text = f"<{text}>" if heading == "From" else text
        yield from textwrap.wrap(f"- **{heading}.** {text}", 120, subsequent_indent="  ", break_on_hyphens=False)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
