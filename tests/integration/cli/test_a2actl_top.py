"""``a2actl top`` on a deployed stack."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from a2a_tasks.adapters.dynamodb.slots import DynamoDBSlots
from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.slots import Holder, Scope
from a2actl.top.metrics import measured
from a2actl.top.snapshot import Measured
from tests.integration.cli.terminal import STACK, Operator
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, STATES, created

FAR = 2**42


@pytest.fixture
def account(agents: Account) -> Account:
    for project_id in (PROJECT, OTHER_PROJECT):
        agents.registry.create_project(project_id, NOW)
    return agents


def look(operator: Operator, *options: str) -> dict[str, Any]:
    done = operator.run("top", "--once", "--json", *options)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def agent(found: dict[str, Any], agent_id: str) -> dict[str, Any]:
    one: dict[str, Any]
    (one,) = [each for each in found["agents"] if each["agentId"] == agent_id]
    return one


def test_tasks_are_counted_by_agent_and_status(operator: Operator, account: Account) -> None:
    for number, (status, bring) in enumerate(STATES.items()):
        for n in range(2 if status is Status.PENDING else 1):
            bring(account.store, created(account.store, NOW, number=10 * number + n), NOW)
    found = look(operator)
    assert agent(found, "assistant")["tasks"] == {
        "pending": 2,
        "running": 1,
        "input_required": 1,
        "completed": 1,
        "failed": 1,
        "canceled": 1,
    }
    assert agent(found, "assistant")["isAll"] is True
    assert agent(found, "spy")["tasks"]["pending"] == 0


def test_of_many_tasks_the_newest_are_looked_at(operator: Operator, account: Account) -> None:
    for n in range(15):
        created(account.store, NOW + n)
    found = agent(look(operator, "--newest", "10"), "assistant")
    assert (found["tasks"]["pending"], found["isAll"]) == (10, False)


def test_of_many_agents_the_first_are_shown_and_the_others_counted(
    operator: Operator, account: Account
) -> None:
    for n in range(5):
        account.add_agent(f"more-{n}")
    found = look(operator, "--agents", "2")
    assert (len(found["agents"]), found["agentsLeftOut"]) == (2, 5)
    assert {each["projectId"] for each in look(operator, "--project", OTHER_PROJECT)["agents"]} == {
        OTHER_PROJECT
    }


def test_slots_workers_and_queues(operator: Operator, account: Account) -> None:
    account.add_agent("narrow", maxConcurrentTasks=150)
    table = account.resources["TasksTable"]
    for number in (0, 1, 120):
        holder = Holder(f"task-{number}", 1, NOW)
        DynamoDBSlots(account.dynamodb, table).take(Scope("narrow"), number, holder, FAR)
    for name in ("worker-1", "worker-2"):
        workers = DynamoDBWorkers(account.dynamodb, table)
        workers.open(Lease(name, FAR, due_at=FAR))
        workers.renew(Lease(name, FAR + 1, due_at=FAR))
    account.sqs.send_message(QueueUrl=account.resources["TaskQueue"], MessageBody="{}")
    account.sqs.send_message(QueueUrl=account.resources["WecomDeadLetterQueue"], MessageBody="{}")

    found = look(operator)

    assert (agent(found, "narrow")["slotsHeld"], agent(found, "narrow")["slots"]) == (3, 150)
    assert found["workers"] == 2
    waiting = {each["queue"]: each["visible"] for each in found["queues"]}
    assert waiting["Task"] == 1
    assert waiting["dlq wecom"] == 1
    assert sum(waiting.values()) == 2


@pytest.mark.usefixtures("account")
def test_rates_and_spend_are_cloudwatch_s() -> None:
    cloudwatch = boto3.client("cloudwatch")
    now = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
    points = (
        ("TasksCreated", 2, 10.0),
        ("TasksCreated", 20, 500.0),  # too long ago for a rate
        ("CostUsd", 3, 1.25),
        ("CostUsd", 12 * 60, 2.0),
        ("CostUsd", 15 * 60, 9.0),  # yesterday
    )
    for name, minutes, value in points:
        moment = now - timedelta(minutes=minutes)
        dimensions = [{"Name": "service", "Value": "tasks"}]
        datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
        cloudwatch.put_metric_data(Namespace=f"A2ATasks/{STACK}", MetricData=[datum])
    found = measured(cloudwatch, STACK, {"Task": "TaskQueue"}, int(now.timestamp() * 1_000))
    assert found == Measured({"created": 2.0}, 3.25, {})


@pytest.mark.parametrize("seconds", [0, 30])
@pytest.mark.usefixtures("account")
def test_a_day_that_has_just_begun_has_spent_nothing(seconds: int) -> None:
    midnight = datetime(2026, 9, 21, 0, 0, seconds, tzinfo=UTC)
    found = measured(boto3.client("cloudwatch"), STACK, {}, int(midnight.timestamp() * 1_000))
    assert found == Measured({}, None, {})


def test_alarms_of_this_stack_that_ring(operator: Operator) -> None:
    cloudwatch = boto3.client("cloudwatch")
    for name, state in (
        (f"{STACK}-SweeperAlarm", "ALARM"),
        ("other-Alarm", "ALARM"),
        (f"{STACK}-Calm", "OK"),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="x",
            MetricName="x",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
            Statistic="Sum",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    assert look(operator)["alarms"] == ["SweeperAlarm"]


def test_a_look_changes_nothing_and_is_bounded(operator: Operator, account: Account) -> None:
    for n in range(300):
        created(account.store, NOW + n)
    account.calls.made.clear()
    found = look(operator)
    operations = [call.operation for call in account.calls.made]
    changing = ("Put", "Update", "Delete", "Send", "Receive", "Scan", "Transact")
    assert [operation for operation in operations if operation.startswith(changing)] == []
    assert len(operations) < 60
    assert found["cost"]["requests"] < 60
    assert 0 < found["cost"]["usd"] < 0.001
    assert found["cost"]["usdAnHour"] > found["cost"]["usd"]


def test_for_a_person_it_is_tables_with_the_price(operator: Operator, account: Account) -> None:
    created(account.store, NOW)
    done = operator.run("top")
    lines = done.stdout.splitlines()
    assert lines[0] == "0 workers · no active alarms"
    assert lines[1] == "AGENT\tPENDING\tRUNNING\tASKS\tCOMPLETED\tFAILED\tCANCELED\tSLOTS"
    assert "assistant\t1\t0\t0\t0\t0\t0\t–" in lines
    assert "QUEUE\tWAITING\tIN FLIGHT\tOLDEST" in lines
    assert done.stderr.startswith("A refresh takes ")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds between the looks of a command that is interrupted after the third."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    return slept


def test_it_looks_again_and_asks_cloudwatch_once_a_minute(
    operator: Operator, account: Account, looks: list[float]
) -> None:
    done = operator.run("top", "--json", "--every", "2")
    assert done.exit_code == 0
    assert [json.loads(line)["workers"] for line in done.stdout.splitlines()] == [0, 0, 0]
    assert looks == [2, 2, 2]
    assert len(account.calls.of("GetMetricData")) == 3
    assert len(account.calls.of("DescribeAlarms")) == 1


@pytest.mark.usefixtures("looks")
def test_an_answer_that_fails_now_and_then_does_not_end_it(operator: Operator, account: Account) -> None:
    account.calls.fail("GetQueueAttributes", Fault.THROTTLED)
    done = operator.run("top", "--json")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)


def test_three_in_a_row_do(operator: Operator, account: Account, looks: list[float]) -> None:
    account.calls.fail("GetQueueAttributes", Fault.THROTTLED, times=99)
    done = operator.run("top", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(looks) == 2


def test_it_does_not_look_more_often_than_every_two_seconds(operator: Operator) -> None:
    refused = operator.run("top", "--every", "1")
    assert refused.exit_code == 2
    assert "every" in refused.output
