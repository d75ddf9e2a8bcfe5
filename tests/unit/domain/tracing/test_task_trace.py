"""Which tasks are recorded, and what others are told of their traces."""

from a2a_tasks.domain import ids
from a2a_tasks.domain.tracing.task_trace import TaskTrace
from a2a_tasks.domain.tracing.trace_context import TraceContext
from tests.twins.entropy import SeededEntropy

CALLER = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", is_sampled=True, state="a=1")
TASK = ids.task_id(1_700_000_000_000, b"0123456789")
OWN = "00000000000000aa"


def test_without_a_caller_s_the_trace_has_the_digits_of_the_task_s_id() -> None:
    trace = TaskTrace.of_new_task(TASK, None, 1.0)

    assert trace == TaskTrace(TASK.replace("-", ""), None, is_recorded=True)


def test_while_tracing_is_off_only_a_caller_s_trace_is_kept_and_passed_on_unchanged() -> None:
    trace = TaskTrace.of_new_task(TASK, CALLER, None)

    assert TaskTrace.of_new_task(TASK, None, None) is None
    assert trace is not None
    assert not trace.is_recorded
    assert trace.context(OWN) == CALLER
    assert trace.under(OWN).context(OWN) == CALLER


def test_of_a_recorded_trace_others_are_told_the_span_that_calls_them() -> None:
    trace = TaskTrace.of_new_task(TASK, CALLER, 1.0)

    assert trace is not None
    assert trace.context(OWN) == TraceContext(CALLER.trace_id, OWN, is_sampled=True, state="a=1")


def test_of_a_caller_that_records_nothing_nothing_is_recorded() -> None:
    caller = TraceContext(CALLER.trace_id, CALLER.span_id, is_sampled=False)

    trace = TaskTrace.of_new_task(TASK, caller, 1.0)

    assert trace is not None
    assert not trace.is_recorded


def test_the_operator_s_share_holds_against_a_caller_that_wants_all_recorded() -> None:
    """100,000 tasks with the flag set and a trace id that samplers of trace ids would always choose."""
    entropy = SeededEntropy(17)
    greedy = TraceContext("f" * 16 + "0" * 15 + "1", CALLER.span_id, is_sampled=True)

    traces = (TaskTrace.of_new_task(ids.task_id(n, entropy.bytes(10)), greedy, 0.01) for n in range(100_000))

    assert 800 < sum(trace is not None and trace.is_recorded for trace in traces) < 1200


def test_what_a_task_starts_shares_its_decision() -> None:
    for share in (0.0, 1.0):
        trace = TaskTrace.of_new_task(TASK, CALLER, share)
        assert trace is not None
        assert trace.under(OWN).is_recorded is trace.is_recorded


def test_it_is_stored_whole() -> None:
    for trace in (TaskTrace.of_new_task(TASK, CALLER, 1.0), TaskTrace.of_new_task(TASK, None, 0.0)):
        assert trace is not None
        stored = TaskTrace.of_stored(trace.traceparent, trace.state, is_recorded=trace.is_recorded)
        assert stored == trace
