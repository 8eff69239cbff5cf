"""Turn what lands in folders into jobs: `folders` lists, `settling` waits until files are whole, `ledger` remembers.

`intake` stages files and puts aside those that do not open, which `checking` finds out by a process of its own;
`models` fetches what is promoted; `watcher` is the loop, `cli` the command line. A landing folder is only read.
"""
