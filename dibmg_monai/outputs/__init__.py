"""What is written about an exam: scores, maps, pictures, DICOM objects."""
