"""Find the answered question that a new question repeats.

Raw posts pass through the folders in this order: dump, text, pairs, retrieval, ranking, evaluation.
"""
