"""What passes before anything is done: imports, each in a new process."""

from collections.abc import Iterator

from cost import Cost, best, command
from settings import Settings
from tables import Table

# What MONAI imports of the Deploy SDK is left out: a None in sys.modules is a module that is not there (Python's
# reference, 5.3.1).
WITHOUT_DEPLOY = "import sys; sys.modules['monai.deploy'] = None; import monai"
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -m dibmg_monai --help": ("-m", "dibmg_monai", "--help"),
    "import torch": ("-c", "import torch"),
    "import dibmg_monai.weights": ("-c", "import dibmg_monai.weights"),
    "import monai": ("-c", "import monai"),
    "import monai, without monai.deploy": ("-c", WITHOUT_DEPLOY),
    "import monai.bundle": ("-c", "import monai.bundle"),
}


def run(settings: Settings) -> Iterator[Table]:
    """One table."""
    costs = {name: of_processes(settings, *words) for name, words in COMMANDS.items()}
    base = costs["import torch"].seconds
    yield Table(
        "Start-up: a new process that only imports",
        ("process", "seconds", "CPU seconds", "of torch's", "memory, MB"),
        [(name, cost.seconds, cost.cpu_seconds, cost.seconds / base, cost.memory) for name, cost in costs.items()],
    )


def of_processes(settings: Settings, *words: str) -> Cost:
    """The best of a few."""
    return best([command(words, log=settings.output / "startup.log")[0] for _ in range(settings.pairs)])
