"""Spans that cannot be sent hold nothing up, are kept a while, and are counted if they are lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from a2a_tasks.adapters.tracing.otlp_endpoint import NotSent
from a2a_tasks.adapters.tracing.span_exporter import (
    BATCH,
    MOST_WAITING,
    PAUSE_SECONDS,
    Losses,
    SpanExporter,
)
from a2a_tasks.domain.tracing.span import Span

NOW = 1_700_000_000_000
DAY_MS = 24 * 3_600_000


@dataclass
class Endpoint:
    """Takes spans, or fails as it is told."""

    problem: Exception | None = None
    rejects: int = 0
    taken: list[list[str]] = field(default_factory=list)
    calls: int = 0

    def send(self, spans: Sequence[Span]) -> int:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        self.taken.append([span.span_id for span in spans])
        return self.rejects


@dataclass
class Ticks:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def exporter(endpoint: Endpoint, ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> SpanExporter:
    """Without its thread, whose part the test plays."""
    monkeypatch.setattr("threading.Thread.start", lambda _: None)
    return SpanExporter(endpoint, ticks)


def span(number: int, begun_at: int = NOW) -> Span:
    return Span("0" * 31 + "1", f"{number:016x}", None, "chat", begun_at, begun_at + 1)


def add(exporter: SpanExporter, count: int, begin: int = 1) -> list[str]:
    spans = [span(number) for number in range(begin, begin + count)]
    for each in spans:
        exporter.add(each)
    return [each.span_id for each in spans]


def test_spans_are_sent_in_order_and_in_batches(exporter: SpanExporter, endpoint: Endpoint) -> None:
    ids = add(exporter, BATCH + 3)

    while exporter.send_batch():
        pass

    assert endpoint.taken == [ids[:BATCH], ids[BATCH:]]
    assert exporter.losses() == Losses(0, None)


def test_what_fails_is_kept_and_sent_again_after_a_pause(
    exporter: SpanExporter, endpoint: Endpoint, ticks: Ticks
) -> None:
    first, _ = PAUSE_SECONDS
    endpoint.problem = NotSent("no answer (ReadTimeoutError)", is_retryable=True)
    ids = add(exporter, 2)

    assert exporter.send_batch()
    assert not exporter.send_batch(), "it rests"
    assert exporter.losses() == Losses(0, "no answer (ReadTimeoutError)")
    endpoint.problem = None
    ticks.now += first

    assert exporter.send_batch()
    assert endpoint.taken == [ids]
    assert exporter.losses() == Losses(0, None)


def test_the_pause_grows_up_to_a_minute(exporter: SpanExporter, endpoint: Endpoint, ticks: Ticks) -> None:
    endpoint.problem = NotSent("the endpoint answered 503", is_retryable=True)
    add(exporter, 1)
    pauses = []
    for _ in range(8):
        exporter.send_batch()
        begun = ticks.now
        while not exporter.send_batch():
            ticks.now += 0.5
        pauses.append(ticks.now - begun)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_an_endpoint_will_never_take_is_dropped_and_counted(
    exporter: SpanExporter, endpoint: Endpoint
) -> None:
    for problem in (NotSent("the endpoint answered 400", is_retryable=False), RuntimeError("a bug")):
        add(exporter, 3)
        endpoint.problem = problem
        exporter._rests_until = 0
        exporter.send_batch()

        losses = exporter.losses()
        assert losses.dropped == 3
        assert losses.problem in {"the endpoint answered 400", "an unexpected error (RuntimeError)"}


def test_while_nothing_is_taken_memory_is_bounded_and_losses_are_counted(
    exporter: SpanExporter, endpoint: Endpoint
) -> None:
    endpoint.problem = NotSent("no answer (ConnectTimeoutError)", is_retryable=True)
    add(exporter, 100_000)
    exporter.send_batch()

    assert len(exporter._waiting) == MOST_WAITING
    assert exporter.losses().dropped == 100_000 - MOST_WAITING


def test_spans_that_a_collector_rejects_are_counted(exporter: SpanExporter, endpoint: Endpoint) -> None:
    endpoint.rejects = 2
    add(exporter, 5)
    exporter.send_batch()

    assert exporter.losses() == Losses(2, None)


def test_spans_that_are_a_day_apart_are_no_single_request(exporter: SpanExporter, endpoint: Endpoint) -> None:
    """X-Ray refuses such a request as a whole."""
    for number, begun_at in enumerate((NOW, NOW - DAY_MS, NOW - DAY_MS + 5)):
        exporter.add(span(number, begun_at))
    while exporter.send_batch():
        pass

    assert [len(batch) for batch in endpoint.taken] == [1, 2]


def test_nobody_waits_while_it_rests(exporter: SpanExporter, endpoint: Endpoint) -> None:
    endpoint.problem = NotSent("no answer (ReadTimeoutError)", is_retryable=True)
    add(exporter, 1)
    exporter.send_batch()

    exporter.wait(3600)  # a wait in earnest would run into the test's time limit


def test_nobody_waits_for_nothing(exporter: SpanExporter) -> None:
    exporter.wait(3600)
