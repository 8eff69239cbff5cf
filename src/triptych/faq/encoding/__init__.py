"""Vectors of texts, from an encoder of the user's or one that is trained here; optional.

Takes clean texts, and gives unit vectors whose inner product says how alike two texts are, whatever words they use.
"""
