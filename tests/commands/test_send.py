from pathlib import Path

import pytest

from dibmg_monai.__main__ import main
from tests.pacs.listening import pacs, write_study


@pytest.fixture(autouse=True)
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command does to the interpreter's logging stays out of other tests."""
    monkeypatch.setattr("dibmg_monai.commands.log.show_log", lambda: None)


def test_dicom_files_of_a_folder_and_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_study(tmp_path / "out" / "1.2.3", "1.2.3")
    (tmp_path / "out" / "results.json").write_text("[]")
    (more,) = write_study(tmp_path / "more", "1.2.4", views=["RCC"])
    with pacs() as peer, caplog.at_level("INFO", logger="dibmg_monai"):
        assert main(["send", str(tmp_path / "out"), str(more), "--to", str(peer.node), "--from", "MY AE"]) == 0
    assert [dataset.StudyInstanceUID for dataset in peer.objects] == ["1.2.3", "1.2.3", "1.2.4"]
    assert caplog.messages == [
        f"{tmp_path}/out/1.2.3/LCC.dcm: sent (status 0x0000)",
        f"{tmp_path}/out/1.2.3/RCC.dcm: sent (status 0x0000)",
        f"{more}: sent (status 0x0000)",
        f"3 objects sent to {peer.node}",
    ]


def test_an_object_that_is_not_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(tmp_path / "out", "1.2.3")
    with pacs() as peer:
        peer.answers = [0xA900]
        assert main(["send", str(tmp_path / "out"), "--to", str(peer.node)]) == 2
    assert f"error: {peer.node}: did not take 1 of 2 objects, first {tmp_path}/out/LCC.dcm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out", "--to", "PACS:104"], "error: node is 'PACS:104'; AET@HOST:PORT is needed"),
        (["out", "--to", "A@h:1", "--from", "B\\C"], "error: AE title is 'B\\\\C'"),
        (["out", "--to", "A@h:1", "--retries", "-1"], "error: --retries is -1; 0 or more is needed"),
        (["nowhere", "--to", "A@h:1"], "error: nowhere: there is no such folder"),
        (["out", "--to", "A@h:1"], "error: out: has no DICOM file; at least one is needed"),
        (["out/results.json", "--to", "A@h:1"], "error: out/results.json: is not a DICOM file"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    assert main(["send", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message)
    assert errors.count("\n") == 1
