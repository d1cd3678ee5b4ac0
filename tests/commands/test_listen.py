import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dibmg_monai.__main__ import main
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import send
from dibmg_monai.phantom import write_phantoms
from tests.pacs.listening import LOOPBACK, free_port, pacs, wait_until

BUNDLE = Path(__file__).parents[2] / "bundle"


def test_a_phantom_with_the_bundle(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "phantoms", exams=1, rows=256)
    files = sorted((tmp_path / "phantoms" / "dicom").rglob("*.dcm"))
    node = Node("AI 1", LOOPBACK, free_port())
    options = ["--spool", "spool", "--ae-title", "AI 1", "--port", str(node.port), "--quiet", "0.5", "--allow", "MG 1"]
    options += ["--bundle", str(BUNDLE), "--outputs", "sc,json", "--max-disk", "1", "--keep", "0"]
    with pacs() as archive, (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "dibmg_monai", "listen", *options, "--send-to", str(archive.node)]
        listener = subprocess.Popen(command, cwd=tmp_path, stderr=log)
        try:
            wait_until(lambda: "listening" in (tmp_path / "log").read_text(), seconds=60)
            send(files, node, calling="MG 1")
            wait_until(lambda: len(archive.objects) == 4, seconds=60)
            wait_until(lambda: list((tmp_path / "spool" / "done").iterdir()))
        finally:
            listener.send_signal(signal.SIGINT)
            assert listener.wait(timeout=60) == 0, (tmp_path / "log").read_text()
    assert {dataset.SeriesDescription for dataset in archive.objects} == {archive.objects[0].SeriesDescription}
    assert {dataset.PatientID for dataset in archive.objects} == {"PHANTOM-00000000"}
    log_text = (tmp_path / "log").read_text()
    assert "score 0." in log_text
    assert "PHANTOM" not in log_text
    assert "Phantom^Synthetic" not in log_text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ae-title", ""], "error: AE title is ''"),
        (["--allow", "A", "B" * 17], f"error: AE title is '{'B' * 17}'"),
        (["--send-to", "PACS"], "error: node is 'PACS'; AET@HOST:PORT is needed"),
        (["--quiet", "0"], "error: --quiet is 0.0; a positive number is needed"),
        (["--max-disk", "nan"], "error: --max-disk is nan; a positive number is needed"),
        (["--max-studies", "-1"], "error: --max-studies is -1; a positive number is needed"),
        (["--keep", "-1"], "error: --keep is -1.0; a positive number or 0 is needed"),
        (["--port", "65536"], "error: --port is 65536; 1 to 65535 is needed, or 0 for any that is free"),
        (["--outputs", "jpeg"], "error: outputs is 'jpeg'; any of "),
        (["--bundle", "nowhere"], "error: nowhere: is no bundle"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["listen", "--spool", "spool", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message)
    assert errors.count("\n") == 1
    assert not Path("spool").exists()


@pytest.mark.parametrize("command", ["listen", "send"])
def test_help_imports_no_third_party_library(command: str) -> None:
    program = (
        f"import sys; from dibmg_monai.__main__ import main\ntry: main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join(name for name in ('torch', 'pydicom', 'pynetdicom', 'numpy') if name in sys.modules) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout.startswith(f"usage: python -m dibmg_monai {command}")
    assert (result.returncode, result.stderr) == (0, "")


def test_sending_loads_no_network() -> None:
    program = "import sys, dibmg_monai.pacs.send, dibmg_monai.pacs.listener; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
