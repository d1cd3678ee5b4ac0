import copy
import random
from collections import Counter
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from scipy.stats import chi2_contingency

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import PARTS, Datalist, Entry, read_datalist, write_datalist
from dibmg_monai.exams.splits import split

# What the tests ask of the parts, read from the entries without the package's help.
QUESTIONS = {
    "density": lambda entry: entry["density"],
    "age": lambda entry: entry["age_years"] >= 50,
    "manufacturer": lambda entry: entry["manufacturer"],
    "mass": lambda entry: "mass" in entry["features"],
    "calcification": lambda entry: "calcification" in entry["features"],
    "asymmetry": lambda entry: "asymmetry" in entry["features"],
    "type": lambda entry: entry["invasive"],
    "size": lambda entry: entry["size_mm"] >= 20 if entry["invasive"] else None,
}


def exams(cancers: int, normals: int, *, seed: int = 0) -> list[Entry]:
    """Exams with about the margins of the paper's Tables 1 and 2."""
    rng = random.Random(seed)

    def common(label: int, densities: list[int], makers: list[int], age: float) -> Entry:
        return {
            "exam_id": f"{label}-{rng.getrandbits(64):016x}",
            "label": label,
            "RCC": "a.png",
            "density": rng.choices("ABCD", densities)[0],
            "manufacturer": rng.choices(["GE", "Hologic", "Siemens"], makers)[0],
            "age_years": rng.gauss(age, 10),
        }

    found = [common(0, [4, 18, 70, 8], [49, 43, 8], 53) for _ in range(normals)]
    for _ in range(cancers):
        shares = {"mass": 0.54, "calcification": 0.45, "asymmetry": 0.1}
        features = [feature for feature, share in shares.items() if rng.random() < share]
        own = {"features": features, "invasive": rng.random() < 0.86, "size_mm": rng.uniform(5, 35)}
        found.append(common(1, [6, 21, 50, 23], [39, 33, 28], 52) | own)
    return found


def with_patients(entries: list[Entry], *, seed: int = 0) -> list[Entry]:
    """The same exams, one to four a patient, cancers and normals mixed; a tenth without patient_id."""
    rng = random.Random(seed)
    shuffled = rng.sample(entries, len(entries))
    found = []
    while shuffled:
        patient = f"P{len(found)}"
        for _ in range(min(rng.choice([1, 1, 1, 2, 4]), len(shuffled))):
            found.append(shuffled.pop() | ({"patient_id": patient} if rng.random() < 0.9 else {}))
    return found


def at_random(entries: list[Entry], *, seed: int) -> Datalist:
    """A split of the same sizes by chance alone."""
    rng = random.Random(seed)
    parts: Datalist = {part: [] for part in PARTS}
    held_out = sum(entry["label"] for entry in entries) // 7
    for label in (0, 1):
        shuffled = [entry for entry in entries if entry["label"] == label]
        rng.shuffle(shuffled)
        parts["validation"] += shuffled[:held_out]
        parts["testing"] += shuffled[held_out : 2 * held_out]
        parts["training"] += shuffled[2 * held_out :]
    return parts


def p_values(datalist: Datalist, columns: dict[str, Any] = QUESTIONS) -> dict[tuple[int, str], float]:
    """Chi-square p-values between the parts, of cancers and of normals."""
    found = {}
    for label in (0, 1):
        for name in list(columns)[: None if label else 3]:
            counts = [
                Counter(columns[name](entry) for entry in entries if entry["label"] == label)
                for entries in datalist.values()
            ]
            levels = {level for counter in counts for level in counter} - {None}
            table = [[counter[level] for level in levels] for counter in counts]
            found[label, name] = chi2_contingency(table, correction=False).pvalue
    return found


def sizes(datalist: Datalist) -> list[tuple[int, int]]:
    """Cancers and normals of each part."""
    return [
        (sum(entry["label"] == 1 for entry in entries), sum(entry["label"] == 0 for entry in entries))
        for entries in datalist.values()
    ]


