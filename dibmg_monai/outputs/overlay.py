"""Pictures: the mammogram in its own orientation, the cancer map over it, the peak marked, scores and scale below."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dibmg_monai.findings import evidence_scale
from dibmg_monai.inference import ExamResult, ViewResult
from dibmg_monai.outputs.evidence import evidence_levels
from dibmg_monai.views import View

NOTICE = "Research use only - not a medical device"
FONT_SHARE = 52  # the longer side over the height of letters
STRONGEST_ALPHA = 0.6  # opacity at the end of the scale; at 0 there is none
# Equal steps of OKLab lightness from 0.38 to 0.94, hue from purple over red to yellow: stronger is always lighter.
COLORS = np.array(
    [(108, 2, 116), (163, 1, 110), (218, 1, 83), (254, 70, 10), (255, 142, 18), (255, 193, 65), (255, 241, 47)]
)
PAPER, INK, ALERT = (18, 18, 18), (235, 235, 235), (255, 200, 90)
FOUND, NOT_FOUND = (90, 230, 255), (160, 160, 160)  # the ring around a peak above 0, and around any other


def color_scale(result: ExamResult) -> float:
    """The log-odds at the end of an exam's color scale."""
    return evidence_scale(found.peak_value for found in result.views.values())


def overlay(
    found: ViewResult, gray: NDArray[np.uint8], *, view: View, exam_score: float, scale: float
) -> NDArray[np.uint8]:
    """Draw one view's cancer map over its image.

    Only positive log-odds are shown, the more opaque the higher. The ring is around the peak; where the peak is not
    positive either, the ring is gray and the caption says so.

    Args:
        found: what was found in the view.
        gray: (rows, columns), its image as ``pixels.picture`` draws it.
        view: its name.
        exam_score: 0 to 1, the score of the whole exam.
        scale: log-odds at the end of the color scale, as ``color_scale`` says; the same for all views of an exam.

    Returns:
        (H, W, 3) RGB, the longer side at most 1600 pixels: the image, with square pixels and otherwise as stored, and
        a caption below it.
    """
    levels = evidence_levels(found, scale=scale, shape=(gray.shape[0], gray.shape[1]))
    picture = Image.fromarray(tint(gray, levels))
    stored = (found.geometry.source_rows, found.geometry.source_columns)
    mark_peak(picture, (found.peak_row, found.peak_column), shape=stored, value=found.peak_value)
    return np.asarray(_with_caption(picture, found, view=view, exam_score=exam_score, scale=scale))


def shades(fractions: NDArray[np.floating]) -> NDArray[np.uint8]:
    """0..1 as 0..255; what is outside is at the ends."""
    return np.rint(255 * fractions.clip(0, 1)).astype(np.uint8)


def tint(gray: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blend colors over gray (H, W), to (H, W, 3); ``levels`` (H, W) are of the scale, as of ``evidence_levels``."""
    return _blends().take(levels.astype(np.uint16) << 8 | gray, axis=0)


@cache
def _blends() -> NDArray[np.uint8]:
    """(65536, 3): the color of each level of evidence over each gray, at 256 x level + gray."""
    evidence, steps = np.linspace(0, 1, 256), np.linspace(0, 1, len(COLORS))
    color = np.stack([np.interp(evidence, steps, channel) for channel in COLORS.T], axis=-1)[:, np.newaxis]
    alpha = STRONGEST_ALPHA * evidence[:, np.newaxis, np.newaxis]
    gray = np.arange(256)[:, np.newaxis]
    return np.rint((1 - alpha) * gray + alpha * color).astype(np.uint8).reshape(-1, 3)


def mark_peak(picture: Image.Image, peak: tuple[float, float], *, shape: tuple[int, int], value: float) -> None:
    """Draw a ring with four ticks around a peak, dark-edged to stand out on any ground; what is inside stays visible.

    Args:
        picture: RGB, to draw on.
        peak: (row, column) in the stored image's pixels.
        shape: (rows, columns) of the stored image.
        value: log-odds at the peak; where it is not positive, the ring is gray.
    """
    drawn = (picture.height, picture.width)
    down, across = ((at + 0.5) * side / stored for at, side, stored in zip(peak, drawn, shape, strict=True))
    ring, radius = FOUND if value > 0 else NOT_FOUND, max(picture.size) / 40
    fine = 4  # drawn at this many times the resolution, then averaged: smooth edges
    left, top, side = math.floor(across - 2 * radius), math.floor(down - 2 * radius), math.ceil(4 * radius) + 1
    for color, width in ((PAPER, radius / 4), (ring, radius / 9)):
        mask = Image.new("L", (side * fine, side * fine))
        pen = ImageDraw.Draw(mask)
        x, y, outer = (across - left) * fine, (down - top) * fine, (radius + width / 2) * fine
        pen.ellipse((x - outer, y - outer, x + outer, y + outer), outline=255, width=round(width * fine))
        for step_x, step_y in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            start, end = radius * fine, 1.6 * radius * fine
            line = (x + step_x * start, y + step_y * start, x + step_x * end, y + step_y * end)
            pen.line(line, fill=255, width=round(width * fine))
        picture.paste(color, (left, top), mask.resize((side, side), Image.Resampling.BOX))


def _with_caption(
    picture: Image.Image, found: ViewResult, *, view: View, exam_score: float, scale: float
) -> Image.Image:
    """The picture with four lines below it: name and scores, peak, color scale, notice."""
    letter = max(picture.size) // FONT_SHARE
    font, line = ImageFont.load_default(letter), round(1.5 * letter)
    peak = f"peak {found.peak_value:.2f} at row {found.peak_row:.0f}, column {found.peak_column:.0f}"
    if found.peak_value <= 0:
        peak = f"no positive evidence (peak {found.peak_value:.2f})"
    zero, bar = round(1.2 * letter), 8 * letter  # widths of the parts of the color scale
    lines = [
        (0, f"{view}   view score {found.score:.3f}   exam score {exam_score:.3f}", INK),
        (0, peak, INK),
        (zero + bar + letter // 2, f"{scale:.2f}   log-odds of cancer", INK),
        (0, NOTICE, ALERT),
    ]
    width = max(picture.width, *(2 * letter + left + math.ceil(font.getlength(text)) for left, text, _ in lines))
    page = Image.new("RGB", (width, picture.height + len(lines) * line + letter), PAPER)
    page.paste(picture, ((width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(page)
    top = picture.height + letter // 2
    for index, (left, text, color) in enumerate(lines):
        pen.text((letter + left, top + index * line), text, color, font)
    top += 2 * line
    pen.text((letter, top), "0", INK, font)
    page.paste(_color_bar(letter, bar), (letter + zero, top))
    return page


def _color_bar(height: int, width: int) -> Image.Image:
    """The color scale as it looks over dark tissue (upper half) and over bright tissue (lower half)."""
    tissue = shades(np.where(np.arange(height) < height // 2, 0.25, 0.75))[:, np.newaxis]
    levels = shades(np.linspace(0, 1, width))[np.newaxis]
    return Image.fromarray(tint(*np.broadcast_arrays(tissue, levels)))
