"""Takes finished videos and their sources.

Gives metrics, tables, pictures and the quarantine.
"""
