"""One thing at a time, from any folder, without a data folder: ask a question, look at photos, paint a video.

`cli` reads the command line, `promoted` finds the models in use, `asking`, `finding` and `stylizing` do the work.
"""
