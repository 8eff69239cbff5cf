"""Takes videos and a folder of styles.

Gives a sheet with a still of each video in each style, and short clips.
"""
