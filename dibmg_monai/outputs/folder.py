"""The output folder: where things lie in it, and one error when it cannot be written."""

from pathlib import Path
from urllib.parse import quote

from dibmg_monai.errors import writing


def create_folder(path: Path) -> Path:
    """Make a folder, parents included, if it is not there yet.

    Raises:
        FolderError: if that cannot be done.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def exam_folder(output_dir: Path, exam_id: str) -> Path:
    """The folder of one exam's files: its id, all but letters, digits and ``_.-~`` percent-encoded.

    Different ids give different folders, none of them outside ``output_dir`` or hidden.
    """
    name = quote(exam_id, safe="", errors="surrogateescape")
    return output_dir / ("%2E" + name[1:] if name.startswith(".") else name)
