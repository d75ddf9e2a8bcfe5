"""Checks of the smoke test that an emulator skips, against moto, a small gateway and scripted clients."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from a2actl.deployment.stack import Stack
from tests.integration.cli.terminal import API_URL, STACK, deploy, stack_outputs
from tests.integration.support.account import Account
from tests.smoke.check import Failed, Skipped
from tests.smoke.checks import dead_letters, gateway, telemetry, updates, workers
from tests.smoke.receiver import LoopbackReceiver
from tests.smoke.run import Run
from tests.smoke.target import Target
from tests.smoke.tenant import Tenant
from tests.smoke.time_limit import TimeLimit

NAMESPACE, WORKER = "A2ATasks/test", "a2a-tasks-test-worker"
THROTTLED = {"error": "Too many requests.", "code": "RATE_LIMIT_EXCEEDED"}


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time_limit(self, seconds: float = 1_000) -> TimeLimit:
        return TimeLimit(seconds, lambda: self.now, self.sleep)


@pytest.fixture
def run(account: Account, monkeypatch: pytest.MonkeyPatch) -> Run:
    deploy(STACK, stack_outputs(account) | {"ApiUrl": API_URL, "ApiId": "abc", "WorkerFunctionName": WORKER})
    monkeypatch.setattr(Target, "metric_namespace", NAMESPACE)
    monkeypatch.setattr(Target, "parameters", {"Stage": "test", "LogLevel": "INFO", "RetentionDays": "7"})
    target = Target.of(Stack(STACK))
    started = datetime.now(UTC).timestamp() - 120
    return Run(target, Tenant(target, "smoke-1", "key"), LoopbackReceiver(), Time().time_limit(), started)


def count(namespace: str, metric: str, value: float, **dimensions: str) -> None:
    named = [{"Name": name, "Value": of} for name, of in dimensions.items()]
    data: Any = [{"MetricName": metric, "Value": value, "Dimensions": named, "Timestamp": datetime.now(UTC)}]
    boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def test_metrics_are_summed_and_one_that_does_not_come_is_named(run: Run) -> None:
    for metric in telemetry.METRICS[:-1]:
        count(NAMESPACE, metric, 2, service="tasks")
    with pytest.raises(TimeoutError, match="Sweeps in A2ATasks/test did not happen within 240 s"):
        telemetry.counted(run)

    count(NAMESPACE, "Sweeps", 3, service="tasks")
    assert telemetry.counted(run).endswith("WebhooksDelivered 2, Sweeps 3")


def test_an_invocation_that_was_dropped_as_recursive_fails(run: Run) -> None:
    count("AWS/Lambda", "Invocations", 25, FunctionName=WORKER)
    assert "zero after 25 invocations" in telemetry.not_recursive(run)

    count("AWS/Lambda", "RecursiveInvocationsDropped", 1, FunctionName=WORKER)
    with pytest.raises(Failed, match="dropped 1 invocations as recursive"):
        telemetry.not_recursive(run)


def test_an_alarm_counts_only_if_this_run_has_raised_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "physical", lambda *_: "dead")
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="dead", MetricName="TasksDeadLettered", Namespace=NAMESPACE, Statistic="Sum", Period=300,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    with pytest.raises(TimeoutError, match="the alarm dead did not happen"):
        dead_letters.alarm(run)

    cloudwatch.set_alarm_state(AlarmName="dead", StateValue="ALARM", StateReason="a test")
    later = replace(run, started_at=run.started_at + 3_600)
    with pytest.raises(Skipped, match="before the run"):
        dead_letters.alarm(later)
    assert "nobody: set AlarmEmail" in dead_letters.alarm(run)


@contextmanager
def serving(lets_through: int, refusal: dict[str, str], **headers: str) -> Iterator[str]:
    """A gateway that lets so many requests through, refuses the next hundred, and has recovered then."""
    answered, lock = [0], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                answered[0] += 1
                is_refused = lets_through < answered[0] <= lets_through + 100
            body = json.dumps(refusal if is_refused else {"status": "ok"}).encode()
            self.send_response(429 if is_refused else 200)
            sent = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in (sent | (headers if is_refused else {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def throttled(run: Run, monkeypatch: pytest.MonkeyPatch, url: str, rate: float, burst: int) -> str:
    settings = {"*/*": {"throttlingRateLimit": rate, "throttlingBurstLimit": burst}}
    stage = SimpleNamespace(get_stage=lambda **_: {"methodSettings": settings})
    monkeypatch.setattr(Target, "client", lambda *_: stage)
    return gateway.throttling(replace(run, target=replace(run.target, api_url=url, endpoint_url="local")))


def test_a_burst_is_throttled_and_recovered_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(50, THROTTLED, **{"Retry-After": "1"}) as url:
        assert "100 times 429 with Retry-After, then 200 again" in throttled(run, monkeypatch, url, 0.1, 100)


@pytest.mark.parametrize(
    ("lets_through", "refusal", "headers", "problem"),
    [
        (10**6, THROTTLED, {}, "none was throttled"),
        (50, THROTTLED, {}, "had no Retry-After"),
        (50, {"message": "Too Many Requests"}, {"Retry-After": "1"}, "not error and code"),
    ],
)
def test_what_is_wrong_with_throttling_is_said(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    lets_through: int,
    refusal: dict[str, str],
    headers: dict[str, str],
    problem: str,
) -> None:
    with serving(lets_through, refusal, **headers) as url, pytest.raises(Failed, match=problem):
        throttled(run, monkeypatch, url, 0.1, 100)


def test_a_limit_that_takes_too_many_requests_is_not_tried(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Skipped, match="500 at once and 200 a second"):
        throttled(run, monkeypatch, "http://127.0.0.1:1", 200, 500)


@dataclass
class Lambda:
    """One function's timeout by version, and each that was live. ``$LATEST`` is called by nobody."""

    timeouts: dict[str, int] = field(default_factory=lambda: {"$LATEST": 900, "1": 900})
    live: str = "1"
    given: list[int] = field(default_factory=list)

    def get_function_configuration(self, Qualifier: str = "$LATEST", **_: Any) -> dict[str, Any]:  # noqa: N803
        version = self.live if Qualifier == "live" else Qualifier
        return {"Timeout": self.timeouts[version], "LastUpdateStatus": "Successful", "State": "Active"}

    def update_function_configuration(self, **change: Any) -> None:
        self.timeouts["$LATEST"] = change["Timeout"]

    def publish_version(self, **_: Any) -> dict[str, str]:
        version = str(len(self.timeouts))
        self.timeouts[version] = self.timeouts["$LATEST"]
        return {"Version": version}

    def get_alias(self, **_: Any) -> dict[str, str]:
        return {"FunctionVersion": self.live}

    def update_alias(self, **change: Any) -> None:
        self.live = change["FunctionVersion"]
        self.given.append(self.timeouts[self.live])


