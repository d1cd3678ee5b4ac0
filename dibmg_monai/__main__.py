"""The command line: ``python -m dibmg_monai COMMAND --help``.

A command is a pair of functions: one adds its arguments, one runs it. Both import what they need when they run, so that
``--help`` answers at once and ``exams`` waits for no torch.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dibmg_monai import __version__
from dibmg_monai.errors import DibmgError, FolderError
from dibmg_monai.views import VIEWS

if TYPE_CHECKING:
    from dibmg_monai.exams.assembly import Assembly

NAMES_SHOWN = 5  # files named per reason; the manifest names all


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0; 2 if something that a user can mend stood in the way. It is then said in one line on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m dibmg_monai", description="DIB-MG for MONAI. Research use only.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add_command in (add_exams, add_phantom, add_report):
        add_command(commands)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except DibmgError as error:
        _say(f"error: {error}", stream=sys.stderr)
        return 2
    return 0


def add_exams(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    parser.set_defaults(run=run_exams)


def run_exams(arguments: argparse.Namespace) -> None:
    """Print a table of the exams and of the files refused, and write the manifest."""
    from dibmg_monai.exams.assembly import MANIFEST, survey, write_manifest
    from dibmg_monai.exams.datalist import entry_from_exam, write_datalist

    assembly = survey(arguments.folder)
    manifest = arguments.output if arguments.output.suffix == ".json" else arguments.output / MANIFEST
    if manifest.resolve().is_relative_to(assembly.root.resolve()):
        raise FolderError(f"{manifest}: lies in the folder that is read, {assembly.root}; name another with --output")
    write_manifest(assembly, path=manifest)
    for line in _table(assembly):
        _say(line)
    _say(f"manifest: {manifest}")
    assembly.require_exam()
    if arguments.datalist:
        write_datalist({"testing": [entry_from_exam(exam) for exam in assembly.exams]}, path=arguments.datalist)
        _say(f"datalist: {arguments.datalist}, with paths relative to {assembly.root}")


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


def add_phantom(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``phantom --exams N --output DIR``."""
    parser = commands.add_parser("phantom", help="write simulated exams as DICOM, with lesion masks and a datalist")
    parser.add_argument("--exams", type=int, required=True, metavar="N", help="how many")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write")
    options = {
        "--seed": (int, "another number gives other exams; default: 0"),
        "--rows": (int, "height of the images in pixels; default: as from a detector"),
        "--cancer-fraction": (float, "part of the exams with a cancer, 0 to 1; default: half"),
    }
    for name, (kind, meaning) in options.items():
        parser.add_argument(name, type=kind, default=argparse.SUPPRESS, help=meaning)
    parser.set_defaults(run=run_phantom)


def run_phantom(arguments: argparse.Namespace) -> None:
    """Write simulated exams."""
    from dibmg_monai.phantom import write_phantoms

    options = {name: value for name, value in vars(arguments).items() if name in ("seed", "rows", "cancer_fraction")}
    datalist = write_phantoms(arguments.output, exams=arguments.exams, progress=_counted, **options)
    _say(f"datalist: {datalist}")


def add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``report --results R --datalist D --output O``."""
    parser = commands.add_parser("report", help="measure results against the labels, sides and masks of a datalist")
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="results.json of a run")
    parser.add_argument("--datalist", type=Path, required=True, metavar="FILE", help="the datalist of the exams")
    parser.add_argument(
        "--dataset-dir", type=Path, metavar="DIR", help="what its paths are relative to; its own folder"
    )
    parser.add_argument("--within", nargs="+", default=(), metavar="COLUMN", help="AUC within groups of these columns")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write tables.json to")
    parser.set_defaults(run=run_report)


def run_report(arguments: argparse.Namespace) -> None:
    """Print the figures, and write them."""
    from dibmg_monai.evaluation.report import report
    from dibmg_monai.exams.datalist import read_datalist
    from dibmg_monai.outputs.scores import read_results

    dataset_dir = arguments.dataset_dir or arguments.datalist.parent
    parts = read_datalist(arguments.datalist, dataset_dir=dataset_dir, need_files=False)
    entries = [entry for part in parts.values() for entry in part]
    made = report(read_results(arguments.results), entries, dataset_dir=dataset_dir, within=arguments.within)
    made.write(arguments.output / "tables.json")
    for line in made.lines():
        _say(line)


def _counted(exams: range) -> Iterable[int]:
    for index in exams:
        print(f"exam {index + 1} of {len(exams)}", end="\r", file=sys.stderr, flush=True)
        yield index
    print(file=sys.stderr)


def _say(line: str, *, stream: TextIO | None = None) -> None:
    """Print a line; bytes of a file name that are no text appear as escapes."""
    print(line.encode(errors="backslashreplace").decode(), file=stream)


if __name__ == "__main__":
    sys.exit(main())
