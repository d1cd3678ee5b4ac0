"""DIB-MG for MONAI: weakly supervised breast-cancer detection in four-view mammography exams.

A re-implementation of the data-driven imaging biomarker of Kim et al. 2018 (Scientific Reports 8:2762).
Research software; not a medical device.
"""

__version__ = "0.1.0"
