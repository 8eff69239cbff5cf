"""Takes a folder of photos with Pascal VOC or COCO annotations.

Gives upright photos, annotations in COCO's format, the role of each photo, and what was put aside.
"""
