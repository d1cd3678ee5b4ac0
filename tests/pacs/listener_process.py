"""``python -m tests.pacs.listener_process SPOOL PORT NODE [QUIET]``: a listener without a network to load.

What it makes of a study is two objects that name the images they are made of.
"""

import json
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from dibmg_monai.commands.log import show_log
from dibmg_monai.pacs.listener import Settings, listen
from dibmg_monai.pacs.node import Node
from tests.conftest import mammogram
from tests.pacs.listening import LOOPBACK

RESULTS = 2


def process(images: Path, output: Path) -> str:
    study = images.parent.name.partition("_")[2]
    names = sorted(path.stem for path in images.iterdir())
    for index in range(RESULTS):
        result = mammogram(np.zeros((2, 2), np.uint16), StudyInstanceUID=study)
        result.ImageComments = json.dumps(names)
        result.save_as(output / f"{index}.dcm", enforce_file_format=True)
        time.sleep(0.02)
    if (images.parents[2] / "poison").exists():
        raise ZeroDivisionError
    return "processed"


if __name__ == "__main__":
    spool, port, node, *quiet = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    show_log()
    settings = Settings(
        spool=Path(spool),
        ae_title="DIBMG",
        address=(LOOPBACK, int(port)),
        send_to=Node.parse(node),
        quiet=float(quiet[0]) if quiet else 0.3,
        pause=0.2,
    )
    listen(settings, process, stop=stop)
