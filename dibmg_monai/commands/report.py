"""``report --results R --datalist D --output O``: what a model is worth."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dibmg_monai.commands.terminal import Commands, say
from dibmg_monai.exams.datalist import PARTS

if TYPE_CHECKING:
    from dibmg_monai.reports.study import Settings


def add(commands: Commands) -> None:
    """``report --results R --datalist D --output O``."""
    parser = commands.add_parser(
        "report",
        help="measure results against what a datalist knows: tables, curves and pictures on one page",
        description="Write report.html, tables.json and a CSV file for each table. What the datalist does not say is "
        "not measured, and the page says so.",
    )
    _add_files(parser.add_argument_group("files"))
    _add_choices(parser.add_argument_group("what is measured"))
    parser.set_defaults(run=run)


def _add_files(group: "argparse._ArgumentGroup") -> None:
    files = {
        "--results": "results.json of a run",
        "--datalist": "the datalist of the exams",
        "--validation-results": "results.json of other exams, to choose thresholds and a temperature on; default: the "
        "datalist's validation part in --results, when its testing part is measured",
        "--validation-datalist": "the datalist of those exams; default: --datalist",
        "--compare": "results.json of another model on the same exams",
    }
    for name, meaning in files.items():
        group.add_argument(name, type=Path, required=name in ("--results", "--datalist"), metavar="FILE", help=meaning)
    where = "what the paths of the datalist are relative to; default: its own folder"
    group.add_argument("--dataset-dir", type=Path, metavar="DIR", help=where)
    group.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write to")


def _add_choices(group: "argparse._ArgumentGroup") -> None:
    part = "part of the datalist; default: testing if any of it has a result, else validation, else training"
    group.add_argument("--part", choices=PARTS, help=part)
    within = "take the AUC within groups of exams that agree in these columns"
    group.add_argument("--within", nargs="+", default=(), metavar="COLUMN", help=within)
    by = "show figures by these columns, too"
    group.add_argument("--by", nargs="+", default=(), metavar="COLUMN", help=by)
    threshold = "the score from which on an exam is called cancer; default: 0.5"
    group.add_argument("--threshold", type=share, default=0.5, metavar="SCORE", help=threshold)
    wanted = "choose a threshold for each of these; default: 0.8 0.9"
    for measure in ("sensitivity", "specificity"):
        group.add_argument(f"--{measure}", type=share, nargs="+", default=(0.8, 0.9), metavar="SHARE", help=wanted)
    interval = "of shares; default: wilson"
    group.add_argument("--interval", choices=("wilson", "clopper-pearson"), default="wilson", help=interval)
    tolerance = "how far from a lesion a point of the map still hits it, such as 5mm or 5px; default: 0px"
    group.add_argument("--tolerance", type=distance, default=(0.0, "px"), metavar="DISTANCE", help=tolerance)


def run(arguments: argparse.Namespace) -> None:
    """Print the figures that say most, and write all."""
    from dibmg_monai.reports.report import PAGE, make_report
    from dibmg_monai.reports.study import read_study

    study = read_study(
        arguments.results,
        arguments.datalist,
        dataset_dir=arguments.dataset_dir or arguments.datalist.parent,
        part=arguments.part,
        validation_results=arguments.validation_results,
        validation_datalist=arguments.validation_datalist,
        compare=arguments.compare,
    )
    report = make_report(study, _settings(arguments))
    report.write(arguments.output)
    for line in report.headline.lines():
        say(line)
    say(f"report: {arguments.output / PAGE}")


def _settings(arguments: argparse.Namespace) -> "Settings":
    from dibmg_monai.evaluation.located import Tolerance
    from dibmg_monai.evaluation.operating_points import Wanted
    from dibmg_monai.reports.study import Settings

    sensitivities = (Wanted("sensitivity", share) for share in arguments.sensitivity)
    specificities = (Wanted("specificity", share) for share in arguments.specificity)
    return Settings(
        threshold=arguments.threshold,
        interval=arguments.interval,
        by=arguments.by,
        within=arguments.within,
        wanted=(*sensitivities, *specificities),
        tolerance=Tolerance(*arguments.tolerance),
    )


def share(text: str) -> float:
    """A number from 0 to 1; argparse names this function where a text is no number."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def distance(text: str) -> tuple[float, str]:
    """A number and its unit."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mm|px)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no distance; a number with mm or px is needed, such as 5mm")
    return float(match[1]), match[2]
