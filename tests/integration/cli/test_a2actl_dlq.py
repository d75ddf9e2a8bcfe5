"""``a2actl dlq`` on a deployed stack: SQS on moto, which moves no messages by itself."""

import json
import time
from typing import Any

import pytest

from a2a_tasks.adapters.sqs.timed_queue import SQSTimedQueue
from a2a_tasks.ports.queues import TimedDelivery
from a2actl.dead_letters.moving import MessageMove, NotSupported
from a2actl.deployment.account import Account as OperatorAccount
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault

DEAD = {
    "tasks": "TaskDeadLetterQueue",
    "notifications": "NotificationDeadLetterQueue",
    "wecom": "WecomDeadLetterQueue",
    "notifier": "NotifierDeadLetterQueue",
    "schedules": "ScheduleDeadLetterQueue",
}
TASK_ID = "0197a4e0-0000-7000-8000-000000000001"
BODY = json.dumps({"agentId": "assistant", "taskId": TASK_ID})
LATER_MS = 3_600_000


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AWS moves no messages the command does."""

    def unsupported(*_: Any) -> int:
        raise NotSupported

    monkeypatch.setattr(MessageMove, "run", unsupported)


def add_dead_letters(
    account: Account, queue: str, *bodies: str, group: str | None = "demo", **attributes: str
) -> None:
    grouped: dict[str, Any] = {} if group is None else {"MessageGroupId": group}
    for body in bodies:
        account.sqs.send_message(
            QueueUrl=account.resources[DEAD[queue]],
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
            **grouped,
        )


def counts(account: Account, queue: str) -> tuple[int, int]:
    found = account.message_counts(DEAD[queue])
    return found["visible"], found["in_flight"]


def shown(operator: Operator, queue: str, *options: str) -> list[dict[str, Any]]:
    done = operator.run("dlq", "show", queue, "--json", *options)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def bodies(records: list[dict[str, Any]]) -> set[str]:
    return {record["body"] for record in records}


# ---------------------------------------------------------------- list and show


def test_list_has_every_queue_with_its_count_and_age(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "wecom", BODY, "b")
    done = operator.run("dlq", "list", "--json")
    listed = {row["queue"]: row for row in json.loads(done.stdout)}
    assert set(listed) == set(DEAD)
    assert listed["wecom"]["messages"] == 2
    assert 0 <= listed["wecom"]["oldestSeconds"] < 60
    assert listed["tasks"] | {"holds": ""} == {
        "queue": "tasks",
        "messages": 0,
        "inFlight": 0,
        "oldestSeconds": None,
        "canRedrive": True,
        "holds": "",
        "runbook": "docs/runbook/dead-letters.md",
    }
    assert [row["canRedrive"] for name, row in listed.items() if name in ("notifier", "schedules")] == [
        False
    ] * 2
    assert counts(account, "wecom") == (2, 0), "looking at their age has taken none"


def test_the_age_in_a_long_queue_is_what_cloudwatch_says(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "tasks", *(f"{n}" for n in range(11)))
    done = operator.run("dlq", "list", "--json")
    (row,) = [row for row in json.loads(done.stdout) if row["queue"] == "tasks"]
    assert (row["messages"], row["oldestSeconds"]) == (11, None), "it has no data yet"
    assert account.calls.of("ReceiveMessage") == []
    (asked,) = account.calls.of("GetMetricStatistics")
    assert asked.parameters["Dimensions"] == [{"Name": "QueueName", "Value": "TaskDeadLetterQueue"}]


def test_show_takes_none_and_cuts_long_ones(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "notifications", "x" * 5_000, reason="the receiver answered 503")
    (message,) = shown(operator, "notifications")
    assert (message["reason"], message["groupId"], message["cut"]) == (
        "the receiver answered 503",
        "demo",
        True,
    )
    assert message["body"] == "x" * 2_000
    (whole,) = shown(operator, "notifications", "--full")
    assert whole["body"] == "x" * 5_000
    assert counts(account, "notifications") == (1, 0)


def test_show_names_the_task_or_the_function(operator: Operator, account: Account) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:a2a-tasks-test-sweeper:$LATEST"
    call = {"requestContext": {"functionArn": arn, "condition": "RetriesExhausted"}, "requestPayload": {}}
    add_dead_letters(account, "tasks", BODY)
    add_dead_letters(account, "schedules", json.dumps(call))
    (_, row) = operator.run("dlq", "show", "tasks").stdout.splitlines()
    assert row.split("\t")[2:] == [TASK_ID, "assistant", "received too often"]
    of_schedules = operator.run("dlq", "show", "schedules")
    row = of_schedules.stdout.splitlines()[1]
    assert row.split("\t")[2:] == ["–", "a2a-tasks-test-sweeper", "RetriesExhausted"]
    assert "nothing has to be sent again" in of_schedules.stderr


def test_show_has_an_end_in_a_long_queue(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "tasks", *(f"{n}" for n in range(25)))
    assert len(shown(operator, "tasks", "--limit", "12")) == 12
    assert counts(account, "tasks") == (25, 0)


# ---------------------------------------------------------------- redrive


def test_redrive_sends_everything_again_as_it_was(operator: Operator, account: Account) -> None:
    add_dead_letters(
        account, "tasks", *(f"{n}" for n in range(23)), correlationId="request-1", reason="because"
    )
    done = operator.run("dlq", "redrive", "tasks", "--all")
    assert (done.exit_code, done.stdout) == (0, "tasks: 23 messages sent again.\n")
    assert counts(account, "tasks") == (0, 0)
    found = [record for _ in range(3) for record in account.receive("TaskQueue")]
    assert bodies(found) == {f"{n}" for n in range(23)}
    for record in found:
        assert record["attributes"]["MessageGroupId"] == "demo"
        names = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
        assert names == {"correlationId": "request-1"}, "the reason was of its earlier life"


def test_redrive_of_some_leaves_the_others_visible(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "wecom", "a", "b", "c")
    (chosen,) = [message["id"] for message in shown(operator, "wecom") if message["body"] == "b"]
    done = operator.run("dlq", "redrive", "wecom", "--id", chosen)
    assert done.stdout == "wecom: 1 message sent again.\n"
    assert bodies(account.receive("WecomQueue")) == {"b"}
    assert counts(account, "wecom") == (2, 0)


def test_an_id_that_is_not_there_is_told(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "wecom", "a")
    done = operator.run("dlq", "redrive", "wecom", "--id", "nothing")
    assert done.stdout == "wecom: 0 messages sent again.\n"
    assert "Not found: 1 of the ids" in done.stderr
    assert counts(account, "wecom") == (1, 0)


def test_a_message_that_fails_again_at_once_is_not_sent_again_for_ever(
    operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker beside the command buries what it has just sent again."""
    add_dead_letters(account, "notifications", "poison")
    queues = (account.resources["NotificationQueue"], account.resources["NotificationDeadLetterQueue"])
    send, sent = account.sqs.send_message, list[str]()

    def dead_lettered(**arguments: Any) -> Any:
        answer = send(**arguments)
        if arguments["QueueUrl"] == queues[0] and len(sent) < 100:
            sent.append(arguments["MessageBody"])
            dead: TimedDelivery[Any] = TimedDelivery("", "", arguments["MessageBody"], "demo", None, 0, 1)
            SQSTimedQueue(account.sqs, *queues).dead_letter(dead, "poison")
        return answer

    monkeypatch.setattr(account.sqs, "send_message", dead_lettered)
    monkeypatch.setattr(OperatorAccount, "sqs", lambda _: account.sqs)
    monkeypatch.setattr("a2actl.dead_letters.selection.LATEST_MS", -1)
    time.sleep(0.002)  # moto's clock has milliseconds, and what was there is older than the command
    done = operator.run("dlq", "redrive", "notifications", "--all")
    assert done.stdout == "notifications: 1 message sent again.\n"
    assert counts(account, "notifications") == (1, 0)


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_redrive_that_breaks_off_loses_nothing(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    add_dead_letters(account, "tasks", "a", "b", "c")
    account.calls.fail_nth(operation, 2, fault)
    assert operator.run("dlq", "redrive", "tasks", "--all").exit_code == 2
    _, in_flight = counts(account, "tasks")
    found = bodies(account.receive("TaskQueue")) | bodies(account.receive(DEAD["tasks"]))
    assert len(found) + in_flight >= 3
    assert in_flight <= 1, "only the one that was being moved"


@pytest.mark.parametrize("queue", ["notifier", "schedules"])
def test_what_no_queue_takes_cannot_be_sent_again(operator: Operator, account: Account, queue: str) -> None:
    add_dead_letters(account, queue, "{}")
    refused = operator.run("dlq", "redrive", queue, "--all")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"Messages of {queue} cannot be sent again" in refused.stderr
    assert counts(account, queue) == (1, 0)


@pytest.mark.parametrize("command", ["redrive", "drop"])
@pytest.mark.parametrize("options", [(), ("--all", "--id", "x")])
def test_which_messages_must_be_said(operator: Operator, command: str, options: tuple[str, ...]) -> None:
    refused = operator.run("dlq", command, "tasks", *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--id" in refused.stderr
    assert "--all" in refused.stderr


def test_an_unknown_queue_is_refused_with_the_names(operator: Operator) -> None:
    refused = operator.run("dlq", "show", "nonsense")
    assert refused.exit_code == 2
    assert "notifications" in refused.output


# ---------------------------------------------------------------- drop


def test_drop_asks_and_does_nothing_unless_somebody_agrees(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "schedules", "a", "b")
    refused = operator.run("dlq", "drop", "schedules", "--all")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "Drop 2 messages of schedules permanently? There is no terminal to confirm; use --yes.\n"
    )
    assert counts(account, "schedules") == (2, 0)


def test_drop_deletes_what_was_there(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "schedules", *(f"{n}" for n in range(12)))
    done = operator.run("dlq", "drop", "schedules", "--all", "--yes")
    assert done.stdout == "schedules: 12 messages dropped.\n"
    assert counts(account, "schedules") == (0, 0)


def test_drop_of_some(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "schedules", "a", "b", "c")
    ids = [message["id"] for message in shown(operator, "schedules") if message["body"] != "b"]
    operator.run("dlq", "drop", "schedules", "--id", ids[0], "--id", ids[1], "--yes")
    assert [message["body"] for message in shown(operator, "schedules")] == ["b"]


def test_drop_keeps_to_its_limit(operator: Operator, account: Account) -> None:
    add_dead_letters(account, "schedules", "a", "b", "c")
    done = operator.run("dlq", "drop", "schedules", "--all", "--limit", "2", "--yes")
    assert done.stdout == "schedules: 2 messages dropped.\n"
    assert counts(account, "schedules") == (1, 0)
