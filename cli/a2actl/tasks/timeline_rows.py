"""A task's course and its notifications as tables."""

from collections.abc import Sequence

from a2a_tasks.domain.history.timeline import TimelineSpan, TimelineSpanKind
from a2a_tasks.domain.webhooks.delivery import DeliveryNote
from a2a_tasks.tasks.timeline import Timeline
from a2a_tasks.views.usage import usage_view
from a2actl.tasks.view import usage
from a2actl.terminal.duration import format_elapsed

COLUMNS = ("AFTER", "TOOK", "WHAT", "HOW", "USED")
DELIVERY_COLUMNS = ("RECEIVER", "CHANGE", "STATE", "ATTEMPTS", "LAST", "NEXT")
_WITHIN = (TimelineSpanKind.TURN, TimelineSpanKind.TOOL, TimelineSpanKind.CHILD)


def rows(timeline: Timeline) -> list[tuple[str, ...]]:
    """One for each of ``COLUMNS``, in order of time; what happens within an attempt is indented."""
    begun = timeline.task.created_at
    return [_row(span, begun) for span in timeline.spans]


def delivery_rows(notes: Sequence[DeliveryNote]) -> list[tuple[str, ...]]:
    """One for each of ``DELIVERY_COLUMNS``."""
    return [
        (
            note.config_id,
            note.status.value,
            note.state.value,
            str(note.tries),
            note.reason or ("–" if note.answer is None else str(note.answer)),
            "–" if note.next_try_at is None else f"+{_span(note.next_try_at - note.at)}",
        )
        for note in notes
    ]


def _row(span: TimelineSpan, begun: int) -> tuple[str, ...]:
    return (
        f"+{_span(span.started_at - begun)}",
        "…" if span.ended_at is None else _span(span.ended_at - span.started_at),
        ("· " if span.kind in _WITHIN else "") + _what(span),
        ", ".join(part for part in (span.outcome, span.code) if part) or "–",
        "–" if span.usage is None else usage(usage_view(span.usage)),
    )


def _what(span: TimelineSpan) -> str:
    match span.kind:
        case TimelineSpanKind.WAIT:
            return f"waits: {(span.name or '').replace('_', ' ')}"
        case TimelineSpanKind.ATTEMPT | TimelineSpanKind.BATCH:
            return f"{span.kind.value} {span.attempt}"
        case TimelineSpanKind.TURN:
            return f"turn {span.turn}" + (f", {span.model}" if span.model else "")
        case TimelineSpanKind.CHILD:
            started = "" if span.ref is None else f" {span.ref.agent_id} {span.ref.task_id}"
            return f"task of another agent:{started}"
        case TimelineSpanKind.QUESTION:
            return "waits: an answer to its question"
        case TimelineSpanKind.TOOL | TimelineSpanKind.EVENT:
            return f"{span.kind.value} {span.name or ''}".rstrip()


def _span(ms: int) -> str:
    """Such as ``1.2 s``, and from a minute on ``2 min 05 s``."""
    return f"{ms / 1000:.1f} s" if ms < 60_000 else format_elapsed(ms / 1000)
