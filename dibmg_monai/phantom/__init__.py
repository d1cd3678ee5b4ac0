"""Synthetic four-view mammography exams with planted lesions, for tests and quick starts.

**A phantom is no patient.** Its anatomy and lesions are invented, its lesions are as easy to see as one asks for, and
how a network does on it says nothing about how it does on women. Never report a phantom's result as evidence.

``make_phantom`` makes one exam in memory, ``write_phantoms`` writes DICOM files, lesion masks and a datalist.
"""

from dibmg_monai.phantom.exam import PhantomExam, PhantomView, make_phantom
from dibmg_monai.phantom.lesions import Lesion
from dibmg_monai.phantom.writing import write_phantoms

__all__ = ["Lesion", "PhantomExam", "PhantomView", "make_phantom", "write_phantoms"]
