"""Takes settings and weights.

Gives the detector, its files, and its detections on photos.
"""
