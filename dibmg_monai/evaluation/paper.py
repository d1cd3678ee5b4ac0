"""The tables of Kim 2018: counts, percentages and p-values as printed. The one place where they stand.

Kim et al., Applying Data-driven Imaging Biomarker in Mammography for Breast Cancer Screening: Preliminary Study,
Scientific Reports 8:2762, 2018.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SETS = ("training", "validation", "test")
MEASURES = ("sensitivity", "specificity", "accuracy")

# Cells of SETS.
_TABLE_1 = """
density, A                 | 196 (6.32)  | 32 (5.2)    | 31 (5.0)
density, B                 | 640 (20.6)  | 136 (22.0)  | 137 (22.1)
density, C                 | 1555 (50.2) | 312 (50.4)  | 312 (50.4)
density, D                 | 710 (22.9)  | 139 (22.4)  | 139 (22.5)
density, p                 | 0.7843
age, >= 50                 | 1759 (56.7) | 350 (56.5)  | 350 (56.5)
age, < 50                  | 1342 (43.3) | 269 (43.5)  | 269 (43.5)
age, p                     | 0.9941
manufacturer, GE           | 1226 (39.5) | 238 (38.5)  | 251 (40.6)
manufacturer, Hologic      | 1032 (33.2) | 200 (32.3)  | 198 (32.0)
manufacturer, Siemens      | 843 (27.2)  | 181 (29.2)  | 170 (27.4)
manufacturer, p            | 0.9351
mass, yes                  | 1688 (54.4) | 339 (54.8)  | 339 (54.8)
mass, no                   | 1413 (45.6) | 280 (45.2)  | 280 (45.2)
mass, p                    | 0.9806
calcifications, yes        | 1402 (45.2) | 280 (45.2)  | 280 (45.2)
calcifications, no         | 1699 (54.8) | 339 (54.8)  | 339 (54.8)
calcifications, p          | 0.9999
type, invasive             | 2673 (86.2) | 542 (87.56) | 547 (88.37)
type, noninvasive          | 428 (13.8)  | 77 (12.44)  | 72 (11.63)
type, p                    | 0.2767
size (invasive), >= 20 mm  | 1216 (45.5) | 254 (46.9)  | 251 (45.9)
size (invasive), < 20 mm   | 1457 (54.5) | 288 (53.1)  | 296 (54.1)
size (invasive), p         | 0.8409
"""
_TABLE_2 = """
density, A                 | 837 (3.6)    | 27 (4.4)   | 18 (2.9)
density, B                 | 4206 (17.9)  | 106 (17.1) | 115 (18.6)
density, C                 | 16434 (69.8) | 432 (69.8) | 432 (69.8)
density, D                 | 2053 (8.7)   | 54 (8.7)   | 54 (8.7)
density, p                 | 0.898
age, >= 50                 | 14533 (61.8) | 383 (61.9) | 383 (61.9)
age, < 50                  | 8997 (38.2)  | 236 (38.1) | 236 (38.1)
age, p                     | 0.997
manufacturer, GE           | 11526 (49.0) | 284 (45.9) | 315 (50.9)
manufacturer, Hologic      | 10191 (43.3) | 282 (45.6) | 257 (41.5)
manufacturer, Siemens      | 1813 (7.7)   | 53 (8.6)   | 47 (7.6)
manufacturer, p            | 0.4872
"""
# Cells of MEASURES, and the AUC.
_TABLE_3 = """
validation, all, all              | 75.6 (468/619)  | 90.2 (558/619)  | 82.9 (1026/1238) | 0.903
validation, age, >= 50            | 77.1 (270/350)  | 91.9 (352/383)  | 84.9 (622/733)   | 0.914
validation, age, < 50             | 73.6 (198/269)  | 87.3 (206/236)  | 80.0 (404/505)   | 0.882
validation, age, p                | 0.310           | 0.061           | 0.026            | 0.080
validation, manufacturer, GE      | 77.5 (186/240)  | 91.1 (257/282)  | 84.9 (443/522)   | 0.924
validation, manufacturer, Hologic | 63.6 (126/198)  | 93.3 (265/284)  | 81.1 (391/482)   | 0.863
validation, manufacturer, Siemens | 86.2 (156/181)  | 67.9 (36/53)    | 82.1 (192/234)   | 0.861
validation, manufacturer, p       | <0.0001         | <0.0001         | 0.2704
test, all, all                    | 76.1 (471/619)  | 88.5 (548/619)  | 82.3 (1019/1238) | 0.906
test, age, >= 50                  | 76.3 (267/350)  | 90.1 (345/383)  | 83.5 (612/733)   | 0.911
test, age, < 50                   | 75.83 (204/269) | 86.01 (203/236) | 80.6 (407/505)   | 0.897
test, age, p                      | 0.897           | 0.124           | 0.189            | 0.395
test, manufacturer, GE            | 74.6 (188/252)  | 89.1 (229/257)  | 81.9 (417/509)   | 0.910
test, manufacturer, Hologic       | 67.0 (132/197)  | 92.1 (290/315)  | 82.4 (422/512)   | 0.880
test, manufacturer, Siemens       | 88.8 (151/170)  | 61.7 (29/47)    | 83.0 (180/217)   | 0.888
test, manufacturer, p             | <0.0001         | <0.0001         | 0.943
"""
_TABLE_4 = """
validation, all, all   | 75.6 (468/619)  | 90.2 (558/619)  | 82.9 (1026/1238) | 0.903
validation, density, A | 81.3 (26/32)    | 100 (27/27)     | 89.8 (53/59)     | 0.946
validation, density, B | 80.9 (110/136)  | 96.2 (102/106)  | 87.6 (212/242)   | 0.950
validation, density, C | 75.0 (234/312)  | 90.3 (390/432)  | 83.9 (624/744)   | 0.900
validation, density, D | 70.5 (98/139)   | 72.2 (39/54)    | 71.0 (137/193)   | 0.790
validation, density, p | 0.201           | <0.001          | <0.001
test, all, all         | 76.1 (471/619)  | 88.5 (548/619)  | 82.3 (1019/1238) | 0.906
test, density, A       | 90.3 (28/31)    | 100 (18/18)     | 93.88 (46/49)    | 0.960
test, density, B       | 75.9 (104/137)  | 92.17 (106/115) | 83.33 (210/252)  | 0.935
test, density, C       | 75.6 (236/312)  | 88.43 (382/432) | 83.06 (618/744)  | 0.899
test, density, D       | 74.1 (103/139)  | 77.78 (42/54)   | 75.13 (145/193)  | 0.851
test, density, p       | 0.301           | <0.061          | <0.026
"""
# Cells of the first of MEASURES.
_TABLE_5 = """
validation, feature, mass              | 84.1 (285/339)
validation, feature, calcification     | 77.5 (217/280)
validation, feature, p                 | 0.0385
test, feature, mass                    | 86.1 (292/339)
test, feature, calcification           | 77.9 (218/280)
test, feature, p                       | 0.0076
validation, type, invasive             | 77.9 (422/542)
validation, type, noninvasive          | 59.7 (46/77)
validation, type, p                    | 0.0005
test, type, invasive                   | 79.0 (432/547)
test, type, noninvasive                | 54.2 (39/72)
test, type, p                          | <0.0001
validation, size (invasive), >= 20 mm  | 88.6 (225/254)
validation, size (invasive), < 20 mm   | 68.4 (197/288)
validation, size (invasive), p         | <0.0001
test, size (invasive), >= 20 mm        | 88.5 (222/251)
test, size (invasive), < 20 mm         | 71.0 (210/296)
test, size (invasive), p               | <0.0001
"""


@dataclass(frozen=True)
class Share:
    """A printed percentage, and the counts that it is of: those that hit, of all."""

    percent: str
    hits: int
    cases: int


@dataclass(frozen=True)
class Demographics:
    """A variable of Table 1 (cancers) or 2 (normals).

    Attributes:
        table: its number.
        variable: what is counted.
        shares: level -> its share of each of ``SETS``.
        p: between the sets, as printed.
    """

    table: int
    variable: str
    shares: Mapping[str, tuple[Share, ...]]
    p: str


@dataclass(frozen=True)
class Performance:
    """What Table 3, 4 or 5 has of a variable's levels in one set.

    Attributes:
        table: its number.
        dataset: validation or test.
        variable: what defines the levels; "all" has one.
        shares: measure -> level -> share called right.
        p: measure, or AUC -> between the levels, as printed, where it is.
        aucs: level -> AUC as printed; empty in Table 5.
    """

    table: int
    dataset: str
    variable: str
    shares: Mapping[str, Mapping[str, Share]]
    p: Mapping[str, str]
    aucs: Mapping[str, str]


def _blocks(text: str) -> Iterator[tuple[tuple[str, ...], dict[str, list[str]]]]:
    """Of the tables above: what stands before the level -> level -> cells; p counts as a level."""
    blocks: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for line in text.strip().splitlines():
        heading, *cells = (cell.strip() for cell in line.split("|"))
        *block, level = heading.split(", ")
        blocks.setdefault(tuple(block), {})[level] = cells
    yield from blocks.items()


def _share(cell: str) -> Share:
    percent, counts = cell.rstrip(")").split(" (")
    hits, cases = counts.split("/")
    return Share(percent, int(hits), int(cases))


def _demographics(table: int, text: str) -> Iterator[Demographics]:
    for (variable,), levels in _blocks(text):
        (p,) = levels.pop("p")
        printed = {level: [cell.rstrip(")").split(" (") for cell in cells] for level, cells in levels.items()}
        totals = [sum(int(cells[index][0]) for cells in printed.values()) for index in range(len(SETS))]
        shares = {
            level: tuple(Share(percent, int(hits), cases) for (hits, percent), cases in zip(cells, totals, strict=True))
            for level, cells in printed.items()
        }
        yield Demographics(table, variable, shares, p)


def _performance(table: int, text: str) -> Iterator[Performance]:
    for (dataset, variable), levels in _blocks(text):
        p = dict(zip((*MEASURES, "AUC"), levels.pop("p", []), strict=False))
        measures = MEASURES[: len(next(iter(levels.values())))]
        shares = {
            measure: {level: _share(cells[index]) for level, cells in levels.items()}
            for index, measure in enumerate(measures)
        }
        aucs = {level: cells[-1] for level, cells in levels.items() if len(cells) > len(measures)}
        yield Performance(table, dataset, variable, shares, p, aucs)


DEMOGRAPHICS = (*_demographics(1, _TABLE_1), *_demographics(2, _TABLE_2))
PERFORMANCE = (*_performance(3, _TABLE_3), *_performance(4, _TABLE_4), *_performance(5, _TABLE_5))


def demographics(table: int, variable: str) -> Demographics:
    """A variable of Table 1 or 2."""
    return next(block for block in DEMOGRAPHICS if (block.table, block.variable) == (table, variable))


def performance(table: int, dataset: str, variable: str) -> Performance:
    """A variable of Table 3, 4 or 5 in a set."""
    return next(part for part in PERFORMANCE if (part.table, part.dataset, part.variable) == (table, dataset, variable))
