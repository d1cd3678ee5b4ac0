"""When a study is complete. DICOM does not say so: the association that brought it is closed, and it is quiet."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum, auto

PATIENCE = 5  # quiet periods for a study that its sender is not through with


class _Carrier(Enum):
    """How an association stands to a study that it brought objects of."""

    OPEN = auto()
    RELEASED = auto()
    LOST = auto()
    REFUSED = auto()  # an object was refused, which may have been of this study; the sender has to come again


@dataclass
class _Arrival:
    last: float
    carriers: dict[Hashable, _Carrier] = field(default_factory=dict)


class Arrivals:
    """Studies being received, and the associations that bring them.

    A study is complete when nothing came for a quiet period and all its associations were released. Where one is still
    open, broke, or had an object refused, the sender may come again: then it is five quiet periods.

    Args:
        quiet: seconds.
        clock: seconds that never go back.
    """

    def __init__(self, quiet: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.quiet = quiet
        self._clock = clock
        self._studies: dict[str, _Arrival] = {}

    def found(self, study: str) -> None:
        """A study lay there at the start: its association broke when the listener ended."""
        self._studies[study] = _Arrival(self._clock(), {None: _Carrier.LOST})

    def came(self, study: str, association: Hashable) -> None:
        """An object of a study came; what became of earlier associations no longer matters."""
        arrival = self._studies.setdefault(study, _Arrival(0.0))
        arrival.last = self._clock()
        arrival.carriers = {
            carrier: state
            for carrier, state in arrival.carriers.items()
            if carrier == association or state is _Carrier.OPEN
        }
        arrival.carriers.setdefault(association, _Carrier.OPEN)

    def refused(self, association: Hashable) -> None:
        """An object was refused for want of room."""
        self._change(association, {state: _Carrier.REFUSED for state in _Carrier})

    def released(self, association: Hashable) -> None:
        """An association ended in good order. That may be known only after its connection was closed."""
        self._change(association, {_Carrier.OPEN: _Carrier.RELEASED, _Carrier.LOST: _Carrier.RELEASED})

    def closed(self, association: Hashable) -> None:
        """The connection of an association was closed."""
        self._change(association, {_Carrier.OPEN: _Carrier.LOST})

    def complete(self) -> list[str]:
        """The studies that are complete now, the one that has been quiet for longest first. They are forgotten."""
        now = self._clock()
        due = {study: arrival.last for study, arrival in self._studies.items() if now >= self._due(arrival)}
        for study in due:
            del self._studies[study]
        return sorted(due, key=due.__getitem__)

    def _due(self, arrival: _Arrival) -> float:
        orderly = all(state is _Carrier.RELEASED for state in arrival.carriers.values())
        return arrival.last + self.quiet * (1 if orderly else PATIENCE)

    def _change(self, association: Hashable, changes: dict[_Carrier, _Carrier]) -> None:
        for arrival in self._studies.values():
            state = arrival.carriers.get(association)
            if state is not None:
                arrival.carriers[association] = changes.get(state, state)
