"""The options of every command that reads studies: what to do about surgery, implants and clips."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dibmg_monai.exams.exclusions import Exclusions


def add_exclusion_options(parser: argparse.ArgumentParser) -> None:
    """``--exclusions report|refuse`` and ``--exclusion-table FILE``."""
    parser.add_argument(
        "--exclusions",
        choices=("report", "refuse"),
        default="report",
        help="report (default) or refuse exams with previous surgery, an implant, a clip or marker, as the paper did",
    )
    parser.add_argument(
        "--exclusion-table",
        type=Path,
        metavar="FILE",
        help="CSV that overrides headers: exam_id and any of surgery, implant, clip_or_marker, each yes, no or empty",
    )


def exclusions_from(arguments: argparse.Namespace) -> "Exclusions":
    """What these options say.

    Raises:
        DibmgError: if the table cannot be read.
    """
    from dibmg_monai.exams.exclusion_table import read_exclusions
    from dibmg_monai.exams.exclusions import Exclusions, Policy

    table = read_exclusions(arguments.exclusion_table) if arguments.exclusion_table else {}
    return Exclusions(Policy(arguments.exclusions), table)
