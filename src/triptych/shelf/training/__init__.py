"""Takes prepared photos of the training and validation roles.

Gives the detector of the best epoch and the log of all, on one process or many ranks.
"""
