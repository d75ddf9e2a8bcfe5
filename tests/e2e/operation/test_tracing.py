"""Traces of the deployed functions, as a collector gets them."""

import json

from a2a_tasks.domain.tracing.task_spans import task_span_id
from local.deployed import Project, wait_until
from tests.integration.support.collector import Collector, Recorded
from tests.integration.support.receiver import receiving

TRACE, CALLER_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_task_of_a_traced_caller_is_one_tree(project: Project, collector: Collector) -> None:
    child = json.dumps({"agent": project.agent_id, "message": "[[standin: say=42]]"})
    steps = f'tool=Read:{{"file_path": "x"}} | tool=call_agent:{child} | say=done'
    with receiving() as receiver:
        accepted = project.request(
            "POST",
            f"/a2a/{project.id_of('toolbox')}/tasks",
            json={
                "message": f"[[standin: {steps}]] e2e-tracing",
                "pushNotificationConfig": {"url": receiver.url},
            },
            headers={"traceparent": f"00-{TRACE}-{CALLER_SPAN}-01"},
        ).json()
        assert project.wait(accepted)["status"] == "completed"
        root_id = task_span_id(accepted["taskId"])
        wait_until(lambda: {"POST", root_id} <= known(collector), 60, "the spans of its end")

    # each function sends its own, so that some come after those below them
    wait_until(lambda: tops(collector) == {root_id}, 60, "one tree")
    spans = {span.span_id: span for span in collector.spans if span.trace_id == TRACE}
    assert spans[root_id].parent_id == CALLER_SPAN
    names = [span.name.split()[0] for span in spans.values()]
    assert names.count("invoke_agent") == 2
    assert names.count("chat") == 4
    assert {"submit", "wait", "attempt", "execute_tool", "POST"} <= set(names)
    assert receiver.requests[-1].headers["traceparent"].startswith(f"00-{TRACE}-")


def known(collector: Collector) -> set[str]:
    """The ids and names of the trace's spans so far."""
    spans = [span for span in collector.spans if span.trace_id == TRACE]
    return {span.span_id for span in spans} | {span.name for span in spans}


def tops(collector: Collector) -> set[str]:
    """The uppermost spans of the trace so far."""
    spans = {span.span_id: span for span in collector.spans if span.trace_id == TRACE}
    return {top_of(span, spans) for span in spans.values()}


def top_of(span: Recorded, spans: dict[str, Recorded]) -> str:
    """The uppermost span above one."""
    while span.parent_id in spans:
        span = spans[span.parent_id]
    return span.span_id
