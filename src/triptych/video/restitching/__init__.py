"""Takes segments and the source.

Gives the finished video with its sound, checked against the source.
"""
