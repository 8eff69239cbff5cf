"""Takes a picture and photos.

Gives a style network that paints as the picture is painted.
"""
