"""Talking to a PACS: sending results to a DICOM node, and listening for studies to analyze."""
