"""A rule about images: when it applies, what is said then, and where it comes from."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from dibmg_monai.exams.headers import Header

FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
GRAY_SECONDARY_CAPTURES = (SECONDARY_CAPTURE, f"{SECONDARY_CAPTURE}.2", f"{SECONDARY_CAPTURE}.3")


@dataclass(frozen=True)
class Rule:
    """One reason to refuse an image, or to say something about it.

    Attributes:
        code: the reason code that the manifest gives.
        clause: where the rule comes from: a clause of the standard, or "vendor practice".
        applies: whether the rule is about this image.
        sentence: what was found and what is accepted; ``{h}`` stands for the header.
    """

    code: str
    clause: str
    applies: Callable[[Header], object]
    sentence: str

    def says(self, header: Header) -> str:
        """The sentence about an image that the rule applies to."""
        return self.sentence.format(h=header)

    @property
    def general(self) -> str:
        """The sentence about no image in particular, with dots for what was found."""
        return re.sub(r"\{.*?\}", "...", self.sentence)


@dataclass(frozen=True)
class Refusal:
    """Why a file is not used: a reason code and a sentence."""

    code: str
    reason: str
