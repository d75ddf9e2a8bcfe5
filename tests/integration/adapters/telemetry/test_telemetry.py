"""Logs and metrics as CloudWatch reads them: the exact lines."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from a2a_tasks.adapters.telemetry.powertools import PowertoolsTelemetry
from tests.integration.support.stored_task import new_task

TASK = new_task()


@pytest.fixture
def log() -> StringIO:
    return StringIO()


@pytest.fixture
def telemetry(log: StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowertoolsTelemetry]:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "A2ATasks/test")
    yield PowertoolsTelemetry(Logger(service="telemetry-test", stream=log))
    logging.Logger.manager.loggerDict.pop("telemetry-test")


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_metrics_of_one_flush_are_one_line(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.count("TasksCreated")
    telemetry.count("TasksCreated", 2)
    telemetry.milliseconds("RunTimeMs", 1_500)
    telemetry.flush()

    (line,) = printed(capsys)
    timestamp = line["_aws"].pop("Timestamp")
    assert timestamp > 1_700_000_000_000
    assert line == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "A2ATasks/test",
                    "Dimensions": [["service"]],
                    "Metrics": [
                        {"Name": "TasksCreated", "Unit": "Count"},
                        {"Name": "RunTimeMs", "Unit": "Milliseconds"},
                    ],
                }
            ]
        },
        "service": "tasks",
        "TasksCreated": [1.0, 2.0],
        "RunTimeMs": [1_500.0],
    }


def test_metrics_are_collected_for_a_while_but_not_beyond_an_invocation(
    log: StringIO, telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    logger = Logger(service="telemetry-test", stream=log)
    telemetry = PowertoolsTelemetry(logger, seconds_between=10, ticks=lambda: now)
    telemetry.count("TasksCompleted")
    now += 9
    telemetry.count("TasksCompleted")
    telemetry.flush()
    assert printed(capsys) == []
    now += 1
    telemetry.flush()
    assert [line["TasksCompleted"] for line in printed(capsys)] == [[1.0, 1.0]]
    telemetry.count("TasksCompleted")
    telemetry.flush()
    assert printed(capsys) == []
    telemetry.end_invocation()
    assert [line["TasksCompleted"] for line in printed(capsys)] == [[1.0]]
    telemetry.end_invocation()
    assert printed(capsys) == []


def test_a_code_makes_a_second_series(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.count("TasksFailed", code="TIMEOUT")
    telemetry.flush()

    by_code, total = printed(capsys)
    assert by_code["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "A2ATasks/test",
            "Dimensions": [["service", "code"]],
            "Metrics": [{"Name": "TasksFailed", "Unit": "Count"}],
        }
    ]
    assert (by_code["service"], by_code["code"], by_code["TasksFailed"]) == ("tasks", "TIMEOUT", [1.0])
    assert total["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert "code" not in total


def test_nothing_is_printed_twice_and_nothing_for_nothing(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.flush()
    telemetry.count("Sweeps")
    telemetry.flush()
    telemetry.flush()

    assert len(printed(capsys)) == 1


def test_another_functions_metrics_do_not_mix_in(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    EphemeralMetrics(namespace="Other", service="other").add_metric("Foreign", unit="Count", value=1)
    telemetry.count("Own")
    telemetry.flush()

    (line,) = printed(capsys)
    assert "Foreign" not in line


def test_no_count_is_lost_between_threads(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(n: int) -> None:
        for _ in range(50):
            telemetry.count("Counted")
            telemetry.count("TasksFailed", code=f"CODE_{n}")
        telemetry.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    telemetry.flush()

    lines = printed(capsys)
    assert sum(sum(line.get("Counted", [])) for line in lines) == 400
    for n in range(8):
        assert sum(sum(line["TasksFailed"]) for line in lines if line.get("code") == f"CODE_{n}") == 50


def test_more_values_than_emf_takes_in_one_line_are_all_there(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(250):
        telemetry.count("Counted")
    telemetry.flush()

    lines = printed(capsys)
    assert sum(sum(line["Counted"]) for line in lines) == 250
    assert max(len(line["Counted"]) for line in lines) <= 100


def test_metrics_that_are_switched_off_are_not_printed(
    telemetry: PowertoolsTelemetry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    telemetry.count("TasksFailed", code="TIMEOUT")
    telemetry.flush()

    assert printed(capsys) == []


def test_a_log_line_carries_the_tasks_ids(telemetry: PowertoolsTelemetry, log: StringIO) -> None:
    telemetry.event("task running", TASK, attempt=1, nothing=None)

    line = json.loads(log.getvalue())
    assert (line["level"], line["message"], line["attempt"]) == ("INFO", "task running", 1)
    assert line["task_id"] == TASK.ref.task_id
    assert line["agent_id"] == TASK.ref.agent_id
    assert (line["project_id"], line["correlation_id"]) == (TASK.project_id, TASK.correlation_id)
    assert "nothing" not in line
    assert TASK.input.inline
    assert "hello" not in json.dumps(line)


def test_a_problem_has_its_trace(telemetry: PowertoolsTelemetry, log: StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        telemetry.problem("it broke", error=error, reason="why")

    line = json.loads(log.getvalue())
    assert (line["level"], line["message"], line["reason"]) == ("ERROR", "it broke", "why")
    assert line["exception_name"] == "ValueError"
    assert "broken" in line["exception"]


def test_a_reason_that_is_a_word_of_the_logger_is_still_logged(
    telemetry: PowertoolsTelemetry, log: StringIO
) -> None:
    telemetry.problem("not swept", shard=3, reason="throttled")

    line = json.loads(log.getvalue())
    assert (line["shard"], line["reason"]) == (3, "throttled")
