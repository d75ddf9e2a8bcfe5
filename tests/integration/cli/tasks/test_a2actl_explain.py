"""``a2actl tasks explain`` on a deployed stack, of tasks that the real worker has done with the stand-in."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState
from a2a_tasks.domain.webhooks.push import StoredPushConfig
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, WORKER, claimed, created, failed
from tests.integration.support.worker import Worker

FAR = NOW + 10 * 365 * 86_400_000
TOOLS = ["Write", "report_progress"]


def explain(operator: Operator, task: Task, *options: str) -> Any:
    done = operator.run("tasks", "explain", task.ref.task_id, *options)
    assert done.exit_code == 0, done.output
    return done


def as_json(operator: Operator, task: Task) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(explain(operator, task, "--json").stdout)
    return found


@pytest.fixture
def done(worker: Worker) -> Task:
    """A task that has used a tool and completed."""
    worker.account.add_agent(AGENT, PROJECT, allowedTools=TOOLS)
    written = json.dumps({"file_path": "notes.md", "content": "SECRET"})
    task = worker.accept(f"[[standin: tool=Write:{written} | say=SECRET]]", agent_revision=2)
    worker.work()
    return task


def test_a_sentence_then_the_task_then_its_course(operator: Operator, done: Task) -> None:
    lines = explain(operator, done).stdout.splitlines()
    assert lines[0].startswith("It completed, after ")
    fields = dict(line.split(":", 1) for line in lines[2:] if ":" in line)
    assert (fields["Task"].strip(), fields["Project"].strip()) == (done.ref.task_id, PROJECT)
    begin = lines.index("AFTER\tTOOK\tWHAT\tHOW\tUSED")
    course = [line.split("\t") for line in lines[begin + 1 :]]
    assert [(what, how) for _, _, what, how, _ in course] == [
        ("waits: start", "–"),
        ("attempt 1", "completed"),
        ("· turn 1, claude-sonnet-5-5", "–"),
        ("· tool Write", "ok"),
        ("· turn 2, claude-sonnet-5-5", "–"),
    ]
    assert all(after.startswith("+") for after, *_ in course)
    assert "about $" in course[2][4]


def test_no_text_of_the_task_is_shown(operator: Operator, done: Task) -> None:
    for options in ((), ("--json",)):
        assert "SECRET" not in explain(operator, done, *options).output


def test_as_json_it_is_the_sentence_the_task_and_the_timeline(operator: Operator, done: Task) -> None:
    found = as_json(operator, done)
    assert set(found) == {"explanation", "task", "timeline"}
    assert found["task"]["taskId"] == found["timeline"]["taskId"] == done.ref.task_id
    assert {step["kind"] for step in found["timeline"]["steps"]} == {"wait", "attempt", "turn", "tool"}
    assert found["timeline"]["deliveries"] == []


def test_what_it_waits_for_is_looked_up(operator: Operator, account: Account) -> None:
    account.add_agent()
    waiting = created(account.store, NOW, deadline=FAR, paused_ms=60_000)
    account.queue.send(waiting)
    assert "that queue has about 1 message." in as_json(operator, waiting)["explanation"]


def test_a_worker_that_lives_and_one_that_has_died(operator: Operator, account: Account) -> None:
    running = claimed(account.store, created(account.store, NOW, deadline=FAR), NOW)
    assert as_json(operator, running)["explanation"].startswith("Its worker died")
    from a2a_tasks.adapters.dynamodb.workers import DynamoDBWorkers

    workers = DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])
    workers.open(Lease(WORKER, FAR, frozenset({running.ref})))
    assert as_json(operator, running)["explanation"].startswith("A worker is executing it (attempt 1 of 3")


def test_notifications_are_shown_with_what_became_of_them(operator: Operator, account: Account) -> None:
    from a2a_tasks.adapters.dynamodb.delivery_log import DynamoDBDeliveryLog

    task = created(account.store, NOW, notifies=True)
    failed(account.store, task, NOW + 1)
    account.push.put(task.ref.task_id, StoredPushConfig("a", "https://example.com/a"), FAR)
    log = DynamoDBDeliveryLog(account.dynamodb, account.resources["TasksTable"])
    note = DeliveryNote("a", Status.FAILED, NOW + 1, DeliveryState.RETRYING, 3, answer=503)
    log.note(task.ref.task_id, note, FAR)
    lines = explain(operator, task).stdout.splitlines()
    assert lines[-2:] == ["RECEIVER\tCHANGE\tSTATE\tATTEMPTS\tLAST\tNEXT", "a\tfailed\tretrying\t3\t503\t–"]


def test_looking_changes_nothing(operator: Operator, account: Account) -> None:
    late = created(account.store, NOW)
    account.calls.made.clear()
    assert as_json(operator, late)["explanation"].startswith("Its deadline passed at ")
    changing = ("Put", "Update", "Delete", "Send", "Transact")
    assert [call.operation for call in account.calls.made if call.operation.startswith(changing)] == []


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
def test_a_table_that_does_not_answer_is_a_sentence(
    operator: Operator, account: Account, operation: str
) -> None:
    task = created(account.store, NOW)
    account.calls.fail(operation, Fault.THROTTLED, times=9)
    refused = operator.run("tasks", "explain", task.ref.task_id)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "try again, it may be temporary" in refused.stderr
