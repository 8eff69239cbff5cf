"""Takes photos with annotations and roles, and the settings of a detector.

Gives sizes and anchors that fit them, photos prepared on disk, and batches of varied photos for a training.
"""
