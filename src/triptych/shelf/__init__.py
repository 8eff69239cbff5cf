"""Find the empty spaces on photos of store shelves with Mask R-CNN.

Photos pass through the folders in this order: data, model, training, evaluation, scoring.
"""
