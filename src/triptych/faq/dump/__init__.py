"""Takes a Stack Exchange dump or the reference's TSV files, plain or compressed.

Gives the selected posts as Arrow record batches, the duplicate links, and a report of what was read.
"""
