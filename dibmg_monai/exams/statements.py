"""What a header says about one thing, and where: the first of several places that says anything decides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dibmg_monai.exams.attributes import Attributes

Said = TypeVar("Said")


@dataclass(frozen=True)
class Statement:
    """What a header says about one thing, and where, such as ("CC", "ViewPosition (0018,5101)"); empty if nothing."""

    value: str = ""
    attribute: str = ""

    def __bool__(self) -> bool:
        return bool(self.value)


@dataclass(frozen=True)
class Source(Generic[Said]):
    """A place in the header that may say something.

    Attributes:
        attribute: keyword and tag, for messages.
        clause: where the standard puts it there, or "vendor practice".
        read: what it says; empty if nothing.
        is_last_resort: it is asked where no other place says anything, and is no witness against them.
    """

    attribute: str
    clause: str
    read: Callable[[Attributes], Said]
    is_last_resort: bool = False


def first_statement(sources: tuple[Source[str], ...], header: Attributes) -> Statement:
    """The first source that says anything decides, even if what it says is not understood."""
    for source in sources:
        if value := source.read(header):
            return Statement(value, source.attribute)
    return Statement()


def contradictions(
    decided: Statement, sources: tuple[Source[str], ...], header: Attributes, *, known: frozenset[str]
) -> tuple[Statement, ...]:
    """What other places say against the one that decided.

    Args:
        decided: of these sources.
        sources: those of last resort are not heard.
        header: the same.
        known: what is understood; what is not contradicts nothing.
    """
    said = [Statement(source.read(header), source.attribute) for source in sources if not source.is_last_resort]
    return tuple(other for other in said if other.value in known and other.value != decided.value)
