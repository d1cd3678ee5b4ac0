"""What a client is told when something is wrong with its request."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

from dibmg_monai.errors import DibmgError


@contextmanager
def answering() -> Iterator[None]:
    """While it lasts, an error that the client can mend becomes an answer with its message, status 400."""
    try:
        yield
    except DibmgError as error:
        raise HTTPException(status_code=400, detail=str(error)) from error


def not_found(image_id: str) -> HTTPException:
    """There is no such image: status 404."""
    needed = "an exam, a view of it such as EXAM.RCC, or, in an archive, a mammogram's SeriesInstanceUID is needed"
    return HTTPException(status_code=404, detail=f"image {image_id!r} is not there; {needed}")


def not_offered(what: str) -> HTTPException:
    """This app does not do that: status 405."""
    return HTTPException(status_code=405, detail=f"{what} is not offered; the images stay as they are where they are")
