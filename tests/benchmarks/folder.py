"""A folder of simulated exams from end to end in one process: seconds an exam, and memory over time."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pictures
from cost import Sample, command
from progress import say
from settings import Settings
from subject import phantom_folder
from tables import Table

from dibmg_monai.outputs.scores import SCORES

HERE = Path(__file__).parent
SETTLED = 5  # exams after which memory should stay
SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def run(settings: Settings) -> Iterator[Table]:
    """Two tables: time, memory."""
    folder = phantom_folder(settings)
    output = settings.output / "analysis"
    scores = output / SCORES
    scores.unlink(missing_ok=True)

    said = [0]

    def written() -> int:
        count = max(0, scores.read_bytes().count(b"\n") - 1) if scores.exists() else 0
        if count // SETTLED > said[-1] // SETTLED:
            say(f"exam {count} of {settings.exams}")
            said.append(count)
        return count

    words = (HERE / "analysis_script.py", folder, output, settings.weights)
    cost, samples = command(words, log=settings.output / "folder.log", limit=settings.limit, watch=written)
    done = written()
    if not done:
        raise SystemExit(f"error: no exam within {settings.limit:.0f} seconds; give a longer --limit")
    ends = [
        next((sample.seconds for sample in samples if sample.progress > number), cost.seconds) for number in range(done)
    ]
    steady = (ends[-1] - ends[0]) / (done - 1) if done > 1 else None
    peaks = _peaks(samples, exams=done)
    pictures.memory(
        [sample.seconds for sample in samples],
        [sample.memory for sample in samples],
        title=f"Memory over {done} exams",
        path=settings.output / "memory.png",
    )
    stopped = f", stopped after {settings.limit:.0f} seconds" if done < settings.exams else ""
    yield Table(
        f"A folder of {settings.exams} simulated exams, {settings.rows} rows an image, default outputs, "
        f"at {settings.size} pixels",
        (
            "exams done",
            "seconds",
            "seconds until the first",
            "seconds an exam after it",
            "CPU seconds an exam",
            "memory, MB",
        ),
        [(f"{done}{stopped}", cost.seconds, ends[0], steady, cost.cpu_seconds / done, cost.memory)],
    )
    slope = float(np.polyfit(range(SETTLED, done + 1), peaks[SETTLED - 1 :], 1)[0]) if done > SETTLED + 1 else None
    shown = sorted({number for number in SHOWN if number <= done} | {done})
    yield Table(
        "The most memory while an exam was worked on, MB",
        (*(f"exam {number}" for number in shown), f"MB an exam, from exam {SETTLED} on"),
        [(*(peaks[number - 1] for number in shown), slope)],
    )


def _peaks(samples: Sequence[Sample], *, exams: int) -> list[float]:
    """MB at most between the end of one exam and that of the next."""
    peaks = []
    for number in range(exams):
        during = [sample.memory for sample in samples if sample.progress == number]
        peaks.append(max(during) if during else peaks[-1])
    return peaks
