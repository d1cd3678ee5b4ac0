"""``exams DIR``: find the exams in a folder of DICOM files."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dibmg_monai.commands.exclusion_options import add_exclusion_options, exclusions_from
from dibmg_monai.commands.terminal import Commands, say
from dibmg_monai.errors import FolderError
from dibmg_monai.views import VIEWS

if TYPE_CHECKING:
    from dibmg_monai.exams.assembly import Assembly

NAMES_SHOWN = 5  # files named per reason; the manifest names all


def add(commands: Commands) -> None:
    """``exams DIR``."""
    parser = commands.add_parser(
        "exams", help="find the exams in a folder of DICOM files, and say what became of each file"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with DICOM files, at any depth; or one file")
    where = "where the manifest goes: a folder, or a file that ends in .json; default: manifest.json in this folder"
    parser.add_argument("--output", type=Path, default=Path(), metavar="PATH", help=where)
    parser.add_argument(
        "--datalist", type=Path, metavar="FILE", help="also write the exams as a datalist's testing part"
    )
    add_exclusion_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print a table of the exams and of the files refused, and write the manifest."""
    from dibmg_monai.exams.assembly import MANIFEST, survey, write_manifest
    from dibmg_monai.exams.datalist import entry_from_exam, write_datalist

    assembly = survey(arguments.folder, exclusions=exclusions_from(arguments))
    manifest = arguments.output if arguments.output.suffix == ".json" else arguments.output / MANIFEST
    if manifest.resolve().is_relative_to(assembly.root.resolve()):
        raise FolderError(f"{manifest}: lies in the folder that is read, {assembly.root}; name another with --output")
    write_manifest(assembly, path=manifest)
    for line in _table(assembly):
        say(line)
    say(f"manifest: {manifest}")
    assembly.require_exam()
    if arguments.datalist:
        write_datalist({"testing": [entry_from_exam(exam) for exam in assembly.exams]}, path=arguments.datalist)
        say(f"datalist: {arguments.datalist}, with paths relative to {assembly.root}")


def _table(assembly: "Assembly") -> Iterator[str]:
    """One line an exam: id, views, warnings; then one line a reason code: how many files, and which."""
    width = max((len(exam.exam_id) for exam in assembly.exams), default=0)
    for exam in assembly.exams:
        views = " ".join(view if view in exam.files else "-" * len(view) for view in VIEWS)
        yield f"{exam.exam_id:{width}}  {views}  {'; '.join(exam.warnings)}".rstrip()
    refused = assembly.refused
    count = sum(map(len, refused.values()))
    yield f"exams: {len(assembly.exams)}; files used: {len(assembly.manifest) - count}; files refused: {count}"
    for code, files in refused.items():
        names = [str(entry.file) for entry in files[:NAMES_SHOWN]] + ["..."] * (len(files) > NAMES_SHOWN)
        yield f"  {code}: {len(files)} ({', '.join(names)})"
