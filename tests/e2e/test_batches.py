"""The batch lane on the real template: from the line into a Message Batch, and back, at half the price."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.batch_line import entry_key
from a2a_tasks.domain.pricing.table import TABLE
from local.deployed import Deployed, Project, wait_until
from local.standin.client import BatchRecord, StandInClient

IN_LINE_MS = 60_000
"""So long the first task waits for others."""
RUNS_SECONDS = 60
"""The scheduler's own runs are this far apart; those of the test may meet them, as any two runs may."""
MICRO = Decimal("0.000001")


@pytest.fixture
def standin(deployed: Deployed) -> Iterator[StandInClient]:
    """The stand-in for Claude, in which no batch ends before it is told to."""
    deployed.standin.hold_batches()
    try:
        yield deployed.standin
    finally:
        deployed.standin.release_batches()


def test_tasks_that_can_wait_go_together_and_are_answered_alone(
    deployed: Deployed, project: Project, standin: StandInClient
) -> None:
    since = deployed.now()
    answered = project.submit("[[standin: say=批处理]] e2e-batch-answered", lane="batch")
    failing = project.submit("[[standin: err=400]] e2e-batch-failing", lane="batch")
    canceled = project.submit("[[standin: say=too late]] e2e-batch-canceled", lane="batch")
    accepted = [answered, failing, canceled]
    assert {project.get(task)["lane"] for task in accepted} == {"batch"}
    have_waited(deployed, project, accepted)

    batch = wait_for_batch(deployed, answered)
    assert sorted(batch.custom_ids) == sorted(task["taskId"] for task in accepted)
    assert {project.get(task)["status"] for task in accepted} == {"running"}
    assert deployed.calls("e2e-batch") == []

    assert project.request("DELETE", canceled["checkUrl"]).status_code == 200
    standin.release_batches()
    done, failed = (wait_for_end(deployed, project, task) for task in (answered, failing))

    assert (done["status"], done["attempts"]) == ("completed", 1)
    assert done["output"] == {"result": "批处理"}
    assert_half_price(done["usage"])
    assert (failed["status"], failed["errorDetails"]["code"]) == ("failed", "EXECUTION_ERROR")
    assert "usage" not in failed
    late = wait_for_bill(deployed, project, canceled)
    assert (late["status"], "output" in late) == ("canceled", False)
    assert_half_price(late["usage"])
    assert [batch.id for batch in batches_of(deployed, answered)] == [batch.id]
    assert_no_worker_saw(deployed, accepted, since)


def test_of_a_refused_batch_only_the_guilty_fails(
    deployed: Deployed, project: Project, standin: StandInClient
) -> None:
    standin.refuse_batches(400, "e2e-batch-poison")
    try:
        accepted = [
            project.submit(f"[[standin: say=ok]] e2e-batch-{what}", lane="batch")
            for what in ("first", "poison", "second")
        ]
        have_waited(deployed, project, accepted)
        for task in (accepted[0], accepted[2]):
            wait_for_batch(deployed, task)
        failed = wait_for_end(deployed, project, accepted[1])
    finally:
        standin.accept_batches()
    standin.release_batches()
    done = [wait_for_end(deployed, project, accepted[number]) for number in (0, 2)]

    assert failed["errorDetails"]["code"] == "EXECUTION_ERROR"
    assert "answered 400" in failed["errorDetails"]["message"]
    assert [(task["status"], task["attempts"]) for task in done] == [("completed", 1)] * 2
    assert [len(batches_of(deployed, task)) for task in accepted] == [1, 0, 1]


def have_waited(deployed: Deployed, project: Project, accepted: list[dict[str, Any]]) -> None:
    """Put tasks, all at once, as far back in line as the first in it waits for others. That it does wait is
    shown by tests/unit/batches with a clock of their own."""
    dynamodb, table = deployed.client("dynamodb"), deployed.outputs["TasksTable"]
    entries = []
    for task in accepted:
        created = datetime.fromisoformat(project.get(task)["createdAt"])
        since = round(created.timestamp() * 1000) - IN_LINE_MS
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": f"TASK#{task['taskId']}"}, "sk": {"S": f"TASK#{project.agent_id}"}},
            UpdateExpression="SET createdAt = :since",
            ExpressionAttributeValues={":since": {"N": str(since)}},
        )
        key = entry_key(project.project_id, since, task["taskId"])
        entries.append(to_attributes(key | {"agentId": project.agent_id}))
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": entry}} for entry in entries]
    )


def work(deployed: Deployed) -> dict[str, Any]:
    """A run of the batcher, as the scheduler makes one every minute."""
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.outputs["BatcherFunctionName"], Payload=b"{}"
    )
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    assert report["errors"] == 0, report
    return report


def batches_of(deployed: Deployed, accepted: dict[str, Any]) -> list[BatchRecord]:
    return [batch for batch in deployed.standin.batches() if accepted["taskId"] in batch.custom_ids]


def wait_for_batch(deployed: Deployed, accepted: dict[str, Any]) -> BatchRecord:
    """The batch that a task has gone into."""

    def look() -> list[BatchRecord]:
        work(deployed)
        return batches_of(deployed, accepted)

    return wait_until(look, RUNS_SECONDS, "a batch")[0]


def wait_for_end(deployed: Deployed, project: Project, accepted: dict[str, Any]) -> dict[str, Any]:
    work(deployed)
    return project.wait(accepted, seconds=RUNS_SECONDS)


def wait_for_bill(deployed: Deployed, project: Project, accepted: dict[str, Any]) -> dict[str, Any]:
    """The task, once an answer that came too late is counted."""

    def look() -> dict[str, Any]:
        work(deployed)
        task = project.get(accepted)
        return task if "usage" in task else {}

    return wait_until(look, RUNS_SECONDS, "the usage of a canceled task")


def assert_half_price(usage: dict[str, Any]) -> None:
    (of_model,) = usage["byModel"]
    price = TABLE.models[of_model["model"]]
    full = (price.input * usage["inputTokens"] + price.output * usage["outputTokens"]) / Decimal(10**6)
    assert (usage["turns"], usage["cacheReadTokens"], usage["cacheWriteTokens"]) == (1, 0, 0)
    assert abs(Decimal(str(usage["costUsd"])) - full / 2) <= MICRO


def assert_no_worker_saw(deployed: Deployed, accepted: list[dict[str, Any]], since: int) -> None:
    """No message of them went through the queue: a worker writes down whatever it takes on."""
    log = "\n".join(deployed.stack.logged("worker", since))
    assert not [task["taskId"] for task in accepted if task["taskId"] in log]
