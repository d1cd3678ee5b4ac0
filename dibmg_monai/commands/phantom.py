"""``phantom --exams N --output DIR``: write simulated exams."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from dibmg_monai.commands.terminal import Commands, say


def add(commands: Commands) -> None:
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
    parser.add_argument(
        "--lesion-size-mm",
        type=float,
        nargs=2,
        metavar=("SMALLEST", "LARGEST"),
        default=argparse.SUPPRESS,
        help="diameters of the lesions; default: life-like",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write simulated exams."""
    from dibmg_monai.phantom import write_phantoms

    names = ("seed", "rows", "cancer_fraction", "lesion_size_mm")
    options = {name: value for name, value in vars(arguments).items() if name in names}
    datalist = write_phantoms(arguments.output, exams=arguments.exams, progress=_counted, **options)
    say(f"datalist: {datalist}")


def _counted(exams: range) -> Iterable[int]:
    for index in exams:
        print(f"exam {index + 1} of {len(exams)}", end="\r", file=sys.stderr, flush=True)
        yield index
    print(file=sys.stderr)
