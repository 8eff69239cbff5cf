"""Settings of the service."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from triptych.parameters.base import Params

Workload = Literal["faq", "shelf", "video"]


class BatchParams(Params):
    """How requests that wait are joined."""

    max_requests: Annotated[int, Field(ge=1, le=1024)] = 32
    """Requests that are asked together."""
    max_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 2.0
    """How long a request waits for others to join it when the model has nothing to do; one that comes alone, after
    another that did, does not wait."""
    max_faq_rows: PositiveInt = 64
    """Questions that are asked together; a request with more is asked alone."""
    max_shelf_rows: PositiveInt = 16
    """Photos that are asked together."""
    max_queue: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Requests that wait for a model; one more is answered by status 503 at once."""


class LimitParams(Params):
    """What a request may hold."""

    max_faq_body_mb: Annotated[float, Field(gt=0, le=100)] = 4.0
    """Body of a request about questions, in millions of bytes."""
    max_shelf_body_mb: Annotated[float, Field(gt=0, le=300)] = 64.0
    """Body of a request with photos."""
    max_video_body_mb: Annotated[float, Field(gt=0, le=300)] = 32.0
    """Body of a request with a frame."""
    max_held_mb: Annotated[float, Field(gt=0)] = 512.0
    """Bodies of all requests that are being read, wait or are answered; one more is answered by status 503."""
    max_rows: Annotated[int, Field(ge=1, le=200)] = 200
    """Rows of a table; the models have limits of their own for text and pixels."""
    max_json_depth: Annotated[int, Field(ge=4, le=100)] = 16
    """Levels of lists and objects in JSON."""
    max_json_values: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    """Values, lists and objects in JSON."""
    max_frame_pixels: Annotated[int, Field(ge=1, le=50_000_000)] = 8_900_000
    """Of a frame: one of 4K video."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 512
    """Connections that are open at once; one more is answered by status 503."""


class TimeoutParams(Params):
    """How long what may take."""

    head_s: PositiveFloat = 10.0
    """Until a connection has sent the head of its request."""
    body_s: PositiveFloat = 30.0
    """Until the body has come."""
    answer_s: PositiveFloat = 60.0
    """Until a model has answered; its process is ended then, and started again."""
    load_s: PositiveFloat = 300.0
    """Until a version is loaded and has answered its own example."""
    idle_s: PositiveFloat = 15.0
    """Until a connection without requests is closed."""
    stop_s: PositiveFloat = 30.0
    """For the requests that are being answered when the service is told to stop."""


def _check_link(address: str) -> str:
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise ValueError("must be an address that begins with http:// or https://, or empty")
    return address


Link = Annotated[str, AfterValidator(_check_link)]
"""An address that a page links to."""


class PageParams(Params):
    """What the pages show."""

    mlflow_link: Link = ""
    """Address of MLflow's pages, to which the first page links; empty: it does not."""
    viz_link: Link = ""
    """Address of kedro-viz, likewise."""
    max_runs: Annotated[int, Field(ge=0, le=100)] = 8
    """Runs of MLflow that the first page shows."""
    max_upload_mb: Annotated[float, Field(gt=0, le=100_000)] = 500.0
    """A video that is given to be stylized, in millions of bytes."""
    max_kept_mb: Annotated[float, Field(gt=0)] = 5_000.0
    """Videos that were given, all together; one more is refused."""


class ServiceParams(Params):
    """How the promoted models are served on this machine."""

    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback a token is needed."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port; 0 takes a free one."""
    allowed_hosts: tuple[str, ...] = ()
    """Names that requests may be made to; by default those of loopback, or any name where there is a token."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes a model, each with all of its memory but what is mapped from files; they share the cores."""
    poll_s: Annotated[float, Field(ge=0.1, le=86400)] = 10.0
    """How often the registry is asked whether another version was promoted."""
    retry_s: NonNegativeFloat = 300.0
    """After how long a version that could not be loaded is tried again."""
    log_requests: str = ""
    """Folder in which measures of what is asked are logged for `faq_drift` and `shelf_drift`, in one folder a workload,
    neither texts nor photos; empty: nothing is logged."""
    max_log_mb: Annotated[float, Field(ge=1)] = 100.0
    """Of a workload's log, in millions of bytes; the oldest go."""
    batch: BatchParams = BatchParams()
    limits: LimitParams = LimitParams()
    timeouts: TimeoutParams = TimeoutParams()
    pages: PageParams = PageParams()
