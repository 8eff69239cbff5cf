"""Turn what lands in folders into jobs: `folders` lists, `settling` waits until files are whole, `ledger` remembers.

`intake` stages files, looks whether they open and puts the others aside; `watcher` is the loop, `cli` the command line.
A landing folder is only read.
"""
