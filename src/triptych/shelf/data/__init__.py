"""Takes a folder of photos with annotations in any of seven formats.

Gives upright photos, annotations in COCO's format, the role of each photo, and what was put aside.
"""
