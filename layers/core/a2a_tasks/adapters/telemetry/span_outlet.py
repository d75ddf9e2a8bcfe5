"""Whether spans are exported, as the template's parameters of tracing say."""

from typing import TYPE_CHECKING

from a2a_tasks.adapters import environment
from a2a_tasks.domain.tracing.span import Span
from a2a_tasks.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from a2a_tasks.adapters.tracing.span_exporter import SpanExporter

FLUSH_SECONDS = 0.25
"""How long spans hold up the end of an invocation, at most."""


def recorded_share() -> float | None:
    """Share of tasks whose traces are recorded, from 0 to 1; None if tracing is off. Raises
    ``Misconfigured``."""
    if environment.optional("TRACING_ENDPOINT") is None:
        return None
    return environment.number("TRACING_SAMPLE_PERCENT") / 100


class SpanOutlet:
    """Where a function's spans go; nowhere without an ``exporter``."""

    def __init__(self, exporter: "SpanExporter | None" = None) -> None:
        self._exporter = exporter

    @classmethod
    def of_function(cls) -> "SpanOutlet":
        """To the deployment's endpoint. If tracing is off, nothing of it is imported."""
        url = environment.optional("TRACING_ENDPOINT")
        if url is None:
            return cls()
        from a2a_tasks.adapters.tracing.wiring import build_exporter

        return cls(build_exporter(url, environment.optional("TRACING_HEADERS_SECRET_ARN")))

    def add(self, span: Span | None) -> None:
        """Take a span. Never blocks."""
        if self._exporter is not None and span is not None:
            self._exporter.add(span)

    def flush(self, telemetry: Telemetry) -> None:
        """Begin to send the spans, and report what was lost of earlier ones. Never blocks."""
        if self._exporter is None:
            return
        losses = self._exporter.losses()
        if losses.dropped:
            telemetry.count("SpansDropped", losses.dropped)
        if losses.problem:
            telemetry.problem("spans not sent", reason=losses.problem)
        self._exporter.begin_sending()

    def close(self) -> None:
        """End the exporter's thread, which otherwise lives as long as the process."""
        if self._exporter is not None:
            self._exporter.close()

    def wait(self) -> None:
        """Wait until the spans are sent, at most ``FLUSH_SECONDS``."""
        if self._exporter is not None:
            self._exporter.wait(FLUSH_SECONDS)
