"""``a2actl queue`` on a deployed stack: pause, resume and stats, also after a crash between two steps."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest

from a2a_tasks.concurrency.pause_watch import FRESH_MS
from a2a_tasks.domain.pause import Pause
from a2actl.deployment import deployment as deployment_module
from a2actl.queue.triggers import DISABLED, ENABLED, PATIENCE_SECONDS, POLL_SECONDS, Triggers
from a2actl.terminal.fault import Fault
from tests.integration.cli.terminal import API_URL, STACK, Operator, deploy, stack_outputs
from tests.integration.support import aws_calls
from tests.integration.support.account import Account

QUEUES = ("TaskQueue", "UrgentTaskQueue", "TaskDeadLetterQueue")
WORKED = QUEUES[:2]
ROLE = "arn:aws:iam::123456789012:role/worker"
TRUST = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
)


def arn(account: Account, queue: str) -> str:
    url = account.resources[queue]
    return account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]


@pytest.fixture
def mappings(account: Account) -> dict[str, str]:
    """The ids of the triggers by queue; the function is behind an alias, as in the template."""
    boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    functions = boto3.client("lambda")
    functions.create_function(
        FunctionName="worker",
        Runtime="python3.13",
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": b"none"},
        Publish=True,
    )
    functions.create_alias(FunctionName="worker", Name="live", FunctionVersion="1")
    return {
        queue: functions.create_event_source_mapping(
            FunctionName="worker:live", EventSourceArn=arn(account, queue)
        )["UUID"]
        for queue in WORKED
    }


@pytest.fixture
def operator(visitor: Operator, account: Account, monkeypatch: pytest.MonkeyPatch) -> Operator:
    urls = {f"{queue}Url": account.resources[queue] for queue in QUEUES}
    deploy(STACK, stack_outputs(account) | urls | {"ApiUrl": API_URL, "ApiId": "abc123"})
    monkeypatch.setattr(deployment_module, "Triggers", partial(Triggers, sleep=lambda _: None))
    return Operator(visitor.directory, ("--stack", STACK))


def test_a_pause_is_reported_when_every_worker_knows_of_it(
    operator: Operator, mappings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    triggers = partial(Triggers, sleep=slept.append, monotonic=lambda: 0.0)
    monkeypatch.setattr(deployment_module, "Triggers", triggers)

    operator.run("queue", "pause")

    assert slept[-1] == FRESH_MS / 1000
    assert set(states(mappings).values()) == {DISABLED}


def states(mappings: dict[str, str]) -> dict[str, str]:
    functions = boto3.client("lambda")
    return {
        queue: functions.get_event_source_mapping(UUID=found)["State"] for queue, found in mappings.items()
    }


def both(state: str) -> dict[str, str]:
    return dict.fromkeys(WORKED, state)


def test_pause_and_resume(operator: Operator, account: Account, mappings: dict[str, str]) -> None:
    paused = operator.run("queue", "pause", "--reason", "Claude is down.")
    assert paused.exit_code == 0
    assert paused.stdout.splitlines()[0].startswith("Work: paused since ")
    assert paused.stdout.splitlines()[0].endswith("(Claude is down.)")
    assert "This counts as queue time" in paused.stderr
    assert states(mappings) == both(DISABLED)
    assert account.registry.pause() is not None

    resumed = operator.run("queue", "resume")
    assert (resumed.exit_code, resumed.stdout.splitlines()[0]) == (0, "Work: running")
    assert states(mappings) == both(ENABLED)
    assert account.registry.pause() is None


def test_twice_is_as_once(operator: Operator, account: Account, mappings: dict[str, str]) -> None:
    operator.run("queue", "pause", "--reason", "first")
    first = account.registry.pause()
    assert operator.run("queue", "pause", "--reason", "second").exit_code == 0
    assert account.registry.pause() == first
    for _ in range(2):
        assert operator.run("queue", "resume").exit_code == 0
    assert states(mappings) == both(ENABLED)


def test_a_resume_that_the_sdk_repeats_is_one(
    operator: Operator, account: Account, mappings: dict[str, str]
) -> None:
    operator.run("queue", "pause")
    account.calls.fail("DeleteItem", aws_calls.Fault.SENT_TWICE)

    resumed = operator.run("queue", "resume")

    assert (resumed.exit_code, resumed.stdout.splitlines()[0]) == (0, "Work: running")
    assert states(mappings) == both(ENABLED)


class TestACrashBetweenTheTwoSteps:
    """Whoever looks sees it, and the same command again sets it right."""

    def test_of_pause(self, operator: Operator, account: Account, mappings: dict[str, str]) -> None:
        account.registry.start_pause(Pause(1))  # workers refuse already

        seen = operator.run("queue", "stats")
        assert "run `a2actl queue pause` again" in seen.stderr
        operator.run("queue", "pause")

        assert states(mappings) == both(DISABLED)

    def test_of_resume(self, operator: Operator, account: Account, mappings: dict[str, str]) -> None:
        operator.run("queue", "pause")
        account.registry.end_pause()

        seen = operator.run("queue", "stats")
        assert seen.stdout.splitlines()[0] == "Work: running"
        assert "run `a2actl queue resume` again" in seen.stderr
        operator.run("queue", "resume")

        assert states(mappings) == both(ENABLED)


@pytest.mark.usefixtures("mappings")  # which moto would have call the function, were they on
def test_stats_count_messages(operator: Operator, account: Account) -> None:
    operator.run("queue", "pause", "--reason", "a test")
    for queue, count in {"TaskQueue": 3, "UrgentTaskQueue": 1}.items():
        for _ in range(count):
            account.sqs.send_message(QueueUrl=account.resources[queue], MessageBody="{}")
    account.sqs.send_message(QueueUrl=account.resources["TaskQueue"], MessageBody="{}", DelaySeconds=900)
    account.sqs.receive_message(QueueUrl=account.resources["TaskQueue"], MaxNumberOfMessages=1)

    shown = json.loads(operator.run("queue", "stats", "--json").stdout)

    assert shown["paused"].keys() == {"since", "reason"}
    assert shown["paused"]["reason"] == "a test"
    assert shown["queues"] == [
        {"name": "tasks", "waiting": 2, "inFlight": 1, "delayed": 1, "trigger": DISABLED},
        {"name": "urgent", "waiting": 1, "inFlight": 0, "delayed": 0, "trigger": DISABLED},
        {"name": "direct", "waiting": 0, "inFlight": 0, "delayed": 0, "trigger": "none"},
        {"name": "dead letters", "waiting": 0, "inFlight": 0, "delayed": 0, "trigger": "none"},
    ]


def test_a_stack_without_triggers_is_told(operator: Operator, account: Account) -> None:
    done = operator.run("queue", "pause")
    assert done.exit_code == 2
    assert "triggers no function; deploy the stack again" in done.stderr
    assert account.registry.pause() is not None  # the first step holds


def test_a_reason_is_no_novel(operator: Operator, account: Account) -> None:
    assert operator.run("queue", "pause", "--reason", "x" * 201).exit_code == 2
    assert account.registry.pause() is None


class SlowLambda:
    """Answers like Lambda, which takes its time, and refuses a change while another is under way."""

    class exceptions:  # noqa: N801  as boto3 names it
        class ResourceInUseException(Exception):
            pass

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.state, self.until = ENABLED, 0.0
        self.wanted = ENABLED

    def get_paginator(self, _: str) -> "SlowLambda":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        if self.now >= self.until:
            self.state = self.wanted
        return [{"EventSourceMappings": [{"UUID": "one", "State": self.state}]}]

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:  # noqa: ARG002, N803
        if self.now < self.until:
            raise self.exceptions.ResourceInUseException
        self.wanted = ENABLED if Enabled else DISABLED
        self.state, self.until = "Enabling" if Enabled else "Disabling", self.now + self.seconds

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def switched(slow: SlowLambda, wanted: str, tell: Callable[[str], None]) -> None:
    client: Any = slow
    Triggers(client, lambda: slow.now, slow.sleep).switch(["arn:aws:sqs:r:1:queue"], wanted, tell)


def test_a_slow_change_is_waited_for_and_told_once() -> None:
    slow, told = SlowLambda(45), list[str]()

    switched(slow, DISABLED, told.append)

    assert slow.state == DISABLED
    assert told == ["queue is Enabled …", "queue is Disabling …"]


def test_a_change_under_way_is_waited_for_before_the_next() -> None:
    slow = SlowLambda(45)
    slow.update_event_source_mapping(UUID="one", Enabled=False)

    switched(slow, ENABLED, lambda _: None)

    assert slow.state == ENABLED


def test_what_never_changes_is_given_up() -> None:
    slow = SlowLambda(PATIENCE_SECONDS * 10)

    with pytest.raises(Fault, match="After 180 s queue is Disabling; run the same command again"):
        switched(slow, DISABLED, lambda _: None)

    assert slow.now <= PATIENCE_SECONDS + POLL_SECONDS
