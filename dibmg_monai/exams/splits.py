"""The paper's matched split: exams -> training, validation and testing that are alike.

Cancers are divided in a given ratio; validation and testing get as many normals as cancers; the other normals train
(Kim 2018, Data sets). Patients are dealt one by one, in a random order, each to the part in which the characteristics
are then least out of balance (minimization: Pocock & Simon 1975, Biometrics 31:103), and then exchanged between parts
until no exchange makes these more alike. Out of balance means the sum, over all characteristics, of the chi-square
statistics that the paper's Tables 1 and 2 test.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.characteristics import (
    CANCER,
    NORMAL,
    Characteristic,
    characteristics_of,
    standard_columns,
)
from dibmg_monai.exams.datalist import PARTS, Datalist, Entry

RATIO = (5, 1, 1)  # Kim 2018, Data sets
MOST_LEVELS = 50  # a column with more can't be matched: it names exams, or is a measurement that wants cuts
CANDIDATES = 100  # kinds of patients on either side of an exchange that are looked at: the most promising
DECIMALS = 9  # balances that differ by less are equal, so that every machine makes the same split


@dataclass(frozen=True)
class _Cohort:
    """Patients as counts.

    Attributes:
        counts: (patients, levels) exams of each patient that have a level; the first two levels are cancer and normal.
        target: (3, levels) exams of each level that each part would have in perfect balance; in the first two columns,
            the sizes of the parts.
        kind: (patients,) a number that patients with the same counts share.
        size: (patients,) a number that patients with as many cancers and as many normals share.
    """

    counts: NDArray[np.float64]
    target: NDArray[np.float64]
    kind: NDArray[np.int64]
    size: NDArray[np.int64]


def split(
    entries: Sequence[Entry],
    *,
    seed: int = 0,
    match: Sequence[str] | None = None,
    ratio: Sequence[int] = RATIO,
) -> Datalist:
    """Divide exams into training, validation and testing.

    Args:
        entries: datalist entries, each with a label and an exam id of its own; their order does not matter. Exams with
            one patient_id stay together; an exam without is a patient of its own.
        seed: another number gives another split.
        match: columns to match on. Age and size are cut as in the paper, every feature is matched for itself, other
            columns are taken as they stand; a value that is not known is a level of its own. None: the paper's columns,
            and benign, as far as the entries have them.
        ratio: of the cancers in training, validation and testing, positive.

    Returns:
        Part -> entries by exam id. Validation and testing have the floor of their share of cancers, and as many
        normals; training has the rest. A patient with several exams can shift these numbers by some of them.

    Raises:
        DatalistError: if an exam has no label or an id is there twice, there are too few cancers, normals or patients,
            or a column can't be matched.
    """
    _check(entries, seed, ratio)
    sizes = _sizes(entries, ratio)
    patients = _patients(entries, seed)
    cohort = _count(patients, sizes, _matched(entries, standard_columns(entries) if match is None else match))
    parts = _exchange(_deal(cohort), cohort)
    for index, part in enumerate(PARTS):
        if not cohort.counts[parts == index, :2].any(axis=0).all():
            found = (
                f"the {len(entries)} exams are of {len(patients)} patients, the largest with {max(map(len, patients))}"
            )
            raise DatalistError(f"{found}; {part} is left without cancers or normals, since no patient is parted")
    return {
        part: sorted(
            (entry for number in np.flatnonzero(parts == index) for entry in patients[number]),
            key=lambda entry: entry["exam_id"],
        )
        for index, part in enumerate(PARTS)
    }


def _check(entries: Sequence[Entry], seed: int, ratio: Sequence[int]) -> None:
    if seed < 0:
        raise DatalistError(f"seed is {seed}; it must not be negative")
    if len(ratio) != len(PARTS) or not all(share > 0 for share in ratio):
        raise DatalistError(f"ratio is {':'.join(map(str, ratio))}; three positive numbers are needed")
    unlabelled = [entry["exam_id"] for entry in entries if "label" not in entry]
    if unlabelled:
        raise DatalistError(
            f"{len(unlabelled)} exams have no label, {unlabelled[0]} first; a split needs 0 or 1 in each"
        )
    exam_id, times = Counter(entry["exam_id"] for entry in entries).most_common(1)[0] if entries else ("", 0)
    if times > 1:
        raise DatalistError(f"exam_id {exam_id!r} is there {times} times; each exam needs its own")


def _sizes(entries: Sequence[Entry], ratio: Sequence[int]) -> NDArray[np.int64]:
    """(3, 2) cancers and normals that go to each part."""
    cancers = sum(entry["label"] == CANCER for entry in entries)
    normals = len(entries) - cancers
    needed = -(-sum(ratio) // min(ratio[1:]))
    if cancers < needed:
        parting = ":".join(map(str, ratio))
        raise DatalistError(f"there are {cancers} cancers; {needed} or more are needed to divide them {parting}")
    held_out = [cancers * share // sum(ratio) for share in ratio[1:]]
    if normals <= sum(held_out):
        wanted = f"{held_out[0]} for validation, {held_out[1]} for testing, one or more for training"
        raise DatalistError(f"there are {normals} normals; {sum(held_out) + 1} or more are needed: {wanted}")
    return np.array([[total - sum(held_out), *held_out] for total in (cancers, normals)]).T


def _patients(entries: Sequence[Entry], seed: int) -> list[list[Entry]]:
    """The exams of each patient, in a random order that does not depend on that of the entries."""
    patients: dict[tuple[str, str], list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry["exam_id"]):
        of = ("patient", entry["patient_id"]) if entry.get("patient_id") else ("exam", entry["exam_id"])
        patients.setdefault(of, []).append(entry)
    shuffled = list(patients.values())
    random.Random(seed).shuffle(shuffled)
    return shuffled


def _matched(entries: Sequence[Entry], columns: Sequence[str]) -> tuple[Characteristic, ...]:
    """The characteristics to match on."""
    for column in columns:
        if all(entry.get(column) is None for entry in entries):
            found = ", ".join(sorted({key for entry in entries for key in entry}))
            raise DatalistError(f"no exam has {column!r} to match on; the columns are {found}")
    matched = characteristics_of(columns)
    for item in matched:
        levels = len({item.level(entry) for entry in entries})
        if levels > MOST_LEVELS:
            raise DatalistError(f"{item.column} has {levels} values; at most {MOST_LEVELS} can be matched: group them")
    return matched


def _count(patients: Sequence[Sequence[Entry]], sizes: NDArray[np.int64], matched: Sequence[Characteristic]) -> _Cohort:
    """Count levels. Cancers and normals have levels of their own: they are balanced apart."""
    columns = {(CANCER, "", ""): 0, (NORMAL, "", ""): 1}
    places = []
    for number, patient in enumerate(patients):
        for entry in patient:
            asked = [item for item in matched if entry["label"] in item.labels]
            levels = [("", ""), *((item.name, level) for item in asked if (level := item.level(entry)) is not None)]
            places += [(number, columns.setdefault((entry["label"], *level), len(columns))) for level in levels]
    counts = np.zeros((len(patients), len(columns)))
    np.add.at(counts, tuple(np.array(places).T), 1)
    share = (sizes / sizes.sum(axis=0))[:, [0 if label == CANCER else 1 for label, _, _ in columns]]
    kind, size = (np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1) for rows in (counts, counts[:, :2]))
    return _Cohort(counts, share * counts.sum(axis=0), kind, size)


def _deal(cohort: _Cohort) -> NDArray[np.int64]:
    """Deal the patients: those with most exams first, then those of rare kinds, then as they come.

    Returns:
        (patients,) the number of each patient's part: of those with room, the one that costs least.
    """
    counts, target = cohort.counts, cohort.target
    share, room = target / target.sum(axis=0), np.rint(target[:, :2])
    held, seen = np.zeros_like(target), np.zeros(len(target[0]))
    parts = np.zeros(len(counts), dtype=np.int64)
    _, first, number = np.unique(cohort.kind, return_index=True, return_counts=True)
    for patient in np.lexsort((first[cohort.kind], number[cohort.kind], -counts[:, :2].sum(axis=1))):
        exams = counts[patient]
        seen += exams
        excess = np.maximum(held[:, :2] + exams[:2] - room, 0).sum(axis=1)
        cost = (exams * (2 * (held - share * seen) + exams) / target).sum(axis=1).round(DECIMALS)
        parts[patient] = part = np.lexsort((cost, excess))[0]
        held[part] += exams
    return parts


def _exchange(parts: NDArray[np.int64], cohort: _Cohort) -> NDArray[np.int64]:
    """Exchange two patients of one size, always those that win most, while anything is won."""
    parts = parts.copy()
    while True:
        pairs = combinations(range(len(PARTS)), 2)
        found = [change for first, second in pairs for change in _exchanges(parts, cohort, first=first, second=second)]
        change, one, other = min(found, default=(0, 0, 0))
        if change >= 0:
            return parts
        parts[[one, other]] = parts[[other, one]]


def _exchanges(
    parts: NDArray[np.int64], cohort: _Cohort, *, first: int, second: int
) -> Iterator[tuple[float, int, int]]:
    """For each size of patients the best exchange between two parts: how it changes the cost, and the two patients.

    The cost is the sum of (held - target)^2 / target. A patient with counts x leaves the first part for one with counts
    y in the second: with d = y - x, the cost changes by the sum of slope d + bend d^2.
    """
    counts, target = cohort.counts, cohort.target
    leads = [counts[parts == part].sum(axis=0) / target[part] - 1 for part in (first, second)]
    slope, bend = 2 * (leads[0] - leads[1]), 1 / target[first] + 1 / target[second]
    worth = counts @ slope
    for size in np.unique(cohort.size):
        ones = _foremost((parts == first) & (cohort.size == size), cohort.kind, -worth)
        others = _foremost((parts == second) & (cohort.size == size), cohort.kind, worth)
        if len(ones) and len(others):
            x, y = counts[ones], counts[others]
            squares = (x**2 @ bend)[:, None] - 2 * (x * bend) @ y.T + y**2 @ bend  # of d, times bend
            changes = (worth[others] - worth[ones][:, None] + squares).round(DECIMALS)
            one, other = np.unravel_index(changes.argmin(), changes.shape)
            yield float(changes[one, other]), int(ones[one]), int(others[other])


def _foremost(among: NDArray[np.bool_], kind: NDArray[np.int64], order: NDArray[np.float64]) -> NDArray[np.int64]:
    """One patient of each kind there is, the ``CANDIDATES`` first of them."""
    patients = np.flatnonzero(among)
    patients = patients[np.unique(kind[patients], return_index=True)[1]]
    return patients[np.argsort(order[patients].round(DECIMALS), kind="stable")[:CANDIDATES]]
