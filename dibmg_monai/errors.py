"""One family of errors: whatever a user can get wrong ends in one of these, saying what would be right.

Messages name files, DICOM attributes and values; never a patient's name, identifier or dates.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


class DibmgError(Exception):
    """Base of all errors that a user can mend. ``str(error)`` is the whole message, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class FolderError(DibmgError):
    """A folder is missing, empty, or cannot be read or written."""


class ImageError(DibmgError):
    """One image file cannot be used.

    Args:
        path: the file, as the user would find it.
        reason: a sentence: what was found and what would be accepted.
        code: the reason code that the manifest gives, a short lower-case word or two joined by a hyphen.
    """

    def __init__(self, path: Path | str, reason: str, *, code: str = "unreadable") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = _one_line(reason)
        self.code = code

    def __reduce__(self) -> tuple:
        """For pickle, which by default hands the message alone to the constructor."""
        return type(self), (self.path, self.reason), self.__dict__


class ExamError(DibmgError):
    """An exam has no view that can be used, or a study holds no exam."""


class DatalistError(DibmgError):
    """A datalist cannot be read, or an entry in it is not valid."""


class ModelError(DibmgError):
    """A model file is missing, is none, or does not fit the network."""


class NodeError(DibmgError):
    """A DICOM node is named wrongly, cannot be reached, or does not take an object."""


def _one_line(text: str) -> str:
    """Messages quote those of other libraries, and some of these have several lines."""
    return " ".join(line.strip() for line in text.splitlines())


def truth(value: object, *, name: str) -> bool:
    """A setting that is True or False, and no text: on a command line, ``--amp false`` would count as true.

    Raises:
        DibmgError: if it is anything else.
    """
    if not isinstance(value, bool):
        raise DibmgError(f"{name} is {value!r}; True or False is needed, with a capital letter")
    return value


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """While it lasts, a failure to write ``path`` becomes a ``FolderError`` that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FolderError(
            f"{path}: cannot be written ({reason}); a writable folder with room left is needed"
        ) from error


def known_error(error: BaseException | None) -> DibmgError | None:
    """The first ``DibmgError`` in an exception's chain of causes, or None."""
    while error is not None:
        if isinstance(error, DibmgError):
            return error
        error = error.__cause__ or error.__context__
    return None


def report_known_errors() -> None:
    """Have the interpreter print a ``DibmgError`` that nothing caught as one line, without a traceback.

    For programs whose main function is not ours, such as ``python -m monai.bundle run``. Other errors print as always.
    """

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        known = known_error(error)
        if known is None:
            sys.__excepthook__(kind, error, traceback)
        else:
            print(f"error: {known}", file=sys.stderr)

    sys.excepthook = hook
