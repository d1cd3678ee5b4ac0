"""The command that outsiders run: the paper's figures from its counts, scikit-learn's from others, one-line errors."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from dibmg_monai.__main__ import main
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.paper import PERFORMANCE
from dibmg_monai.evaluation.reproduction import ODD_P, agrees
from tests.evaluation.cohorts import case, cohort_of_the_paper, random_cases
from tests.reports.files import write_files
from tests.reports.html_page import check_page

SUFFIX = {"test": "", "validation": "_validation"}
NAMES = {3: "table3_age_manufacturer", 4: "table4_density", 5: "table5_cancers"}


def report(folder: Path, *options: str) -> dict[str, Any]:
    """``tables.json``."""
    files = ("--results", f"{folder}/results.json", "--datalist", f"{folder}/datalist.json")
    assert main(["report", *files, "--output", f"{folder}/out", *options]) == 0
    return json.loads((folder / "out" / "tables.json").read_text(), parse_constant=pytest.fail)


def rows(tables: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return tables["tables"][name]["rows"]


def named(cases: list[Case], part: str) -> list[Case]:
    """The same exams, with ids of their own in each part and nothing but what the paper knows."""
    ids = [f"{part} {item.exam_id}" for item in cases]
    return [
        Case(
            {**item.result, "exam_id": name},
            {**{key: value for key, value in item.entry.items() if key != "RCC"}, "exam_id": name},
        )
        for name, item in zip(ids, cases, strict=True)
    ]


def test_the_papers_counts_give_its_percentages_and_p_values(tmp_path: Path) -> None:
    parts = {
        part: named(cohort_of_the_paper(dataset), part)
        for dataset, part in (("validation", "validation"), ("test", "testing"))
    }
    write_files(tmp_path, parts)
    tables = report(tmp_path)
    checked = 0
    for part in PERFORMANCE:
        if part.variable == "feature":
            continue
        found = [row for row in rows(tables, NAMES[part.table] + SUFFIX[part.dataset]) if row["group"] == part.variable]
        for measure, shares in part.shares.items():
            for row, level in ((row, row["level"] or "all") for row in found):
                assert 100 * row[measure]["value"] == pytest.approx(float(shares[level].percent), abs=0.1)
            if measure in part.p and (part.table, part.dataset, part.variable, measure) not in ODD_P:
                (p,) = {row[f"{measure} p"] for row in found} - {None}
                assert agrees(p, part.p[measure])
                checked += 1
    assert checked == 19
    assert tables["sensitivity"]["value"] == 471 / 619 and tables["specificity"]["value"] == 548 / 619
    page = check_page(tmp_path / "out" / "report.html")
    assert "76.1 %" in page.text and "471 of 619" in page.text and "<0.0001" in page.text and "0.3098" in page.text


def test_figures_are_those_of_scikit_learn(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    cases = random_cases(150, exams_a_patient=2)
    scores, labels = scores_of(cases), labels_of(cases)
    write_files(tmp_path, {"testing": cases})
    tables = report(tmp_path)
    area = roc_auc_score(labels, scores)
    ranking = [row["estimate"]["value"] for row in rows(tables, "ranking")]
    assert ranking == pytest.approx([area, area, average_precision_score(labels, scores)])
    assert tables["exam_auc"]["value"] == pytest.approx(area)
    assert rows(tables, "calibration")[0]["Brier"] == pytest.approx(brier_score_loss(labels, scores))
    captured = capsys.readouterr()
    assert f"exam AUC                      {area:.3f} (" in captured.out
    assert "peak in the lesion's mask     not measured\n" in captured.out
    assert captured.out.endswith(f"report: {tmp_path}/out/report.html\n")
    assert captured.err == ""


def test_options(tmp_path: Path) -> None:
    cases = [case(item.exam_id, item.label, item.score, birads=1 + index % 3)
             for index, item in enumerate(random_cases(90))]  # fmt: skip
    write_files(tmp_path, {"testing": cases[:60], "validation": cases[60:]})
    options = ("--threshold", "0.7", "--by", "birads", "--within", "birads", "--interval", "clopper-pearson")
    tables = report(tmp_path, *options, "--sensitivity", "0.95", "--specificity", "0.6", "--tolerance", "5mm")
    assert [row["level"] for row in rows(tables, "further_columns")] == [None, "1", "2", "3"]
    assert [row["wanted"] for row in rows(tables, "operating_points")] == [
        *["sensitivity 0.95"] * 2, *["specificity 0.6"] * 2,
    ]  # fmt: skip
    assert tables["threshold"] == 0.7 and tables["tolerance"] == {"distance": 5, "unit": "mm"}
    assert "Clopper-Pearson" in tables["facts"]["intervals"]
    assert report(tmp_path, "--part", "validation")["facts"]["exams"].startswith("30 of the validation part")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "nothing"], "error: no exam has the column 'nothing'"),
        (["--results", "gone.json"], "error: gone.json: cannot be read"),
        (["--datalist", "gone.json"], "error: gone.json: cannot be read"),
        (["--compare", "gone.json"], "error: gone.json: cannot be read"),
        (["--part", "training"], "error: no exam of the results has a label in the datalist"),
        (["--validation-results", "results.json"], "error: 6 exams and 6 patients are both measured and in"),
        (["--output", "results.json"], "error: results.json/tables.json: cannot be written"),
    ],
)
def test_errors_are_one_line(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"testing": random_cases(6)})
    given = {"--results": "results.json", "--datalist": "datalist.json", "--output": "out"}
    given |= dict([options])
    assert main(["report", *(word for pair in given.items() for word in pair)]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message) and errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tolerance", "5"], "'5' is no distance; a number with mm or px is needed, such as 5mm"),
        (["--threshold", "2"], "2 is not from 0 to 1"),
        (["--sensitivity", "80"], "80 is not from 0 to 1"),
        (["--specificity", "high"], "invalid share value: 'high'"),
        (["--part", "test"], "invalid choice: 'test'"),
    ],
)
def test_wrong_usage(options: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["report", "--results", "r", "--datalist", "d", "--output", "o", *options])
    assert message in capsys.readouterr().err


def test_help_waits_for_no_library() -> None:
    program = (
        "import sys; from dibmg_monai.__main__ import main\n"
        "try: main(['report', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join(name for name in ('torch', 'numpy', 'matplotlib', 'jinja2') if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--validation-results" in done.stdout