def ids(datalist: Datalist) -> list[str]:
    return sorted(entry["exam_id"] for entries in datalist.values() for entry in entries)


def test_the_paper_s_sizes() -> None:
    datalist = split(exams(4339, 24768), match=())
    assert list(datalist) == list(PARTS)
    assert sizes(datalist) == [(3101, 23530), (619, 619), (619, 619)]


@pytest.mark.parametrize(("cancers", "normals", "p"), [(700, 4000, 0.75), (210, 800, 0.5), (70, 300, 0.4)])
def test_parts_are_alike(cancers: int, normals: int, p: float) -> None:
    matched, by_chance = [], []
    for seed in range(4):
        entries = exams(cancers, normals, seed=seed)
        matched.append(p_values(split(entries, seed=seed)))
        by_chance.append(p_values(at_random(entries, seed=seed)))
    assert min(value for values in matched for value in values.values()) > p
    assert mean(min(values.values()) for values in matched) > 2 * mean(min(values.values()) for values in by_chance)
    assert mean(value for values in by_chance for value in values.values()) < 0.7


def test_combinations_are_alike_too() -> None:
    combined = {
        f"{first} and {second}": lambda entry, pair=(first, second): tuple(QUESTIONS[name](entry) for name in pair)
        for first, second in combinations(["density", "age", "manufacturer"], 2)
    }
    entries = exams(700, 4000)
    assert mean(p_values(split(entries), combined).values()) > 0.95


def test_few_exams_are_as_alike_as_they_can_be() -> None:
    found = [min(p_values(split(exams(21, 60, seed=seed), seed=seed)).values()) for seed in range(8)]
    by_chance = [min(p_values(at_random(exams(21, 60, seed=seed), seed=seed)).values()) for seed in range(8)]
    assert mean(found) > 0.4
    assert mean(found) > 3 * mean(by_chance)


def test_many_columns_at_once() -> None:
    rng = random.Random(0)
    names = [f"column{number}" for number in range(12)]
    entries = [entry | {name: rng.choice("uvwxy") for name in names} for entry in exams(350, 1000)]
    assert len({tuple(entry[name] for name in names) for entry in entries}) == len(entries)  # no two in one stratum
    found = p_values(split(entries, match=names), {name: lambda entry, name=name: entry[name] for name in names})
    assert min(found.values()) > 0.75


def test_what_is_unknown_is_matched_too() -> None:
    rng = random.Random(0)
    entries = exams(210, 700)
    for entry in entries:
        for column in ("density", "age_years", "size_mm"):
            if rng.random() < 0.3:
                entry.pop(column, None)
    datalist = split(entries)
    for column in ("density", "age_years", "size_mm"):
        for part in datalist.values():
            cancers = [entry for entry in part if entry["label"] == 1]
            assert mean(column not in entry for entry in cancers) == pytest.approx(0.3, abs=0.07)


def test_benign_findings_are_spread_evenly() -> None:
    entries = exams(70, 300)
    for entry in entries[:90]:
        entry["benign"] = True
    assert [sum("benign" in entry for entry in part) for part in split(entries).values()] == [84, 3, 3]


def test_a_column_of_one_s_own() -> None:
    entries = [entry | {"room": "baaaa"[number % 5]} for number, entry in enumerate(exams(70, 140))]
    parts = split(entries, match=["room"])
    assert [sum(entry["room"] == "b" for entry in part if entry["label"]) for part in parts.values()] == [10, 2, 2]
    assert [sum(entry["room"] == "b" for entry in part if not entry["label"]) for part in parts.values()] == [24, 2, 2]


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ((5, 1, 1), [(72, 272), (14, 14), (14, 14)]),
        ((2, 1, 1), [(50, 250), (25, 25), (25, 25)]),
        ((6, 1, 3), [(60, 260), (10, 10), (30, 30)]),
    ],
)
def test_ratios(ratio: tuple[int, int, int], expected: list[tuple[int, int]]) -> None:
    assert sizes(split(exams(100, 300), ratio=ratio)) == expected


