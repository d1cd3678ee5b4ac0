"""The parts of a report: sections of sentences, tables and figures."""

from dataclasses import dataclass

from dibmg_monai.evaluation.tables import Table


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        title: a line above it.
        alt: what it shows, for those who cannot see it.
        source: a data URI.
        caption: a line below it.
    """

    title: str
    alt: str
    source: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report under a heading of its own.

    Attributes:
        name: a short name, for links.
        title: the heading.
        says: sentences below it; where something could not be measured, what was missing.
        tables: of figures.
        figures: pictures.
    """

    name: str
    title: str
    says: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
