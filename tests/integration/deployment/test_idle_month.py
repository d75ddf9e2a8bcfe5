"""What a deployment costs in a month in which nobody calls it, without its alarms: what the template keeps,
and what its schedules do, run here on an empty account."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from bench.bill.part import BYTES_PER_GB
from bench.bill.prices import PRICES, Unit
from local.preflight.target import Target
from tests.integration.support.account import Account
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

MOST_USD = 5
USD = {
    "SQS request": PRICES[Unit.SQS_REQUESTS].each,
    "key": PRICES[Unit.KMS_KEYS].each,
    "secret": PRICES[Unit.SECRETS].each,
    "dashboard": PRICES[Unit.DASHBOARDS].each,
    "metric": PRICES[Unit.METRICS].each,
    "scheduled call": PRICES[Unit.SCHEDULED_CALLS].each,
    "invocation": PRICES[Unit.INVOCATIONS].each,
    "GB-second": PRICES[Unit.GB_SECONDS].each,
    "write unit": PRICES[Unit.WRITE_UNITS].each,
    "read unit": PRICES[Unit.READ_UNITS].each,
    "listing": PRICES[Unit.S3_PUTS].each,
    "log byte": PRICES[Unit.LOG_GB].each / BYTES_PER_GB,
}
SECONDS = 730 * 3_600
POLLERS, POLL_SECONDS = 5, 20
"""Of each queue's event source, and how long each asks an empty queue: docs.aws.amazon.com/lambda,
services-sqs-scaling. Reading a table's stream is free."""
CALL_SECONDS = 0.3
"""A call of a scheduled function that finds nothing, on Lambda; here it takes less."""
LOG_OVERHEAD, PLATFORM_BYTES = 26, 400
"""Of an event, and of Lambda's own lines about a call."""
FREE_LINES = 50
EVERY = {"rate(1 minute)": 60, "rate(1 hour)": 3_600}
WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
READS = {"GetItem", "Query"}
LISTINGS = {"ListObjectsV2"}


@dataclass
class Month:
    """USD by what it is for."""

    usd: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, count: float, unit: str) -> None:
        self.usd[what] = self.usd.get(what, 0) + count * USD[unit]


def kept(target: Target, month: Month) -> None:
    """What is paid for being there."""
    queues = [
        source
        for source in target.of_type("AWS::Lambda::EventSourceMapping").values()
        if "StartingPosition" not in source
    ]
    month.add("polling", len(queues) * POLLERS * SECONDS / POLL_SECONDS, "SQS request")
    month.add("key", len(target.of_type("AWS::KMS::Key")), "key")
    month.add("secret", len(target.of_type("AWS::SecretsManager::Secret")), "secret")
    for dashboard in target.of_type("AWS::CloudWatch::Dashboard").values():
        widgets = json.loads(dashboard["DashboardBody"])["widgets"]
        lines = sum(len(item["properties"].get("metrics", ())) for item in widgets)
        month.add("dashboard", int(lines > FREE_LINES), "dashboard")


def done(
    name: str, calls: float, memory_mb: int, account: Account, printed: list[str], month: Month
) -> set[str]:
    """What so many calls of a function are paid like the one that was made. The metrics that it published."""
    month.add("schedules", calls, "scheduled call")
    month.add("schedules", calls, "invocation")
    month.add("schedules", calls * CALL_SECONDS * memory_mb / 1_024, "GB-second")
    made = [call.operation for call in account.calls.made]
    assert set(made) <= WRITES | READS | LISTINGS, f"{name} does what has no price here"
    month.add("schedules", calls * sum(operation in WRITES for operation in made), "write unit")
    month.add("schedules", calls * sum(operation in READS for operation in made), "read unit")
    month.add("schedules", calls * sum(operation in LISTINGS for operation in made), "listing")
    size = PLATFORM_BYTES + sum(len(line.encode()) + LOG_OVERHEAD for line in printed)
    month.add("logs", calls * size, "log byte")
    lines: list[dict[str, Any]] = [json.loads(line) for line in printed]
    return {
        metric["Name"]
        for line in lines
        for declared in line.get("_aws", {}).get("CloudWatchMetrics", ())
        for metric in declared["Metrics"]
    }


def test_an_idle_month_costs_five_dollars_at_most(
    account: Account, start: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    target, month, metrics = Target.of_environment("prod"), Month(), set[str]()
    kept(target, month)
    functions = target.of_type("AWS::Lambda::Function")
    for name, schedule in target.of_type("AWS::Scheduler::Schedule").items():
        logical_id, short = name.partition("Every")[0], name.partition("Function")[0].lower()
        function = start(short)
        account.calls.made.clear()
        capsys.readouterr()
        function.handler(load_event(f"{short}_schedule"), LambdaContext())
        calls = SECONDS / EVERY[schedule["ScheduleExpression"]]
        memory_mb, printed = int(functions[logical_id]["MemorySize"]), capsys.readouterr().out.splitlines()
        metrics |= done(short, calls, memory_mb, account, printed, month)
    month.add("metrics", len(metrics), "metric")

    assert month.usd.keys() == {"polling", "key", "secret", "dashboard", "schedules", "logs", "metrics"}
    assert sum(month.usd.values()) <= MOST_USD, month.usd
