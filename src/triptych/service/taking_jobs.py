"""Take jobs as well: their routes, and a consumer beside the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from triptych.jobs.settings import JobSettings


@contextmanager
def taking_jobs(settings: JobSettings) -> Iterator[APIRouter]:
    """Run the jobs of a folder while the block lasts; a run under way at its end goes on, and is taken up by the next.

    Args:
        settings: What jobs may do.

    Yields:
        The routes.
    """
    from triptych.jobs.consumer import Consumer
    from triptych.jobs.routes import create_jobs_router

    consumer = Consumer(settings)
    working = threading.Thread(target=consumer.work, name="jobs")
    working.start()
    try:
        yield create_jobs_router(settings)
    finally:
        consumer.stop()
        working.join()
