"""OHIF as a reader uses it: a study is opened, a series is double-clicked, and one looks at the viewport."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = {"width": 1280, "height": 800}
PATIENCE = 60_000  # milliseconds
PAUSE = 500
VISIBLE = 25  # of 255
MARKS = 100  # pixels that differ at least where something is drawn over an image
SKIP_TOUR = "localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']))"
# Only what is drawn into the viewport: the canvas, and annotations without their texts.
DRAWN_ONLY = """
* { visibility: hidden !important }
.viewport-element, .viewport-element canvas, .viewport-element .svg-layer * { visibility: visible !important }
.viewport-element .svg-layer :is(text, tspan, line, circle) { visibility: hidden !important }
"""
DISPLAY_SET = """uid => window.services.displaySetService.getActiveDisplaySets().find(
  set => !set.excludeFromThumbnailBrowser &&
    (set.SOPInstanceUID === uid || (set.images ?? []).some(image => image.SOPInstanceUID === uid))
)?.displaySetInstanceUID"""
SHOWN_IMAGE = """() => {
  const viewport = window.services.viewportGridService.getActiveViewportId();
  return window.services.cornerstoneViewportService.getCornerstoneViewport(viewport)?.getCurrentImageId();
}"""


class Viewer:
    """A page with OHIF in it.

    Args:
        page: an empty one.
        url: of the viewer.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url, self.pane = page, url, 0
        page.set_default_timeout(PATIENCE)
        page.add_init_script(SKIP_TOUR)

    def open(self, study_uid: str) -> None:
        """Open a study, and wait until its series are listed and its first image is there."""
        self.pane = 0
        self.page.goto(f"{self.url}/viewer?StudyInstanceUIDs={study_uid}")
        self.page.wait_for_selector("canvas")
        self._settle()

    def offers(self, instance_uid: str) -> bool:
        """Whether an object can be chosen."""
        return self.page.evaluate(DISPLAY_SET, instance_uid) is not None

    def show(self, instance_uid: str, *, image_uid: str) -> None:
        """Double-click an object's thumbnail, and wait until the viewport shows the image that it is about."""
        thumbnail = self.page.evaluate(DISPLAY_SET, instance_uid)
        self.page.locator(f"#thumbnail-{thumbnail}").dblclick()
        self.page.wait_for_function(f"uid => ({SHOWN_IMAGE})()?.includes(uid)", arg=image_uid, polling=PAUSE)

    def split(self) -> None:
        """Two viewports side by side, by the layout menu."""
        self.page.locator("[data-cy=Layout]").first.click()
        self.page.locator("[data-cy=Layout-1-0]").click()
        self.page.locator(".viewport-element").nth(1).wait_for()

    def turn_to(self, pane: int) -> None:
        """From now on it is that viewport, 0 or 1, that shows things and is looked at."""
        self.page.locator("[data-cy=viewport-pane]").nth(pane).click()
        self.pane = pane

    def decline(self) -> None:
        """Answer No to whether the segmentation shall be opened, for editing; it stays on show."""
        self.page.get_by_role("button", name="No", exact=True).click()

    def look(self, *, unlike: NDArray[np.int16] | None = None) -> NDArray[np.int16]:
        """(H, W, 3), the viewport when it stands still: image, segmentation, and outlines without texts.

        Args:
            unlike: wait until something is drawn over that.
        """
        style = self.page.add_style_tag(content=DRAWN_ONLY)
        picture = self._settle(unlike)
        style.evaluate("style => style.remove()")
        return picture

    def _settle(self, unlike: NDArray[np.int16] | None = None) -> NDArray[np.int16]:
        earlier = unlike
        for _ in range(PATIENCE // PAUSE):
            png = self.page.locator(".viewport-element").nth(self.pane).screenshot()
            picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)
            if unlike is not None and differing(picture, unlike).sum() < MARKS:
                self._redraw()
            elif np.array_equal(picture, earlier):
                return picture
            earlier = picture
            self.page.wait_for_timeout(PAUSE)
        raise TimeoutError("the viewport does not stand still, or nothing is drawn over the image")

    def _redraw(self) -> None:
        """Have the viewport drawn again: of a report, OHIF at times shows the outlines only then."""
        for width in (SIZE["width"] + 10, SIZE["width"]):
            self.page.set_viewport_size({**SIZE, "width": width})
            self.page.wait_for_timeout(PAUSE)


def differing(picture: NDArray[np.int16], other: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(H, W) the pixels in which two viewports differ visibly."""
    return np.abs(picture - other).max(axis=2) > VISIBLE


@contextmanager
def browsing(url: str) -> Iterator[Viewer]:
    """A headless Chromium with the viewer, until the context ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield Viewer(browser.new_page(viewport=SIZE), url)
        finally:
            browser.close()
