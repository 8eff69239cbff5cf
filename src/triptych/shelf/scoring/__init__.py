"""Takes a detector and a folder of new photos.

Gives what was found on each, so that an interrupted scoring goes on.
"""
