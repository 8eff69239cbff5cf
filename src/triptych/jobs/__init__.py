"""Runs of pipelines that are asked for and happen later: a durable queue, one consumer, and each run a process.

`settings` says what may be asked for, `checking` refuses the rest before it is queued, `store` is what is known of
every job, `queueing` hands out their ids, `consumer` runs them one by one through `supervisor`, a process that notes
how a run ended even if the consumer is killed. `service` is what the command line, the routes and the watcher call.
"""
