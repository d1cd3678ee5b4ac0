"""``datalist NAME DIR --output FILE``: a public data set as a datalist."""

import argparse
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dibmg_monai.commands.terminal import Commands, say

if TYPE_CHECKING:
    from dibmg_monai.exams.datalist import Entry
    from dibmg_monai.exams.datasets.dataset import LeftOut, PublicDataset

WIDTH = 100  # columns of text
NAMES_SHOWN = 3  # of what is left out, for each reason
COUNTS = ("exams", "cancers", "benign", "normal", "no label", "four views", "with regions")


def add(commands: Commands) -> None:
    """``datalist NAME DIR --output FILE``, a command for each data set, whose help is its description."""
    from dibmg_monai.exams.datasets import DATASETS

    parser = commands.add_parser(
        "datalist",
        help="make a datalist of a public data set's folder",
        description="Make a datalist of a public data set's folder. NAME --help says what the folder has to hold, what "
        "counts as cancer and as normal, what is left out, and on which terms the data may be used.",
    )
    names = parser.add_subparsers(title="data sets", metavar="NAME", required=True)
    for dataset in DATASETS.values():
        one = names.add_parser(
            dataset.name,
            help=dataset.title,
            description="\n".join(_description(dataset)),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.add_argument("folder", type=Path, metavar="DIR", help="folder of the data set")
        where = "the datalist to write; its paths are relative to DIR"
        one.add_argument("--output", type=Path, required=True, metavar="FILE", help=where)
        one.set_defaults(run=partial(run, dataset))


def run(dataset: "PublicDataset", arguments: argparse.Namespace) -> None:
    """Write the datalist, and print what is in it, what was left out and why, the label rule and the terms."""
    from dibmg_monai.exams.datalist import read_datalist, write_datalist

    reading = dataset.read(arguments.folder)
    write_datalist(reading.datalist, path=arguments.output)
    datalist = read_datalist(arguments.output, dataset_dir=arguments.folder)
    terms = _description(dataset, headings=("Licence", "Cite", "Labels", "Parts"))
    for line in (*terms, "", *_numbers(datalist), *_left_out(reading.left_out)):
        say(line)
    say(f"datalist: {arguments.output}, with paths relative to {arguments.folder}")


def _description(dataset: "PublicDataset", *, headings: Iterable[str] | None = None) -> Iterator[str]:
    """The title and the facts under these headings; None: under all."""
    facts = dataset.facts()
    yield dataset.title
    for heading in headings or facts:
        yield from textwrap.wrap(f"{heading}: {facts[heading]}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _numbers(datalist: "dict[str, list[Entry]]") -> Iterator[str]:
    """One line a part."""
    width = max(map(len, ("part", *datalist)))
    yield "  ".join((f"{'part':{width}}", *COUNTS))
    for part, entries in datalist.items():
        counts = [f"{count:{len(name)}}" for name, count in zip(COUNTS, _counted(entries), strict=True)]
        yield "  ".join((f"{part:{width}}", *counts))


def _counted(entries: "list[Entry]") -> tuple[int, ...]:
    from dibmg_monai.views import VIEWS

    labels = Counter(entry.get("label") for entry in entries)
    benign = sum(entry.get("label") == 0 and entry.get("benign", False) for entry in entries)
    complete = sum(all(view in entry for view in VIEWS) for entry in entries)
    outlined = sum("malignant_regions" in entry for entry in entries)
    return len(entries), labels[1], benign, labels[0] - benign, labels[None], complete, outlined


def _left_out(left_out: "Iterable[LeftOut]") -> Iterator[str]:
    """One line a kind and reason: how many, and which."""
    names: dict[tuple[str, str], list[str]] = {}
    for item in left_out:
        names.setdefault((item.kind, item.reason), []).append(item.name)
    yield "left out or changed:" if names else "left out: nothing"
    for (kind, reason), found in sorted(names.items()):
        shown = found[:NAMES_SHOWN] + ["..."] * (len(found) > NAMES_SHOWN)
        yield f"  {len(found)} {kind}{'s' * (len(found) > 1)}: {reason} ({', '.join(shown)})"
