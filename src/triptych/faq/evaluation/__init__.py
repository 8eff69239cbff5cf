"""Takes rankings of test questions.

Gives metrics with intervals, reports, the model card, and whether a new model is promoted.
"""
