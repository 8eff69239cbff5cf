"""The service: the promoted models behind HTTP, on this machine (`triptych serve`).

`app` puts together what a request passes: `guards` (hosts, tokens, limits, headers), then `routes`. A route hands a job
to a `ServedModel`, whose `Batcher` joins the jobs that wait for a `WorkerProcess`; a version that is promoted is loaded
beside the one that answers, and takes its place (`takeover`). The process itself runs `worker`. `pages` are for people.
"""
