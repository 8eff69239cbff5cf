"""Takes a detector and a folder of new photos.

Gives what was found on each; ranks share the photos, and an interrupted scoring goes on.
"""
