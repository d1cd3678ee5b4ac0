"""What a run of the benchmark is about."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUNDLE = PROJECT / "bundle"


@dataclass(frozen=True)
class Settings:
    """All that can be chosen.

    Attributes:
        study: a folder with the DICOM files of one exam.
        size: S, side of the network's input in pixels.
        repeats: of short measurements; the best counts.
        pairs: how often whole processes are run side by side.
        exams: in the folder.
        rows: height of its images in pixels.
        limit: seconds after which the folder's run is stopped.
        thorough: also the slow peers, and the shipped weights.
        output: a folder for all files.
    """

    study: Path
    size: int
    repeats: int
    pairs: int
    exams: int
    rows: int
    limit: float
    thorough: bool
    output: Path

    @property
    def weights(self) -> Path:
        """Of the network of train.yaml, for inputs of ``size``."""
        return self.output / "model.pt"
