"""What a viewer shows of the results: OHIF in a headless Chromium, out of Orthanc. ``make test-viewer``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from scipy import ndimage

from dibmg_monai.outputs.dicom_sr import findings_report
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.source_study import save
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import send
from dibmg_monai.views import View
from tests.pacs.orthanc import AE_TITLE, DICOM_PORT, LOOPBACK, obstacle, running_orthanc
from tests.pacs.planted_exam import PlantedExam, write_planted_exam
from tests.viewer.ohif import serving_viewer

browser = pytest.importorskip("tests.viewer.browser", reason="playwright is needed; make test-viewer brings it")

OUT = Path(__file__).parents[2] / "out"
OHIF, PICTURE = OUT / "ohif", OUT / "viewer.png"
for needed, what in ((OHIF, "make test-viewer brings it"), (browser.CHROMIUM, "Debian's chromium is needed")):
    if not needed.exists():
        pytest.skip(f"there is no {needed}; {what}", allow_module_level=True)
if reason := obstacle():
    pytest.skip(reason, allow_module_level=True)

# White is 0 in its images; LCC is stored as it hangs, LMLO turned by 180 degrees. The mass is the whitest in both.
SEED, ROWS, VIEWS = 33, 1000, (View.LCC, View.LMLO)
WHITE = 215  # of 255, which no other tissue reaches
DASH = 6  # screen pixels: an outline's dashes and gaps are shorter


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> PlantedExam:
    return write_planted_exam(tmp_path_factory.mktemp("exam"), rows=ROWS, seed=SEED)


@pytest.fixture(scope="module")
def reports(exam: PlantedExam, tmp_path_factory: pytest.TempPathFactory) -> dict[View, Path]:
    """The exam's report of its findings, and one of those in its second image: OHIF shows a report's first alone."""
    first, second = VIEWS
    path, material = tmp_path_factory.mktemp("report") / "findings_sr.dcm", Material(exam.result)
    sources = {second: material.sources[second]}
    save(findings_report(exam.result, sources=sources, tracking=material.tracking, made=material.made), path)
    return {first: exam.results_folder / "findings_sr.dcm", second: path}


@pytest.fixture(scope="module")
def viewer(
    exam: PlantedExam, reports: dict[View, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator["browser.Viewer"]:
    """The exam and its results, opened in the viewer."""
    with (
        running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc,
        serving_viewer(OHIF, orthanc) as url,
        browser.browsing(url) as viewer,
    ):
        send([*exam.images, *exam.results, reports[VIEWS[1]]], Node(AE_TITLE, LOOPBACK, DICOM_PORT))
        viewer.open(uid_of(exam.images[0], "StudyInstanceUID"))
        yield viewer


@pytest.fixture(scope="module")
def plain(exam: PlantedExam, viewer: "browser.Viewer") -> dict[View, NDArray[np.int16]]:
    """(H, W, 3): the viewport with the image alone."""
    pictures = {}
    for view in VIEWS:
        viewer.show(image_uid(exam, view), image_uid=image_uid(exam, view))
        pictures[view] = viewer.look()
    return pictures


def uid_of(path: Path, keyword: str = "SOPInstanceUID") -> str:
    return str(dcmread(path, specific_tags=[keyword])[keyword].value)


def image_uid(exam: PlantedExam, view: View) -> str:
    return uid_of(exam.result.exam.path(view))


def lesion(picture: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(H, W) the white mass in a viewport with the image alone."""
    parts, count = ndimage.label((picture > WHITE).all(axis=2))
    return parts == 1 + np.argmax(ndimage.sum_labels(parts > 0, parts, range(1, count + 1)))


def marked(picture: NDArray[np.int16], plain: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(H, W) what a result marks: what differs from the image alone, dashes joined, and what they enclose."""
    joined = ndimage.binary_dilation(browser.differing(picture, plain), iterations=DASH)
    return ndimage.binary_erosion(ndimage.binary_fill_holes(joined), iterations=DASH)


def as_fitted(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) a mask (rows, columns) of the stored image, as a viewport shows it that the image is fitted into."""
    zoom = min(shape[0] / mask.shape[0], shape[1] / mask.shape[1])
    rows, columns = (
        np.floor((np.arange(side) + 0.5 - side / 2) / zoom + length / 2).astype(int).clip(-1, length)
        for side, length in zip(shape, mask.shape, strict=True)
    )
    return np.pad(mask, 1)[np.ix_(rows + 1, columns + 1)]


def check_place(exam: PlantedExam, view: View, picture: NDArray[np.int16], plain: NDArray[np.int16]) -> None:
    """What is marked is the finding, but for its line's width, and so the mass that one sees."""
    found, seen = marked(picture, plain), lesion(plain)
    assert (found & seen).sum() > 0.9 * seen.sum()
    assert found.sum() < 2 * seen.sum()
    (finding,) = exam.result.views[view].findings
    expected = as_fitted(finding.mask(exam.result.views[view].geometry), found.shape)
    assert (found & expected).sum() > 0.85 * (found | expected).sum()


def test_image_alone_shows_the_planted_mass(exam: PlantedExam, plain: dict[View, NDArray[np.int16]]) -> None:
    for view, picture in plain.items():
        seen, planted = lesion(picture), as_fitted(exam.masks[view], picture.shape[:2])
        assert (seen & planted).sum() > 0.7 * (seen | planted).sum()


@pytest.mark.parametrize("view", VIEWS)
def test_segmentation_marks_the_finding(
    view: View, exam: PlantedExam, viewer: "browser.Viewer", plain: dict[View, NDArray[np.int16]]
) -> None:
    segmentation = uid_of(exam.results_folder / f"{view}_seg.dcm")
    assert viewer.offers(segmentation)
    viewer.show(segmentation, image_uid=image_uid(exam, view))
    check_place(exam, view, viewer.look(unlike=plain[view]), plain[view])


@pytest.mark.parametrize("view", VIEWS)
def test_report_outlines_the_finding(
    view: View,
    exam: PlantedExam,
    reports: dict[View, Path],
    viewer: "browser.Viewer",
    plain: dict[View, NDArray[np.int16]],
) -> None:
    viewer.show(uid_of(reports[view]), image_uid=image_uid(exam, view))
    check_place(exam, view, viewer.look(unlike=plain[view]), plain[view])


def test_report_and_segmentation_side_by_side(
    exam: PlantedExam, reports: dict[View, Path], viewer: "browser.Viewer"
) -> None:
    """As in docs/viewer.png."""
    left, right = VIEWS
    viewer.open(uid_of(exam.images[0], "StudyInstanceUID"))  # afresh, without the segmentations loaded before
    viewer.split()
    shown = {left: uid_of(reports[left]), right: uid_of(exam.results_folder / f"{right}_seg.dcm")}
    for pane, view in enumerate(VIEWS):
        viewer.turn_to(pane)
        viewer.show(image_uid(exam, view), image_uid=image_uid(exam, view))
        plain = viewer.look()
        viewer.show(shown[view], image_uid=image_uid(exam, view))
        check_place(exam, view, viewer.look(unlike=plain), plain)
    viewer.decline()
    viewer.page.screenshot(path=PICTURE)
