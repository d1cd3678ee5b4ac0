"""A results file and a datalist -> the figures that say what a model is worth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.localisation import pointing
from dibmg_monai.evaluation.statistics import Estimate, auc, mean_of, proportion
from dibmg_monai.exams.json_file import write_json

SMALLEST_CLASS = 10  # exams of either label that a group needs for an AUC
Pair = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """What a model is worth on a set of exams.

    Attributes:
        exam_auc: over all exams.
        auc_within: group -> AUC of the exams in it: free of what tells the groups apart.
        mean_auc_within: their plain mean.
        cancer_side_higher: in one-sided cancers, how often the cancer's breast scores higher; chance is 0.5.
        peak_in_mask: over views with a lesion mask, how often the map's peak lies in it.
        peak_chance: the same for a peak placed at random on the image.
    """

    exam_auc: Estimate
    auc_within: Mapping[str, Estimate]
    mean_auc_within: Estimate
    cancer_side_higher: Estimate
    peak_in_mask: Estimate
    peak_chance: float

    def lines(self) -> Iterable[str]:
        """The report as text, one figure a line, with 95 % confidence intervals."""
        yield f"exam AUC                      {self.exam_auc}"
        for group, estimate in self.auc_within.items():
            yield f"  within {group:20} {estimate}"
        if self.auc_within:
            yield f"mean AUC within groups        {self.mean_auc_within}"
        yield f"cancer's side scores higher   {self.cancer_side_higher}; chance 0.500"
        yield f"peak in the lesion's mask     {self.peak_in_mask}; chance {self.peak_chance:.3f}"

    def write(self, path: Path) -> None:
        """Write the figures as JSON.

        Raises:
            FolderError: if the file cannot be written.
        """
        write_json(asdict(self), path=path)


def report(
    results: Sequence[Mapping[str, Any]],
    entries: Sequence[Mapping[str, Any]],
    *,
    dataset_dir: Path,
    within: Sequence[str] = (),
) -> Report:
    """Measure results against what the datalist knows.

    Args:
        results: the items of ``results.json``.
        entries: the exams of the datalist; those without a label or a result do not count.
        dataset_dir: the folder that masks are relative to.
        within: columns that define groups, for example institution and digitizer. Groups with one class, or with fewer
            than ten exams of either, have no AUC.

    Raises:
        DatalistError: if no exam has both a result and a label.
    """
    by_id = {result["exam_id"]: result for result in results}
    pairs = [(by_id[entry["exam_id"]], entry) for entry in entries if entry["exam_id"] in by_id and "label" in entry]
    if not pairs:
        raise DatalistError("no exam of the results has a label in the datalist; the two must be of the same exams")
    groups: dict[str, list[Pair]] = {}
    for pair in pairs if within else []:
        groups.setdefault(" ".join(str(pair[1].get(column)) for column in within), []).append(pair)
    auc_within = {name: _auc(group) for name, group in sorted(groups.items()) if _is_large(group)}
    games = [game for result, entry in pairs for game in pointing(result, entry, dataset_dir=dataset_dir)]
    return Report(
        exam_auc=_auc(pairs),
        auc_within=auc_within,
        mean_auc_within=mean_of(list(auc_within.values())),
        cancer_side_higher=_side(pairs),
        peak_in_mask=proportion(sum(game.hit for game in games), len(games)),
        peak_chance=sum(game.chance for game in games) / max(1, len(games)),
    )


def _is_large(pairs: Sequence[Pair]) -> bool:
    cancers = sum(entry["label"] for _, entry in pairs)
    return min(cancers, len(pairs) - cancers) >= SMALLEST_CLASS


def _auc(pairs: Sequence[Pair]) -> Estimate:
    return auc([result["score"] for result, _ in pairs], [entry["label"] for _, entry in pairs])


def _side(pairs: Sequence[Pair]) -> Estimate:
    """Equal scores of both breasts count as a miss."""
    breasts = [
        (result["breasts"][entry["cancer_side"]], result["breasts"]["L" if entry["cancer_side"] == "R" else "R"])
        for result, entry in pairs
        if entry.get("cancer_side") in ("R", "L")
    ]
    known = [(cancer, other) for cancer, other in breasts if cancer is not None and other is not None]
    return proportion(sum(cancer > other for cancer, other in known), len(known))
