"""Logs and metrics without Powertools look like those with it."""

import json
from typing import Any

import pytest

from a2a_tasks.adapters.telemetry.printed import PrintedTelemetry
from tests.twins.one_agent import OneAgent


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def telemetry(level: str = "INFO") -> PrintedTelemetry:
    return PrintedTelemetry("wecom", "A2ATasks/test", level)


def test_a_line_has_the_task_s_ids(capsys: pytest.CaptureFixture[str]) -> None:
    task = OneAgent().new()
    telemetry().event("task accepted", task, scope="agent", nothing=None)
    assert printed(capsys) == [
        {
            "level": "INFO",
            "message": "task accepted",
            "service": "wecom",
            "task_id": task.ref.task_id,
            "agent_id": "writer",
            "project_id": "demo",
            "correlation_id": "request-1",
            "scope": "agent",
        }
    ]


def test_a_problem_has_its_trace_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("odd\nvalue")
    except ValueError as error:
        telemetry().problem("callback failed", error=error)
    (line,) = printed(capsys)
    assert line["level"] == "ERROR"
    assert "ValueError: odd\nvalue" in line["exception"]


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 2), ("INFO", 2), ("WARNING", 1), ("CRITICAL", 0)])
def test_what_is_below_the_level_is_not_printed(
    capsys: pytest.CaptureFixture[str], level: str, count: int
) -> None:
    quiet = telemetry(level)
    quiet.event("news")
    quiet.problem("trouble")
    assert len(printed(capsys)) == count


def test_metrics_are_summed_and_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    counting = telemetry()
    counting.count("WecomMessages")
    counting.count("WecomMessages", 2)
    counting.count("WecomRefused", code="SIGNATURE")
    counting.milliseconds("RunTimeMs", 5)
    counting.flush()
    counting.flush()
    lines = printed(capsys)
    shown = [{name: value for name, value in line.items() if name != "_aws"} for line in lines]
    assert shown == [
        {"WecomMessages": 3, "service": "tasks"},
        {"WecomRefused": 1, "service": "tasks"},
        {"WecomRefused": 1, "service": "tasks", "code": "SIGNATURE"},
        {"RunTimeMs": 5, "service": "tasks"},
    ]
    declared = [line["_aws"]["CloudWatchMetrics"][0] for line in lines]
    assert declared[2] == {
        "Namespace": "A2ATasks/test",
        "Dimensions": [["service", "code"]],
        "Metrics": [{"Name": "WecomRefused", "Unit": "Count"}],
    }
    assert declared[3]["Metrics"] == [{"Name": "RunTimeMs", "Unit": "Milliseconds"}]
