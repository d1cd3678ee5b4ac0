"""Figures are SVG that needs nothing else, say what they show, and are the same when made again."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from dibmg_monai.evaluation.calibration import reliability
from dibmg_monai.evaluation.cases import labels_of, scores_of
from dibmg_monai.evaluation.curves import curves
from dibmg_monai.evaluation.statistics import Estimate, auc
from dibmg_monai.reports import plots
from dibmg_monai.reports.section import Figure
from tests.evaluation.cohorts import random_cases

CASES = random_cases(60)
SCORES, LABELS = scores_of(CASES), labels_of(CASES)
FOUND = {"testing": curves(SCORES, LABELS)}
RATES = np.linspace(0, 1, 5)


def made() -> dict[str, Figure]:
    band = (RATES, RATES / 2, RATES)
    some = Estimate(0.6, np.nan, np.nan, 4)
    bins = reliability(SCORES, LABELS)
    return {
        "ROC curve": plots.roc(FOUND, aucs={"testing": auc(SCORES, LABELS)}, band=band, threshold=0.5),
        "Precision-recall curve": plots.precision_recall(FOUND, threshold=0.5),
        "Scores": plots.histogram(SCORES, LABELS, threshold=0.5),
        "Reliability curve": plots.reliability(bins, bins),
        "FROC curve": plots.froc((np.array([0.5, 3, 9]), np.array([0.2, 0.4, 0.7])), chance=([1, 4], [0.1, 0.2])),
        "AUC by group": plots.forest({"all": auc(SCORES, LABELS), "<50 & more": some}),
    }


@pytest.mark.parametrize("title", list(made()))
def test_figures_stand_alone(title: str) -> None:
    figure, again = made()[title], made()[title]
    assert figure == again and figure.title == title
    head, content = figure.source.split(",")
    assert head == "data:image/svg+xml;base64"
    svg = ElementTree.fromstring(base64.b64decode(content))
    links = [value for element in svg.iter() for name, value in element.attrib.items() if name.endswith("href")]
    assert all(link.startswith("#") for link in links)


def test_alternative_texts_have_the_figures() -> None:
    texts = {title: figure.alt for title, figure in made().items()}
    called = SCORES >= 0.5
    sensitivity, specificity = (LABELS[called].sum() / LABELS.sum(), (1 - LABELS[~called]).sum() / (1 - LABELS).sum())
    assert f"At 0.5: {sensitivity:.1%} sensitivity, {specificity:.1%} specificity." in texts["ROC curve"]
    assert f"AUC {auc(SCORES, LABELS).value:.3f}" in texts["ROC curve"]
    assert f"{sensitivity:.1%} recall, {LABELS[called].mean():.1%} precision" in texts["Precision-recall curve"]
    assert "Up to 4 false marks an image, 40.0% of the lesions are found; by chance 20.0 %." in texts["FROC curve"]
    assert f"cancers: median {np.median(SCORES[LABELS == 1]):.3f}" in texts["Scores"]
    assert len(re.findall("score 0", texts["Reliability curve"])) == 10
    assert "<50 & more: 0.600 (no interval, n = 4)" in texts["AUC by group"]


def test_a_threshold_beyond_all_scores() -> None:
    aucs = {"testing": auc(SCORES, LABELS)}
    figure = plots.roc(FOUND, aucs=aucs, band=(RATES, RATES, RATES), threshold=1.0)
    assert "At 1: 0.0% sensitivity, 100.0% specificity." in figure.alt
