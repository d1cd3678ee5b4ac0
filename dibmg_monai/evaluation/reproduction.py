"""Do the percentages and p-values of Kim 2018 follow from its counts? This makes ``docs/reproduction.md``."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np

from dibmg_monai.evaluation.gee import gee
from dibmg_monai.evaluation.paper import DEMOGRAPHICS, PERFORMANCE, SETS, Performance, Share, demographics, performance
from dibmg_monai.evaluation.statistics import chi_square, equality
from dibmg_monai.evaluation.tables import Cell, Table

FOLLOWS = "yes"
# What the paper prints, though its counts give something else: (table, set, variable, measure) -> why.
_COPIED = "**no**; the row is that of age in Table 3, validation: 0.310 (here 0.301), 0.061, 0.026"
ODD_P = {
    (1, "", "manufacturer", "cases"): "**no**, nor from the counts of Table 3, see below",
    **{(5, dataset, "feature", "sensitivity"): "only if no cancer shows both, see above" for dataset in SETS[1:]},
    (4, "test", "density", "sensitivity"): _COPIED,
    (4, "test", "density", "specificity"): _COPIED,
    (4, "test", "density", "accuracy"): _COPIED,
}
_INTRODUCTION = """# Reproduction

Every percentage and p-value in Tables 1 to 5 of Kim et al. 2018 (Scientific Reports 8:2762), beside what its own counts
give. Made by `python -m dibmg_monai reproduction --output docs/reproduction.md`, with the statistics of
`python -m dibmg_monai report`. What does not follow is marked **no**.
"""
_REMARKS = """## Text

