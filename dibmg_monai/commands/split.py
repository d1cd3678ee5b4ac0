"""``split --datalist D --output O``: training, validation and testing as in the paper."""

import argparse
from pathlib import Path

from dibmg_monai.commands.terminal import Commands, say
from dibmg_monai.errors import DatalistError


def add(commands: Commands) -> None:
    """``split --datalist D --output O``."""
    parser = commands.add_parser(
        "split", help="divide labelled exams into matched training, validation and testing parts"
    )
    parser.add_argument(
        "--datalist", type=Path, required=True, metavar="FILE", help="the exams; which part they are in does not count"
    )
    where = "where the new datalist goes: a folder, or a file that ends in .json; its tables are written beside it"
    parser.add_argument("--output", type=Path, required=True, metavar="PATH", help=where)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another number gives another split; default: 0"
    )
    columns = "age_years, density, manufacturer, features, invasive, size_mm and benign, those that the datalist has"
    parser.add_argument(
        "--match", nargs="+", metavar="COLUMN", help=f"what the parts shall be alike in; default: {columns}"
    )
    ratio = "cancers in training, validation and testing; default: 5 1 1, as in the paper"
    names = ("TRAINING", "VALIDATION", "TESTING")
    parser.add_argument("--ratio", type=int, nargs=3, default=argparse.SUPPRESS, metavar=names, help=ratio)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the new datalist, and print and write who is in it: the paper's Tables 1 and 2."""
    from dibmg_monai.evaluation.cohort import cohort_tables
    from dibmg_monai.evaluation.wording import lines
    from dibmg_monai.exams.characteristics import standard_columns
    from dibmg_monai.exams.datalist import read_datalist, write_datalist
    from dibmg_monai.exams.json_file import write_json
    from dibmg_monai.exams.splits import split

    source = arguments.datalist
    output = arguments.output if arguments.output.suffix == ".json" else arguments.output / "datalist.json"
    if output.resolve() == source.resolve():
        raise DatalistError(f"{output}: is the datalist that is read; name another with --output")
    parts = read_datalist(source, dataset_dir=source.parent, need_files=False)
    exams = [entry for part in parts.values() for entry in part]
    labelled = [entry for entry in exams if "label" in entry]
    match = standard_columns(labelled) if arguments.match is None else arguments.match
    options = {name: value for name, value in vars(arguments).items() if name in ("seed", "ratio")}
    datalist = split(labelled, match=match, **options)
    tables = cohort_tables(datalist, columns=match)
    write_datalist(datalist, path=output)
    write_json({table.name: table.as_json() for table in tables}, path=output.with_name(f"{output.stem}_tables.json"))
    for table in tables:
        table.write_csv(output.with_name(f"{output.stem}_{table.name}.csv"))
        for line in lines(table):
            say(line)
    if unlabelled := len(exams) - len(labelled):
        say(f"left out: {unlabelled} exams without a label")
    if alone := sum("patient_id" not in entry for entry in labelled):
        say(f"{alone} exams have no patient_id: each is taken for a patient of its own")
    say(f"matched on: {', '.join(match) or 'nothing; the datalist has no column of the default, see --match'}")
    say(f"datalist: {output}, with paths relative to the same folder as those of {source}")
