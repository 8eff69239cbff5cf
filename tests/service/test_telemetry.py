"""What is measured, and that nothing leaves unless an exporter is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from tests.service.conftest import MakeSettings
from triptych.service.app import create_app
from triptych.service.telemetry import CONNECTION_STRING, Telemetry, start_exporters


def collect(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    assert data
    metrics = [metric for found in data.resource_metrics for scope in found.scope_metrics for metric in scope.metrics]
    return {metric.name: list(metric.data.data_points) for metric in metrics}


def test_requests_are_traced_and_counted_by_route(make_settings: MakeSettings) -> None:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = Telemetry(tracers, meters)
    app = create_app(make_settings("faq"), telemetry=telemetry)
    client = TestClient(app, base_url="http://localhost")
    client.get("/health/live")
    client.post("/faq/ask", json={"title": "my secret question"})
    client.get("/secret-path")
    client.request("BREW", "/health/live")
    telemetry.count_batch("faq", 3)
    names = {span.name: span.attributes for span in spans.get_finished_spans()}
    assert set(names) == {"GET /health/live", "POST /faq/ask", "GET none", "_OTHER /health/live"}
    assert (names["POST /faq/ask"] or {})["http.response.status_code"] == 503
    assert "secret" not in str([span.to_json() for span in spans.get_finished_spans()])
    found = collect(reader)
    durations = {
        (point.attributes["http.route"], point.attributes["http.response.status_code"]): point.count
        for point in found["http.server.request.duration"]
    }
    assert durations[("/faq/ask", 503)] == 1
    assert [(point.sum, dict(point.attributes)) for point in found["triptych.batch.requests"]] == [
        (3, {"triptych.workload": "faq"})
    ]
    assert [point.value for point in found["triptych.queue.length"]] == [0]


def test_without_a_connection_string_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONNECTION_STRING, raising=False)
    assert start_exporters() is False
