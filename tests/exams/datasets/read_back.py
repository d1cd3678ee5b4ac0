"""A data set's folder, read, written as a datalist and read again."""

from collections import Counter
from pathlib import Path

from dibmg_monai.exams.datalist import Entry, read_datalist, write_datalist
from dibmg_monai.exams.datasets.dataset import PublicDataset


def read_back(dataset: PublicDataset, root: Path) -> tuple[dict[str, Entry], Counter[tuple[str, str]]]:
    """Exam id -> entry, of all parts, in a valid datalist; and how many things were left out, by kind and reason."""
    reading = dataset.read(root)
    path = root / "datalist.json"
    write_datalist(reading.datalist, path=path)
    parts = read_datalist(path, dataset_dir=root)
    path.unlink()
    assert parts == reading.datalist
    entries = {entry["exam_id"]: entry for part in parts.values() for entry in part}
    return entries, Counter((thing.kind, thing.reason) for thing in reading.left_out)