Results give 77.0-77.9 % as the sensitivity in invasive cancer; Table 5 has 77.9 and 79.0 %.
"""


def page() -> str:
    """The page as Markdown."""
    tables = (p_values(), auc_p_values(), counts_apart(), percentages())
    return "\n".join([_INTRODUCTION, *map(_markdown, tables), _REMARKS])


def p_values() -> Table:
    """All printed p-values that the counts are enough for."""
    rows: list[tuple[Cell, ...]] = []
    for block in DEMOGRAPHICS:
        counts = [[share.hits for share in shares] for shares in block.shares.values()]
        rows.append(_p_row((block.table, "", block.variable, "cases"), block.p, chi_square(counts)))
    for part in PERFORMANCE:
        for measure, shares in part.shares.items():
            if measure in part.p:
                place = (part.table, part.dataset, part.variable, measure)
                p = gee_of_features(part, overlap=0) if part.variable == "feature" else _chi_square(shares)
                rows.append(_p_row(place, part.p[measure], p))
    features = [part for part in PERFORMANCE if part.variable == "feature"]
    notes = (
        "Pearson's chi-square without continuity correction; for features logistic regression with generalized "
        "estimating equations, robust variance.",
        "Features: the printed values are those of rows that share no cancer. But some cancers show both: "
        + "; ".join(map(_overlap_note, features))
        + ". Every further such cancer lowers p.",
    )
    heads = ("table", "set", "variable", "measure", "paper", "recomputed", "follows")
    return Table("p_values", "P-values", heads, tuple(rows), notes)


def auc_p_values() -> Table:
    """The comparisons of AUCs, for which the paper would have to print its scores."""
    ages = [(part, _printed_aucs(part)) for part in PERFORMANCE if part.variable == "age"]
    rows: list[tuple[Cell, ...]] = [
        (part.table, part.dataset, part.variable, part.p["AUC"], _roughly(aucs), "cannot be checked")
        for part, aucs in ages
    ]
    sets = [_printed_aucs(performance(3, dataset, "all"))[0] for dataset in SETS[1:]]
    rows.append((3, " against ".join(SETS[1:]), "all", "not significant", _roughly(sets), "cannot be checked"))
    notes = (
        "AUCs and their p-values need the scores. Roughly: from the printed AUCs and counts, with variances as of "
        "exponential scores (Hanley and McNeil 1982, Radiology 143:29).",
    )
    heads = ("table", "set", "variable", "paper", "roughly", "follows")
    return Table("auc_p_values", "P-values of AUCs", heads, tuple(rows), notes)


def counts_apart() -> Table:
    """Cases of a level that Tables 1 and 2 count otherwise than Tables 3 to 5."""
    rows: list[tuple[Cell, ...]] = []
    for block in DEMOGRAPHICS:
        measure = {1: "sensitivity", 2: "specificity"}[block.table]
        for part in PERFORMANCE:
            if part.variable != block.variable or measure not in part.shares:
                continue
            for level, share in part.shares[measure].items():
                counted = block.shares[level][SETS.index(part.dataset)].hits
                if counted != share.cases:
                    rows.append((part.dataset, level, block.table, counted, part.table, share.cases))
    notes = (
        "Cancers (Table 1) and normals (Table 2) of a level, where Table 3 has another number. The normals of GE and "
        "Hologic change places.",
        f"With the cancers of Table 3, p of the manufacturers in Table 1 is {_p_of_table_3():.4f}; printed is 0.9351.",
    )
    heads = ("set", "level", "table", "cases", "other table", "cases there")
    return Table("counts_apart", "Counts that differ", heads, tuple(rows), notes)


def percentages() -> Table:
    """All printed percentages."""
    rows: list[tuple[Cell, ...]] = []
    for block in DEMOGRAPHICS:
        for level, shares in block.shares.items():
            for name, share in zip(SETS, shares, strict=True):
                rows.append((block.table, name, block.variable, level, "share", *_percent_cells(share)))
    for part in PERFORMANCE:
        for measure, by_level in part.shares.items():
            for level, share in by_level.items():
                rows.append((part.table, part.dataset, part.variable, level, measure, *_percent_cells(share)))
    heads = ("table", "set", "variable", "level", "measure", "counts", "paper", "recomputed", "follows")
    odd = sum(row[-1] != FOLLOWS for row in rows)
    notes = (
        f"{len(rows) - odd} of {len(rows)} follow, halves rounded up. The others were cut off, or rounded twice: "
        "90.145 to 90.15 to 90.2.",
    )
    return Table("percentages", "Percentages", heads, tuple(rows), notes)


def gee_of_features(part: Performance, *, overlap: int) -> float:
    """p-value of mass against calcification, if a number of detected cancers show both, and no other cancer does."""
    hits, levels, cancers = [], [], []
    for feature, share in part.shares["sensitivity"].items():
        hits += [1] * share.hits + [0] * (share.cases - share.hits)
        levels += [feature] * share.cases
        cancers += [f"both {index}" if index < overlap else f"{feature} {index}" for index in range(share.cases)]
    return gee(hits, levels, patients=cancers)


def least_overlap(part: Performance) -> int:
    """How many detected cancers at least show both features: the detected ones of each are more than all together."""
    of_features = sum(share.hits for share in part.shares["sensitivity"].values())
    return of_features - performance(3, part.dataset, "all").shares["sensitivity"]["all"].hits


def _overlap_note(part: Performance) -> str:
    overlap = least_overlap(part)
    p = gee_of_features(part, overlap=overlap)
    return f"at least {overlap} detected ones in the {part.dataset} set, with which p is {p:.4f}"


def _chi_square(shares: Mapping[str, Share]) -> float:
    return chi_square([(share.hits, share.cases - share.hits) for share in shares.values()])


def _p_of_table_3() -> float:
    """P of the manufacturers in Table 1, with what Table 3 says of the validation and test sets."""
    training = [shares[0].hits for shares in demographics(1, "manufacturer").shares.values()]
    others = [performance(3, dataset, "manufacturer").shares["sensitivity"].values() for dataset in SETS[1:]]
    return chi_square([training, *([share.cases for share in shares] for shares in others)])


def _p_row(place: tuple[int, str, str, str], printed: str, p: float) -> tuple[Cell, ...]:
    return (*place, printed, _p_text(p), ODD_P.get(place) or (FOLLOWS if agrees(p, printed) else "**no**"))


def agrees(p: float, printed: str) -> bool:
    """Whether a p-value, rounded to the printed digits, is the printed one, or below a printed bound."""
    if printed.startswith("<"):
        return p < float(printed[1:])
    return f"{p:.{len(printed.partition('.')[2])}f}" == printed


def _p_text(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else f"{p:.1e}"


def _printed_aucs(part: Performance) -> list[tuple[float, int, int]]:
    """Area, cancers and normals of each level."""
    cancers, normals = part.shares["sensitivity"], part.shares["specificity"]
    return [(float(area), cancers[level].cases, normals[level].cases) for level, area in part.aucs.items()]


def _roughly(aucs: Sequence[tuple[float, int, int]]) -> str:
    """p-value of equal AUCs from areas, cancers and normals."""
    variances = []
    for area, cancers, normals in aucs:
        of_cancers, of_normals = area / (2 - area) - area**2, 2 * area**2 / (1 + area) - area**2
        spread = area * (1 - area) + (cancers - 1) * of_cancers + (normals - 1) * of_normals
        variances.append(spread / (cancers * normals))
    return _p_text(equality(np.array([area for area, _, _ in aucs]), np.diag(variances)))


def _percent_cells(share: Share) -> tuple[str, str, str, str]:
    digits = Decimal(1).scaleb(-len(share.percent.partition(".")[2]))
    exact = Decimal(100 * share.hits) / share.cases
    rounded = str(exact.quantize(digits, ROUND_HALF_UP))
    twice = str(exact.quantize(digits / 10, ROUND_HALF_UP).quantize(digits, ROUND_HALF_UP))
    cut = str(exact.quantize(digits, ROUND_DOWN))
    reasons = {cut: "**no**: cut off", twice: "**no**: rounded twice", rounded: FOLLOWS}
    counts = f"{share.hits}/{share.cases}"
    return counts, share.percent, f"{exact:.3f}", reasons.get(share.percent, "**no**")


def _markdown(table: Table) -> str:
    """Title, notes, each a paragraph, and the rows."""
    lines = [*table.columns], ["---"] * len(table.columns), *table.rows
    return "\n".join([f"## {table.title}\n", *(f"{note}\n" for note in table.notes), *map(_line, lines), ""])


def _line(cells: Iterable[Cell]) -> str:
    return f"| {' | '.join(str(cell).strip() for cell in cells)} |"
