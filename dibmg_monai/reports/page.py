"""A report as one HTML file that needs no other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from dibmg_monai import __version__
from dibmg_monai.evaluation.headline import SIDE_CHANCE, Headline
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.evaluation.wording import Words, worded, words
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.reports.section import Section

AUC_CHANCE = "0.500"
TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Card:
    """A figure at the top of the page."""

    title: str
    words: Words
    chance: str = ""


def page(headline: Headline, *, facts: Mapping[str, str], sections: Sequence[Section]) -> str:
    """The page as text.

    Args:
        headline: figures for the top.
        facts: what the report is about: name -> words.
        sections: all the rest, in order.
    """
    environment = Environment(
        loader=PackageLoader("dibmg_monai", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        notice=NOTICE,
        version=__version__,
        facts=facts,
        cards=list(_cards(headline)),
        sections=sections,
        worded=worded,
        new_notes=_new_notes,
    )


def _cards(headline: Headline) -> Iterator[Card]:
    yield Card("exam AUC", words(headline.exam_auc), AUC_CHANCE)
    yield Card(f"sensitivity at {headline.threshold:g}", words(headline.sensitivity))
    yield Card(f"specificity at {headline.threshold:g}", words(headline.specificity))
    if headline.auc_within:
        yield Card("mean AUC within groups", words(headline.mean_auc_within), AUC_CHANCE)
    side, peak = (str(words(chance, percent=True)) for chance in (SIDE_CHANCE, headline.peak_chance))
    yield Card("cancer's breast scores higher", words(headline.cancer_side_higher), side)
    yield Card(f"peak {headline.tolerance.hit}", words(headline.peak_in_mask), peak)


def _new_notes(table: Table, earlier: Sequence[Table]) -> list[str]:
    """A table's notes, but for those that earlier ones of its section have."""
    said = {note for other in earlier for note in other.notes}
    return [note for note in table.notes if note not in said]
