"""Takes questions and duplicate links.

Gives pairs of duplicate and original, and the role of each in training, tuning and test.
"""
