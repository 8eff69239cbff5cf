"""Takes a detector and the test photos.

Gives files that run without PyTorch and this project, checked against the detector.
"""
