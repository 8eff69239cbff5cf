"""Traces and metrics by OpenTelemetry; they go nowhere until an exporter is set up.

Names are those of OpenTelemetry's conventions for HTTP servers, and `triptych.*` for what they have none for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation

CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
"""Variable of the environment with the connection string of Azure Monitor; without it nothing leaves this machine."""


def start_exporters() -> bool:
    """Send traces and metrics to Azure Monitor if the environment names one; says whether it does."""
    if not os.environ.get(CONNECTION_STRING):
        return False
    from azure.monitor.opentelemetry import configure_azure_monitor

    # Of libraries nothing: a request's own span has its route, status and duration.
    quiet = {name: {"enabled": False} for name in ("fastapi", "requests", "urllib", "urllib3", "azure_sdk")}
    configure_azure_monitor(instrumentation_options=quiet, logger_name="triptych")
    return True


class Telemetry:
    """What is measured.

    Args:
        tracers: Makes spans; the global one by default.
        meters: Makes instruments; the global one by default.
    """

    def __init__(
        self, tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer("triptych.service", tracer_provider=tracers)
        self._meter = metrics.get_meter("triptych.service", meter_provider=meters)
        self._durations = self._meter.create_histogram(
            "http.server.request.duration", "s", "From the head of a request to the end of its answer"
        )
        self._batches = self._meter.create_histogram("triptych.batch.requests", "{request}", "Requests asked together")
        self._queues: dict[str, Callable[[], int]] = {}
        self._meter.create_observable_gauge(
            "triptych.queue.length", [self._observe_queues], "{request}", "Requests that wait for a model"
        )

    def watch_queue(self, workload: str, length: Callable[[], int]) -> None:
        """Let a queue be looked at whenever metrics are collected."""
        self._queues[workload] = length

    def count_batch(self, workload: str, requests: int) -> None:
        """Count a batch."""
        self._batches.record(requests, {"triptych.workload": workload})

    def record_request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count an answer."""
        attributes: dict[str, str | int] = {"http.request.method": method, "http.route": route}
        attributes["http.response.status_code"] = status
        self._durations.record(duration_s, attributes)

    @contextmanager
    def trace_request(self, method: str) -> Iterator[Any]:
        """Trace a request; its span is to be given its route and status."""
        attributes = {"http.request.method": method}
        with self._tracer.start_as_current_span(method, kind=trace.SpanKind.SERVER, attributes=attributes) as span:
            yield span

    def _observe_queues(self, _: CallbackOptions) -> Iterator[Observation]:
        for workload, length in self._queues.items():
            yield Observation(length(), {"triptych.workload": workload})
