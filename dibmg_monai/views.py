"""The four standard views of a screening exam: their names, their order and their sides. Written once, here."""

from enum import StrEnum


class Laterality(StrEnum):
    """The breast that an image shows, as in ImageLaterality (0020,0062)."""

    R = "R"
    L = "L"


class Projection(StrEnum):
    """The projection of a standard view: cranio-caudal or medio-lateral oblique."""

    CC = "CC"
    MLO = "MLO"


class View(StrEnum):
    """One standard view. The order of the members is the channel order of every exam tensor (Kim 2018, Data sets)."""

    RCC = "RCC"
    RMLO = "RMLO"
    LCC = "LCC"
    LMLO = "LMLO"

    @property
    def laterality(self) -> Laterality:
        """The breast shown."""
        return Laterality(self.value[0])

    @property
    def projection(self) -> Projection:
        """The projection shown."""
        return Projection(self.value[1:])

    @property
    def channel(self) -> int:
        """The view's index, 0 to 3, in an exam tensor."""
        return VIEWS.index(self)

    @staticmethod
    def of(laterality: Laterality, projection: Projection) -> "View":
        """The standard view of a breast in a projection."""
        return View(laterality.value + projection.value)


VIEWS: tuple[View, ...] = tuple(View)
