"""Which exams are measured, which are chosen on, and which are left out."""

import json
from pathlib import Path

import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.reports.study import Study, read_study
from tests.evaluation.cohorts import case
from tests.reports.files import write_files


def read(folder: Path, **options: object) -> Study:
    return read_study(folder / "results.json", folder / "datalist.json", dataset_dir=folder, **options)


def ids(cases: object) -> list[str]:
    return [item.exam_id for item in cases]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two exams in each part, all with results."""
    parts = {
        part: [case(f"{part}-{label}", label, 0.5) for label in (0, 1)]
        for part in ("training", "validation", "testing")
    }
    write_files(tmp_path, parts)
    return tmp_path


def test_testing_is_measured_and_validation_chosen_on(parts: Path) -> None:
    study = read(parts)
    assert (study.part, ids(study.cases)) == ("testing", ["testing-0", "testing-1"])
    assert ids(study.validation) == ["validation-0", "validation-1"]
    assert study.left_out == {
        "training, with a result: another part than the one measured": ["training-0", "training-1"]
    }
    assert study.models == ("DIB-MG, version 9.9, SHA-256 abc123",)


def test_a_part_can_be_named(parts: Path) -> None:
    study = read(parts, part="validation")
    assert ids(study.cases) == ["validation-0", "validation-1"] and not study.validation
    assert len(study.left_out) == 2


def test_without_testing_results_validation_is_measured(parts: Path) -> None:
    results = json.loads((parts / "results.json").read_text())
    (parts / "results.json").write_text(json.dumps([item for item in results if "testing" not in item["exam_id"]]))
    assert read(parts).part == "validation"
    (parts / "results.json").write_text(json.dumps([item for item in results if "training" in item["exam_id"]]))
    assert read(parts).part == "training"


def test_a_validation_set_of_its_own(parts: Path, tmp_path: Path) -> None:
    results, datalist = write_files(tmp_path / "other", {"testing": [case("x", 0, 0.5), case("y", 1, 0.5)]})
    assert ids(read(parts, validation_results=results, validation_datalist=datalist).validation) == ["x", "y"]
    same = read(parts, validation_results=parts / "results.json")
    assert ids(same.validation) == ["validation-0", "validation-1"]
    with pytest.raises(DatalistError, match="2 exams and 2 patients are both measured and in the validation set"):
        read(parts, part="validation", validation_results=parts / "results.json")


def test_a_patient_in_both_sets_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, {"testing": [case("a", 1, 0.5, patient_id="SECRET")]})
    results, datalist = write_files(tmp_path / "other", {"testing": [case("b", 1, 0.5, patient_id="SECRET")]})
    with pytest.raises(DatalistError, match="0 exams and 1 patients are both") as caught:
        read(tmp_path, validation_results=results, validation_datalist=datalist)
    assert "SECRET" not in str(caught.value)


def test_another_model(parts: Path, tmp_path: Path) -> None:
    results, _ = write_files(
        tmp_path / "other", {"testing": [case("testing-1", 1, 0.7), case("z", 0, 0.1)]}, name="Peer"
    )
    study = read(parts, compare=results)
    assert ids(study.compared) == ["testing-1"] and study.compared[0].score == 0.7
    assert study.compared_models == ("Peer, version 9.9, SHA-256 abc123",)


def test_who_is_left_out_and_why(tmp_path: Path) -> None:
    cases = [case("a", 1, 0.5), case("b", 0, 0.5)]
    results, datalist = write_files(tmp_path, {"testing": cases})
    entries = json.loads(datalist.read_text())
    entries["testing"] += [{"exam_id": "broken", "label": 1}, {"exam_id": "absent", "label": 1}, {"exam_id": "c"}]
    datalist.write_text(json.dumps(entries))
    found = json.loads(results.read_text())
    results.write_text(json.dumps([*found, {**found[0], "exam_id": "c"}, {**found[0], "exam_id": "stranger"}]))
    refused = [{"exam_id": "broken", "file": "x.dcm", "code": "unreadable", "reason": "is no image"}]
    (tmp_path / "refused.json").write_text(json.dumps(refused))
    table = read(tmp_path).left_out_table()
    assert table.rows == (
        ("testing, refused by inference: unreadable", 1, "broken"),
        ("testing, without a result", 1, "absent"),
        ("testing, without a label", 1, "c"),
        ("with a result, not in the datalist", 1, "stranger"),
    )


def test_many_names_are_cut(tmp_path: Path) -> None:
    _, datalist = write_files(tmp_path, {"testing": [case("a", 1, 0.5)]})
    more = [{"exam_id": f"{index}", "label": 0} for index in range(30)]
    datalist.write_text(json.dumps({"testing": [*json.loads(datalist.read_text())["testing"], *more]}))
    ((_, count, names),) = read(tmp_path).left_out_table().rows
    assert count == 30 and names.endswith("18, 19, ...")


def test_models_are_named_whatever_stands_there(tmp_path: Path) -> None:
    results, _ = write_files(tmp_path, {"testing": [case("a", 1, 0.5), case("b", 0, 0.5)]})
    first, second = json.loads(results.read_text())
    results.write_text(json.dumps([{**first, "model": "peer"}, {**second, "model": {}}]))
    assert read(tmp_path).models == ("peer", "not named")


def test_nothing_to_measure(parts: Path) -> None:
    (parts / "results.json").write_text("[]")
    with pytest.raises(DatalistError, match="no exam of the results has a label in the datalist"):
        read(parts)
    (parts / "datalist.json").write_text("{}")
    with pytest.raises(DatalistError, match="no exam of the results has a label in the datalist"):
        read(parts)
