"""OpenTelemetry traces: a span per request and one per stage, by the variables that OpenTelemetry specifies.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Off, nothing of it is imported.
"""

import time
from collections.abc import Mapping, MutableMapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import Scope

from aisle.errors import SettingsError
from serving.query import Milliseconds

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_STAGES = tuple(field.name for field in fields(Milliseconds) if field.name != "total")

SPAN = "span"
"""Where a request's span is kept in `scope["state"]`."""


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces.

    Raises:
        SettingsError: It asks for what we cannot do.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter == "none" or not (exporter or any(environ.get(name) for name in _ENDPOINTS)):
        return False
    if exporter not in ("", "otlp"):
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {exporter!r}; otlp and none are possible")
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; http/protobuf is possible (port 4318)")
    return True


def otlp_processor() -> "SpanProcessor":
    """Sends spans in batches, as the OTEL_EXPORTER_OTLP_* and OTEL_BSP_* variables say.

    Raises:
        SettingsError: The extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            f"traces are asked for by OTEL_* variables, but {error.name} is not installed: "
            "install `aisle[tracing]`, or set OTEL_SDK_DISABLED=true"
        ) from error
    return BatchSpanProcessor(OTLPSpanExporter())


class Tracing:
    """Spans of one worker; it makes none until it is started."""

    def __init__(self) -> None:
        self._provider: Any = None
        self._tracer: Any = None

    def start(self, processor: "SpanProcessor") -> None:
        """Begin to make spans, sampled as OTEL_TRACES_SAMPLER says, of the service OTEL_SERVICE_NAME."""
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider

        resource = Resource.create()
        if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "aisle"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("aisle")

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self._tracer is not None

    def stop(self) -> None:
        """Send what is left; takes a while when nobody receives it."""
        if self._provider is not None:
            self._provider.shutdown()
            self._provider = self._tracer = None

    def begin(self, scope: Scope) -> None:
        """Start a request's span, within the trace that its `traceparent` names."""
        if self._tracer is None:
            return
        from opentelemetry import propagate, trace

        parent = propagate.extract(dict(Headers(scope=scope)))
        span = self._tracer.start_span(scope["method"], context=parent, kind=trace.SpanKind.SERVER)
        state, context = scope["state"], span.get_span_context()
        state[SPAN] = span
        state["trace_id"], state["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"

    def end(self, scope: Scope, *, route: str, status: int) -> None:
        """End a request's span, named by the route's template (OpenTelemetry's HTTP conventions)."""
        span = _span(scope.get("state"))
        if span is None:
            return
        from opentelemetry.trace import Status, StatusCode

        state = scope["state"]
        span.update_name(f"{scope['method']} {route}")
        span.set_attributes(
            {
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": status,
                "url.path": scope["path"],
                "aisle.request_id": state.get("request_id", ""),
            }
        )
        if code := state.get("error_code"):
            span.set_attribute("error.type", code)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def stages(self, state: MutableMapping[str, Any], milliseconds: Milliseconds, *, release: str) -> None:
        """Add a span per stage of a search that was answered just now; those it had no need of are left out."""
        parent = _span(state)
        if parent is None or self._tracer is None or not parent.is_recording():
            return
        from opentelemetry import trace

        parent.set_attribute("aisle.release", release)
        context = trace.set_span_in_context(parent)
        at = time.time_ns() - round(milliseconds.total * 1e6)
        for stage in _STAGES:
            spent = round(getattr(milliseconds, stage) * 1e6)
            if spent:
                self._tracer.start_span(stage, context=context, start_time=at).end(at + spent)
            at += spent


def _span(state: Mapping[str, Any] | None) -> "Span | None":
    return None if state is None else state.get(SPAN)
