import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dibmg_monai.__main__ import main
from dibmg_monai.exams.datalist import read_part
from dibmg_monai.views import VIEWS

STUDY = "1.2.826.0.1.3680043.8.498.1"
HEAVY = ("torch", "monai", "scipy", "highdicom")


@pytest.fixture
def study(write_mammogram: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with one exam and seven other files; the current folder is beside it."""
    pixels = np.zeros((6, 4), np.uint16)
    for view in VIEWS[1:]:
        write_mammogram(f"study/{view}.dcm", pixels, view=view, StudyInstanceUID=STUDY)
    write_mammogram("study/ct.dcm", pixels, Modality="CT")
    for index in range(6):
        (tmp_path / f"study/note{index}.txt").write_text("no image")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "study"


def test_exams(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exams", "study"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{STUDY}  --- RMLO LCC LMLO  RCC is missing",
        "exams: 1; files used: 3; files refused: 7",
        "  not-dicom: 6 (note0.txt, note1.txt, note2.txt, note3.txt, note4.txt, ...)",
        "  not-mammogram: 1 (ct.dcm)",
        "manifest: manifest.json",
    ]
    assert len(json.loads((study.parent / "manifest.json").read_text())["files"]) == 10


@pytest.mark.parametrize(("output", "manifest"), [("new/out", "new/out/manifest.json"), ("my.json", "my.json")])
def test_exams_output(output: str, manifest: str, study: Path) -> None:
    assert main(["exams", str(study), "--output", output]) == 0
    assert (study.parent / manifest).is_file()


def test_exams_as_a_datalist(study: Path) -> None:
    assert main(["exams", "study", "--datalist", "datalist.json"]) == 0
    (entry,) = read_part("datalist.json", dataset_dir="study")
    assert entry == {"exam_id": STUDY, "RMLO": "RMLO.dcm", "LCC": "LCC.dcm", "LMLO": "LMLO.dcm"}


def test_exams_that_the_paper_excluded(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = study.parent / "known.csv"
    table.write_text(f"exam_id,surgery\n{STUDY},yes\n")
    assert main(["exams", "study", "--exclusion-table", "known.csv"]) == 0
    warning = "the paper excluded such exams: surgery, by line 2 of known.csv (Kim 2018, Data collection)"
    assert capsys.readouterr().out.splitlines()[0].endswith(f"RCC is missing; {warning}")
    (exam,) = json.loads(Path("manifest.json").read_text())["exams"]
    assert exam["exclusions"]["surgery"] == {"answer": "yes", "place": "line 2 of known.csv"}
    assert main(["exams", "study", "--exclusion-table", "known.csv", "--exclusions", "refuse"]) == 2
    assert "  excluded: 3 (LCC.dcm, LMLO.dcm, RMLO.dcm)" in capsys.readouterr().out
    table.write_text("exam_id,surgery\n1.2.3,perhaps\n")
    assert main(["exams", "study", "--exclusion-table", "known.csv"]) == 2
    assert "known.csv: line 2: surgery is neither 'yes' nor 'no' nor empty" in capsys.readouterr().err


def test_the_folder_that_is_read_stays_as_it_is(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(study.rglob("*"))
    monkeypatch.chdir(study)
    for arguments in (["."], [str(study), "--output", str(study / "new")]):
        assert main(["exams", *arguments]) == 2
        assert "lies in the folder that is read" in capsys.readouterr().err
    assert sorted(study.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "error: nowhere: there is no such folder; a folder of DICOM files is needed"),
        (["study/ct.dcm"], "error: study: has no mammography exam, only 1 not-mammogram (ct.dcm: Modality"),
        (["study", "--output", "study/ct.dcm/below"], "error: study/ct.dcm/below/manifest.json: lies in the folder"),
        (["study", "--output", "file/below"], "error: file/below/manifest.json: cannot be written"),
        (["study", "--datalist", "file/datalist.json"], "error: file/datalist.json: cannot be written"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (study.parent / "file").touch()
    assert main(["exams", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message)
    assert errors.count("\n") == 1


def test_no_exam_still_leaves_a_manifest(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for view in VIEWS[1:]:
        (study / f"{view}.dcm").unlink()
    assert main(["exams", "study"]) == 2
    assert "exams: 0; files used: 0; files refused: 7" in capsys.readouterr().out
    files = json.loads(Path("manifest.json").read_text())["files"]
    assert {entry["code"] for entry in files} == {"not-dicom", "not-mammogram"}


def test_file_names_that_are_no_text(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "\udcff.txt").touch()
    assert main(["exams", "study/\udcff.txt"]) == 2
    assert r"not-dicom: 1 (\udcff.txt)" in capsys.readouterr().out


def test_phantom_passes_its_options_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def write_phantoms(directory: Path, **options: object) -> Path:
        calls.append((directory, options, list(options.pop("progress")(range(2)))))
        return directory / "datalist.json"

    monkeypatch.setattr("dibmg_monai.phantom.write_phantoms", write_phantoms)
    assert main(["phantom", "--exams", "2", "--output", "out"]) == 0
    assert (
        main(["phantom", "--exams", "2", "--output", "out", "--seed", "3", "--rows", "64", "--cancer-fraction", "1"])
        == 0
    )
    assert calls == [
        (Path("out"), {"exams": 2}, [0, 1]),
        (Path("out"), {"exams": 2, "seed": 3, "rows": 64, "cancer_fraction": 1.0}, [0, 1]),
    ]
    captured = capsys.readouterr()
    assert captured.out == "datalist: out/datalist.json\n" * 2
    assert "exam 2 of 2" in captured.err


def test_phantom_options_out_of_range(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["phantom", "--exams", "0", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: exams is 0")


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["exams"], ["phantom", "--exams", "x", "--output", "y"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: python -m dibmg_monai" in capsys.readouterr().err


def test_help_and_exams_wait_for_no_heavy_library(study: Path) -> None:
    program = (
        "import sys; from dibmg_monai.__main__ import main; main(['exams', 'study']); "
        f"sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.strip()) == (0, ""), result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["exams", "--help"], ["phantom", "--help"]])
def test_help_imports_no_third_party_library(arguments: list[str]) -> None:
    program = (
        "import sys; from dibmg_monai.__main__ import main\n"
        f"try: main({arguments})\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join(name for name in ('torch', 'monai', 'pydicom', 'numpy') if name in sys.modules) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("usage: python -m dibmg_monai")
    assert (result.returncode, result.stderr) == (0, "")