@dataclass
class Stacks:
    """One stack, whose next updates end as ``ends`` says; ``levels`` are what they were given."""

    ends: list[str]
    levels: list[str] = field(default_factory=list)
    status: str = "UPDATE_COMPLETE"

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def update_stack(self, **change: Any) -> None:
        values = {entry["ParameterKey"]: entry for entry in change["Parameters"]}
        self.levels.append(values["LogLevel"]["ParameterValue"])
        assert values["RetentionDays"]["UsePreviousValue"]
        self.status = self.ends.pop(0)


def answering(**task: Any) -> Callable[..., dict[str, Any]]:
    return lambda *_, **__: {"taskId": "1", "checkUrl": "/1", **task}


def test_a_workers_timeout_is_put_back_whatever_happens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Lambda()
    monkeypatch.setattr(Target, "client", lambda *_: functions)
    monkeypatch.setattr(Tenant, "submit", answering())
    monkeypatch.setattr(Tenant, "get", answering(status="pending"))
    with pytest.raises(TimeoutError, match="in running"):
        workers.out_of_time(run)
    assert functions.given == [workers.SHORT_SECONDS, 900]

    monkeypatch.setattr(Tenant, "wait", answering(status="completed", attempts=2))
    assert "completed in attempt 2" in workers.out_of_time(run)
    assert (functions.live, functions.timeouts["$LATEST"]) == ("1", 900)


def test_a_killed_runs_timeout_is_put_back_by_clean(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    short = workers.SHORT_SECONDS
    functions = Lambda({"$LATEST": short, "1": 900, "2": short}, live="2")
    monkeypatch.setattr(Target, "client", lambda *_: functions)
    monkeypatch.setattr(Target, "parameters", {"WorkerTimeoutSeconds": "600"})
    for _ in range(2):
        workers.restore_timeout(run.target)
    assert functions.given == [600]


def updated(run: Run, monkeypatch: pytest.MonkeyPatch, stacks: Stacks) -> str:
    monkeypatch.setattr(Target, "client", lambda *_: cast(Any, stacks))
    monkeypatch.setattr(Tenant, "get", answering(status="completed"))
    return updates.under_load(run)


def test_the_log_level_is_put_back_also_if_the_update_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tenant, "submit", answering())
    stacks = Stacks(["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"])
    with pytest.raises(Failed, match="ended as UPDATE_ROLLBACK_COMPLETE"):
        updated(run, monkeypatch, stacks)
    assert stacks.levels == ["DEBUG", "INFO"]
    assert "tasks completed" in updated(run, monkeypatch, Stacks(["UPDATE_COMPLETE"] * 2))


def test_a_task_that_is_not_taken_during_an_update_fails_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Failed("POST answered 502")

    monkeypatch.setattr(Tenant, "submit", refuse)
    with pytest.raises(Failed, match=r"4 of 4 tasks were refused: .*502"):
        updated(run, monkeypatch, Stacks(["UPDATE_COMPLETE"] * 2))
