"""Takes annotation files, a module for each format.

Gives what each says about each photo (`PhotoRecord`), unchecked.
"""
