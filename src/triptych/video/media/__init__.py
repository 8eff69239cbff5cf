"""Takes media files.

Gives their properties, packets and frames as they are, and files of frames.
"""
