"""``report --results R --datalist D --output O``: what a model is worth."""

import argparse
from pathlib import Path

from dibmg_monai.commands.terminal import Commands, say


def add(commands: Commands) -> None:
    """``report --results R --datalist D --output O``."""
    parser = commands.add_parser("report", help="measure results against the labels, sides and masks of a datalist")
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="results.json of a run")
    parser.add_argument("--datalist", type=Path, required=True, metavar="FILE", help="the datalist of the exams")
    parser.add_argument(
        "--dataset-dir", type=Path, metavar="DIR", help="what its paths are relative to; its own folder"
    )
    parser.add_argument("--within", nargs="+", default=(), metavar="COLUMN", help="AUC within groups of these columns")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write tables.json to")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
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
        say(line)
