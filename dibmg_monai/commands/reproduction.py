"""``reproduction --output FILE``: the paper's percentages and p-values beside what its own counts give."""

import argparse
from pathlib import Path

from dibmg_monai.commands.terminal import Commands, say


def add(commands: Commands) -> None:
    """``reproduction --output FILE``."""
    parser = commands.add_parser("reproduction", help="recompute the tables of Kim 2018 from the counts they print")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="Markdown file to write")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the page."""
    from dibmg_monai.errors import writing
    from dibmg_monai.evaluation.reproduction import page

    with writing(arguments.output):
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(page(), encoding="utf-8")
    say(f"written: {arguments.output}")
