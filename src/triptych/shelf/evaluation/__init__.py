"""Takes a detector and the test photos.

Gives COCO's metrics, pictures, the model card, and whether a new model is promoted.
"""