def test_the_order_of_the_entries_does_not_matter_and_the_seed_does() -> None:
    entries = with_patients(exams(100, 300))
    before = copy.deepcopy(entries)
    first = split(entries, seed=1)
    assert split(random.Random(2).sample(entries, len(entries)), seed=1) == first
    assert split(entries, seed=2) != first
    assert entries == before


@pytest.mark.parametrize("seed", range(5))
def test_every_exam_once_and_no_patient_parted(seed: int, tmp_path: Path) -> None:
    entries = with_patients(exams(100, 300, seed=seed), seed=seed)
    datalist = split(entries, seed=seed)
    by_id = {entry["exam_id"]: entry for entry in entries}
    assert ids(datalist) == sorted(by_id)
    assert all(entry == by_id[entry["exam_id"]] for part in datalist.values() for entry in part)
    patients = [{entry["patient_id"] for entry in part if "patient_id" in entry} for part in datalist.values()]
    assert sum(map(len, patients)) == len(set.union(*patients))
    with_label = [
        {entry.get("patient_id") for entry in entries if entry["label"] == label} - {None} for label in (0, 1)
    ]
    assert with_label[0] & with_label[1]  # patients with both a cancer and a normal exam
    write_datalist(datalist, path=tmp_path / "datalist.json")
    assert read_datalist(tmp_path / "datalist.json", dataset_dir=tmp_path, need_files=False) == datalist
    assert sizes(datalist) == [(72, 272), (14, 14), (14, 14)]
    assert min(p_values(datalist).values()) > 0.3


def test_sizes_give_way_to_patients() -> None:
    entries = [entry | {"patient_id": f"P{number // 10}"} for number, entry in enumerate(exams(0, 300) + exams(140, 0))]
    for found, expected in zip(sizes(split(entries)), [(100, 260), (20, 20), (20, 20)], strict=True):
        assert found == pytest.approx(expected, abs=9)


def test_as_few_exams_as_there_can_be() -> None:
    assert sizes(split(exams(7, 3))) == [(5, 1), (1, 1), (1, 1)]
    assert sizes(split(exams(6, 4), ratio=(3, 2, 1))) == [(3, 1), (2, 2), (1, 1)]


@pytest.mark.parametrize(
    ("entries", "options", "message"),
    [
        (exams(6, 30), {}, "there are 6 cancers; 7 or more are needed to divide them 5:1:1"),
        (exams(5, 30), {"ratio": (3, 2, 1)}, "there are 5 cancers; 6 or more are needed to divide them 3:2:1"),
        (
            exams(14, 4),
            {},
            "there are 4 normals; 5 or more are needed: 2 for validation, 2 for testing, one or more for training",
        ),
        ([], {}, "there are 0 cancers"),
        (
            exams(14, 9),
            {"match": ["density", "digitizer"]},
            "no exam has 'digitizer' to match on; the columns are RCC, age",
        ),
        (exams(14, 60), {"match": ["exam_id"]}, "exam_id has 74 values; at most 50 can be matched: group them"),
        (exams(14, 9), {"ratio": (5, 1, 0)}, "ratio is 5:1:0; three positive numbers are needed"),
        (exams(14, 9), {"ratio": (5, 1)}, "ratio is 5:1; three positive numbers are needed"),
        (exams(14, 9), {"seed": -1}, "seed is -1; it must not be negative"),
        (exams(14, 9) * 2, {}, "exam_id '[01]-[0-9a-f]+' is there 2 times; each exam needs its own"),
        ([*exams(14, 9), {"exam_id": "x"}], {}, "1 exams have no label, x first; a split needs 0 or 1 in each"),
        (
            [entry | {"patient_id": "SECRET"} for entry in exams(14, 9)],
            {},
            "the 23 exams are of 1 patients, the largest with 23; validation is left without cancers or normals",
        ),
    ],
)
def test_what_cannot_be_split(entries: list[Entry], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatalistError, match=message) as caught:
        split(entries, **options)
    assert "SECRET" not in str(caught.value)
