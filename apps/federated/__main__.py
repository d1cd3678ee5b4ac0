"""Five sites train one network without sharing an image: ``python apps/federated -o out/federated``.

On phantoms, by the simulator of NVIDIA FLARE; beside it the same network trained on all exams pooled, and on those of
each site alone. docs/federated.md says more.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from comparison import comparison_table, read_figures, text_lines, write_report
from simulation import evaluate, federate, train, write_initial_weights
from sites import SITES, write_sites

from dibmg_monai.commands.terminal import say
from dibmg_monai.errors import DibmgError
from dibmg_monai.evaluation.headline import Headline
from dibmg_monai.exams.json_file import write_json

FEDERATED, POOLED = "federated", "pooled"
MARGIN = 0.05  # of AUC


def main(words: Sequence[str] | None = None) -> int:
    """Simulate, and compare.

    Returns:
        0; 1 if the federated network's AUC is lower than the pooled one's by more than the margin; 2 if something
        stood in the way.
    """
    parser = argparse.ArgumentParser(prog="python apps/federated", description=__doc__)
    folder = "folder to write (%(default)s)"
    parser.add_argument("-o", "--output", type=Path, default=Path("out/federated"), metavar="OUT", help=folder)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="a simulation for each (0 1)")
    margin = "how much lower the federated AUC may be (%(default)s)"
    parser.add_argument("--margin", type=float, default=MARGIN, help=margin)
    arguments = parser.parse_args(words)
    try:
        reached = [
            report(simulate(arguments.output / f"seed-{seed}", seed=seed), seed=seed, margin=arguments.margin)
            for seed in arguments.seeds
        ]
    except DibmgError as error:
        say(f"error: {error}", stream=sys.stderr)
        return 2
    return 0 if all(reached) else 1


def simulate(folder: Path, *, seed: int) -> dict[str, Headline]:
    """One simulation: training -> its figures. Also written, as a table and as a report on the federated network."""
    sites, names = folder / "sites", [site.name for site in SITES]
    datalist = write_sites(sites, seed=seed)
    initial = write_initial_weights(folder / "initial.pt", seed=seed)
    data = {POOLED: sites, **{f"{name}-alone": sites / name for name in names}}
    models = {FEDERATED: federate(sites, folder / "workspace", names=names, initial=initial)}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        trained = pool.map(lambda name: train(data[name], folder / "training" / name, initial=initial), data)
        models |= dict(zip(data, trained, strict=True))
        evaluated = pool.map(lambda name: evaluate(models[name], sites, folder / "results" / name), models)
        results = dict(zip(models, evaluated, strict=True))
    figures = {name: read_figures(file, datalist=datalist) for name, file in results.items()}
    table = comparison_table(figures)
    table.write_csv(folder / "comparison.csv")
    write_json(table.as_json(), path=folder / "comparison.json")
    write_report(results[FEDERATED], compare=results[POOLED], datalist=datalist, folder=folder / "report")
    return figures


def report(figures: dict[str, Headline], *, seed: int, margin: float) -> bool:
    """Print a simulation's figures; whether the federated network reached the pooled one."""
    federated, pooled = (figures[name].exam_auc.value for name in (FEDERATED, POOLED))
    reached = federated >= pooled - margin
    say(f"seed {seed}")
    for line in text_lines(comparison_table(figures)):
        say(line)
    say(f"federated {'within' if reached else 'NOT within'} {margin:g} of pooled: {federated:.3f} and {pooled:.3f}")
    return reached


if __name__ == "__main__":
    sys.exit(main())
