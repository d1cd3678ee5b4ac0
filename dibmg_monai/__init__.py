"""DIB-MG for MONAI: weakly supervised breast-cancer detection in four-view mammography exams.

A re-implementation of the data-driven imaging biomarker of Kim et al. 2018 (Scientific Reports 8:2762).
Research software; not a medical device.
"""

import sys
from importlib.util import find_spec

__version__ = "0.1.0"

# gdcm.py tries to import a module dl, which Python no longer has. A mere folder of that name in the working directory
# would pass for it, and pydicom could not be imported. None says that there is no such module.
if (_folder := find_spec("dl")) and _folder.origin is None:
    sys.modules["dl"] = None  # type: ignore[assignment]
