"""Trace context as callers send it: what is kept, and what is as if it had not been sent."""

import pytest

from a2a_tasks.domain.tracing.trace_context import MAX_STATE, TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_what_a_caller_sends_is_sent_on() -> None:
    context = TraceContext.of(PARENT, "congo=t61rcWkgMzE, rojo=00f0 ,")

    assert context == TraceContext(TRACE, SPAN, is_sampled=True, state="congo=t61rcWkgMzE,rojo=00f0")
    assert context.to_headers() == [
        ("traceparent", PARENT),
        ("tracestate", "congo=t61rcWkgMzE,rojo=00f0"),
    ]


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_of_the_flags_one_says_that_it_is_recorded(flags: str, *, is_sampled: bool) -> None:
    context = TraceContext.of(f"00-{TRACE}-{SPAN}-{flags}", None)

    assert context is not None
    assert context.is_sampled is is_sampled


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    context = TraceContext.of(f"01-{TRACE}-{SPAN}-01-more", None)

    assert context is not None
    assert context.traceparent == PARENT


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\r\nX-Injected: yes",
        "00-" + "a" * 100_000,
    ],
)
def test_garbage_is_ignored(traceparent: str | None) -> None:
    assert TraceContext.of(traceparent, "congo=t61rcWkgMzE") is None


@pytest.mark.parametrize(
    "state",
    [
        "a=" + "x" * MAX_STATE,
        ",".join(f"k{n}=v" for n in range(33)),
        "no value",
        "UPPER=1",
        "a=b\r\nX-Injected: yes",
        "a=值",
        "a=1,b",
    ],
)
def test_of_a_bad_state_nothing_is_kept_but_the_rest_is(state: str) -> None:
    assert TraceContext.of(PARENT, state) == TraceContext(TRACE, SPAN, is_sampled=True)
