"""Files that are still there after a power cut: what was written is on the disk, and so is its name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A new file to write; at the end its content is on the disk. Its name is not: ``move`` it to where it belongs."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Rename a file or folder in one step, replacing a file of that name, and have both places on the disk."""
    source.replace(target)
    sync(target.parent)
    sync(source.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, which is made if it is not there."""
    with path.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def sync_tree(folder: Path) -> None:
    """Have everything in a folder on the disk, at any depth."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
