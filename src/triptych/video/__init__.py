"""Paint videos in a style, frame for frame at the same times, with their sound.

Videos pass through the folders in this order: media, planning, network, runtimes, stylizing, restitching, reporting;
training makes the styles, previewing shows them.
"""
