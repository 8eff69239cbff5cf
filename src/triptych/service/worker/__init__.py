"""What a process of the service runs: one model, asked in batches over a pipe.

`processes.py` starts it under another name than `triptych`, which is why its modules import each other relatively:
MLflow loads a model with the source of triptych that was saved beside it, so no other may be imported before.

First it sends `("ready", {...})` or `("failed", reason)`; then, for each list of jobs that it receives, a list of
answers `(status, media type, body)`, one a job. A job is a dict: `op` `invocations` (`content_type`, `body`), `rows`
(`columns`, `params`) or `paint` (`picture`, `style`, `format`). It ends when the pipe is closed.
"""
