"""Spans, in memory and at a receiver of OTLP over HTTP."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aisle.errors import SettingsError
from serving import tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans(client):
    """Spans of the running application, by name."""
    exporter = InMemorySpanExporter()
    traces = client.app.state.service.tracing
    traces.start(SimpleSpanProcessor(exporter))
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    traces.stop()


def test_a_request_and_its_stages(client, spans):
    response = client.post("/search", json={"text": "red"}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    found = spans()
    assert set(found) == {"POST /search", "encode", "search", "fetch"}
    request = found["POST /search"]
    assert request.kind is SpanKind.SERVER
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == PARENT
    assert request.resource.attributes["service.name"] == "aisle"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/search",
        "http.response.status_code": 200,
        "url.path": "/search",
        "aisle.request_id": response.headers["X-Request-ID"],
        "aisle.release": "20261121T101500-00000001",
    }
    for stage in ("encode", "search", "fetch"):
        assert found[stage].parent.span_id == request.context.span_id
        assert request.start_time <= found[stage].start_time <= found[stage].end_time <= request.end_time
    assert found["encode"].end_time == found["search"].start_time
    assert found["search"].end_time == found["fetch"].start_time


def test_pictures_are_decoded_and_browsing_encodes_nothing(client, spans, make_picture):
    client.post("/search/image", files={"image": ("x.png", make_picture("red"), "image/png")})
    assert set(spans()) == {"POST /search/image", "decode", "encode", "search", "fetch"}


def test_errors(client, spans):
    client.get("/products/none")
    span = spans()["GET /products/{id:path}"]
    assert span.attributes["error.type"] == "unknown_product"
    assert span.status.status_code is StatusCode.UNSET  # the client's fault, says the convention
    assert span.parent is None


def test_a_failure_of_ours_is_an_error(start):
    with start(wait=False) as client:
        exporter = InMemorySpanExporter()
        client.app.state.service.tracing.start(SimpleSpanProcessor(exporter))
        client.get("/readyz")
        (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "no_release"


def test_sampled_as_the_environment_says(client, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-search")
    exporter = InMemorySpanExporter()
    client.app.state.service.tracing.start(SimpleSpanProcessor(exporter))
    client.post("/search", json={"text": "red"})
    assert exporter.get_finished_spans() == ()
    client.get("/livez", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    (span,) = exporter.get_finished_spans()
    assert span.resource.attributes["service.name"] == "shop-search"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
    ],
)
def test_when_traces_are_wanted(environment, expected):
    assert tracing.wanted(environment) is expected


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_cannot_be_done_is_said(environment):
    with pytest.raises(SettingsError, match=r"OTEL_.*possible"):
        tracing.wanted(environment)


def test_sent_to_a_collector(release, start, monkeypatch):
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    release()
    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        with start() as client:
            client.post("/search", json={"text": "red"})
        collector.shutdown()
    paths = {path for path, _ in received}
    names = {
        span.name
        for _, request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert paths == {"/v1/traces"}
    assert {"POST /search", "encode", "search", "fetch"} <= names
