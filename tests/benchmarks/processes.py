"""One exam from end to end: in a process of its own by each way in, in a warm one, and beside a plain script."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from cost import Cost, apart, best, command
from progress import say
from settings import BUNDLE, PROJECT, Settings
from startup import of_processes
from subject import Subject
from tables import Table, Value

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.datalist import entry_from_exam, write_datalist
from dibmg_monai.outputs.exam_files import DEFAULT, Output, write_exam
from dibmg_monai.outputs.scores import RESULTS, ResultsWriter, read_results

HERE = Path(__file__).parent
DEPLOY = PROJECT / "apps" / "deploy"
WARM_CALLS = 3
AGREEMENT = 1e-3  # of scores
DEPLOY_IMPORTS = f"import sys; sys.path.insert(0, {str(DEPLOY)!r}); import app, dibmg_monai.pacs.send"
BUNDLE_IMPORTS = "import monai.bundle, monai.engines, dibmg_monai.handlers, dibmg_monai.transforms, dibmg_monai.weights"
SCRIPT_IMPORTS = "import dibmg_monai.analysis, dibmg_monai.weights"


def run(settings: Settings) -> Iterator[Table]:
    """One table of ways in, one beside the plain script."""
    yield _ways_in(settings)
    yield _beside_plain_script(settings)


def _ways_in(settings: Settings) -> Table:
    ways: dict[str, tuple[list[str | Path], str]] = {
        "python apps/deploy": (
            [DEPLOY, "-i", settings.study, "-o", settings.output / "deploy", "-m", settings.weights],
            DEPLOY_IMPORTS,
        ),
        "python -m monai.bundle run": (_bundle_run(settings), BUNDLE_IMPORTS),
        "a script that calls analyze": (
            [HERE / "analysis_script.py", settings.study, settings.output / "script", settings.weights],
            SCRIPT_IMPORTS,
        ),
    }
    first, *later = apart(_warm, settings)
    warm = min(later)
    rows: list[tuple[Value, ...]] = []
    for name, (words, imports) in ways.items():
        cost, _ = command(words, log=settings.output / "process.log")
        imported = of_processes(settings, "-c", imports).seconds
        ratios = (cost.seconds / warm, imported / warm)
        rows.append((f"{name}, new process", cost.seconds, imported, *ratios, cost.cpu_seconds, cost.memory))
        say(f"{name}: {cost.seconds:.3g} seconds")
    rows.append(("the first call in a process", first, None, first / warm, None, None, None))
    rows.append(("the next calls", warm, None, 1.0, None, None, None))
    return Table(
        f"One exam from end to end, all default outputs, at {settings.size} pixels",
        ("how", "seconds", "imports, seconds", "of a warm exam", "imports, of it", "CPU seconds", "memory, MB"),
        rows,
        ("Imports are what a process takes that imports the same and does nothing.",),
    )


def _bundle_run(settings: Settings) -> list[str | Path]:
    """Its arguments; the datalist is written."""
    (exam,) = assemble(settings.study).exams
    datalist = settings.output / "datalist.json"
    write_datalist({"testing": [entry_from_exam(exam)]}, path=datalist)
    configs = [str(BUNDLE / "configs" / "inference.yaml"), str(settings.weights.with_suffix(".yaml"))]
    options = {
        "config_file": configs,
        "bundle_root": BUNDLE,
        "dataset_dir": settings.study,
        "datalist": datalist,
        "output_dir": settings.output / "bundle",
        "outputs": [str(output) for output in DEFAULT],
    }
    return [
        "-m",
        "monai.bundle",
        "run",
        *(word for name, value in options.items() for word in (f"--{name}", str(value))),
    ]


def _warm(settings: Settings) -> list[float]:
    """Seconds of one call after another: files to files."""
    subject, results, seconds = Subject(settings), ResultsWriter(settings.output / "warm"), []
    _ = subject.predictor
    for _ in range(WARM_CALLS):
        start = time.perf_counter()
        (exam,) = assemble(settings.study).exams
        write_exam(subject.predictor(exam), results)
        seconds.append(time.perf_counter() - start)
    return seconds


def _beside_plain_script(settings: Settings) -> Table:
    """The same exam, weights and results, one after the other, more than once."""
    plain, own = settings.output / "plain", settings.output / "own"
    same = (settings.study, own, settings.weights, f"{Output.JSON},{Output.PNG}")
    scripts: dict[str, list[str | Path]] = {
        "plain script": [HERE / "plain_script.py", settings.study, plain, settings.weights, str(settings.size)],
        "this package": [HERE / "analysis_script.py", *same],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in scripts}
    for _ in range(settings.pairs):
        for name, words in scripts.items():
            costs[name].append(command(words, log=settings.output / "process.log")[0])
    least = {name: best(of_script) for name, of_script in costs.items()}
    base = least["plain script"].seconds
    rows = [(name, cost.seconds, cost.seconds / base, cost.cpu_seconds, cost.memory) for name, cost in least.items()]
    pairs = zip(costs["this package"], costs["plain script"], strict=True)
    ratios = [ours.seconds / theirs.seconds for ours, theirs in pairs]
    theirs = json.loads((plain / "scores.json").read_text(encoding="utf-8"))
    (ours,) = read_results(own / RESULTS)
    differences = [abs(ours["views"][view]["score"] - theirs["views"][view]) for view in theirs["views"]]
    difference = max(abs(ours["score"] - theirs["score"]), *differences)
    if difference > AGREEMENT:
        raise SystemExit(f"error: scores differ by {difference:.2g} from the plain script's; {AGREEMENT} is allowed")
    return Table(
        f"The same result by a plain script: scores and overlays of one exam at {settings.size} pixels, new processes",
        ("process", "seconds", "of the first", "CPU seconds", "memory, MB"),
        rows,
        (
            f"Pair by pair: {', '.join(f'{ratio:.2f}' for ratio in ratios)}. "
            f"Scores of exam and views differ by {difference:.1g} at most, the exam's is {ours['score']:.3f}.",
        ),
    )
