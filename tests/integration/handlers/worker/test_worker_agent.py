"""Work in several turns: the real handlers with the real anthropic SDK, against the stand-in."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import requests

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Budget, Status, Task
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.aws_calls import Call, Fault
from tests.integration.support.caller import Caller
from tests.integration.support.worker import Worker

TOOLS = ["report_progress", "save_artifact", "ask_user", "call_agent", "Write", "Read"]


@pytest.fixture
def caller(start: Callable[..., ModuleType], worker: Worker) -> Caller:
    """A caller of the account that the worker works for, whose agent may use tools."""
    worker.account.add_agent(AGENT, PROJECT, allowedTools=TOOLS)
    return Caller(start("api").handler, PROJECT)


def posted(caller: Caller, worker: Worker, message: str, **options: Any) -> Task:
    answer = caller.post(AGENT, {"message": message} | options)
    assert answer.status == 202, answer.text
    (task,) = (
        task
        for task in worker.account.store.page(AGENT, None, 100, None).tasks
        if task.ref.task_id == answer.body["taskId"]
    )
    return task


def seen(caller: Caller, task: Task) -> dict[str, Any]:
    """The task as its caller sees it."""
    body: dict[str, Any] = caller.get(f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}").body
    return body


def step(tool: str, **arguments: Any) -> str:
    return f"tool={tool}:{json.dumps(arguments, ensure_ascii=False)}"


def directive(*steps: str) -> str:
    return f"[[standin: {' | '.join(steps)}]]"


def test_tools_are_used_until_the_answer_is_there(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    task = posted(
        caller,
        worker,
        directive(
            step("report_progress", step="Writing", percent=50),
            step("Write", file_path="notes.md", content="# Notes")
            + "; "
            + step("save_artifact", name="报告.md", media_type="text/markdown", content="# 报告"),
            "say=Finished.",
        ),
    )

    worker.work()

    body = seen(caller, task)
    assert (body["status"], body["attempts"], body["usage"]["turns"]) == ("completed", 1, 3)
    assert body["output"]["result"] == "Finished."
    (artifact,) = body["output"]["artifacts"]
    assert (artifact["name"], artifact["sizeBytes"]) == ("报告.md", len("# 报告".encode()))
    assert requests.get(artifact["url"], timeout=5).content == "# 报告".encode()
    bodies = [claude.requests(n).body["messages"] for n in range(3)]
    assert [len(messages) for messages in bodies] == [1, 3, 5]
    assert bodies[1] == bodies[2][:3]
    results = [block["type"] for block in bodies[2][4]["content"]]
    assert results == ["tool_result", "tool_result"]


def is_of_worker(write: Call) -> bool:
    """What a process writes of itself comes by time."""
    item: dict[str, Any] = write.parameters.get("Key") or write.parameters["Item"]
    return bool(item["sk"] == {"S": "LEASE"} or item["pk"] == {"S": "TAKERS"})


def test_a_turn_with_a_repeatable_tool_costs_three_writes(caller: Caller, worker: Worker) -> None:
    posted(caller, worker, directive("say=the first task of a process begins its lease"))
    worker.work()
    account = worker.account
    counts = []
    for turns in (2, 3):
        posted(caller, worker, directive(*[step("Read", file_path="x")] * turns, "say=done"))
        account.calls.made.clear()
        worker.work()
        writes = account.calls.of("PutItem", "UpdateItem", "DeleteItem")
        counts.append(sum(not is_of_worker(write) for write in writes))

    # the turn in the task's record, the turn itself, and its tool's result
    assert counts[1] - counts[0] == 3


def test_a_question_is_asked_answered_and_understood(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    ask = step("ask_user", question="Which city?")
    task = posted(caller, worker, directive(ask, "say=You said: ${last_tool_result}"))
    worker.work()

    asking = seen(caller, task)
    assert (asking["status"], asking["question"], asking["attempts"]) == ("input_required", "Which city?", 0)
    assert worker.account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}
    path = f"/a2a/{AGENT}/tasks/{task.ref.task_id}/messages"
    answered = caller.send("POST", path, body='{"message": "巴黎"}')
    assert (answered.status, answered.body["status"]) == (202, "pending")
    worker.work()

    done = seen(caller, task)
    assert (done["status"], done["output"]["result"]) == ("completed", "You said: 巴黎")
    assert (done["attempts"], done["usage"]["turns"], len(claude.calls())) == (1, 2, 2)


def test_a_worker_whose_time_is_nearly_over_hands_the_task_to_another(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    task = posted(caller, worker, directive(*[step("Read", file_path="x")] * 2, "say=Finished."))

    for turns in (1, 2):
        _, kept = worker.deliver(remaining_ms=59_000)
        current = worker.now(task)
        assert (current.status, current.turns, current.attempt, kept) == (Status.PENDING, turns, 0, [])
        assert worker.account.message_counts()["visible"] == 1
    worker.deliver()

    done = worker.now(task)
    assert (done.status, done.attempt, done.fence) == (Status.COMPLETED, 1, 3)
    assert len(claude.calls()) == 3


def test_a_turn_that_is_saved_is_not_bought_again(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    task = posted(caller, worker, directive(step("Read", file_path="x"), "err=500; once | say=Finished."))
    worker.deliver()
    waiting = worker.now(task)
    assert (waiting.status, waiting.turns, waiting.attempt) == (Status.PENDING, 1, 1)

    worker.account.dynamodb.update_item(
        TableName=worker.account.resources["TasksTable"],
        Key={"pk": {"S": f"TASK#{task.ref.task_id}"}, "sk": {"S": f"TASK#{AGENT}"}},
        UpdateExpression="SET notBefore = :now",
        ExpressionAttributeValues={":now": {"N": "0"}},
    )
    worker.account.queue.send(task)
    worker.work()

    done = worker.now(task)
    assert (done.status, done.attempt, done.usage.turns) == (Status.COMPLETED, 2, 2)
    assert [call.outcome for call in claude.calls()] == ["completed", "error 500", "completed"]
    assert [spent.attempt for spent in done.spent] == [1, 2]


def test_what_a_tool_has_written_is_there_for_the_next_worker(caller: Caller, worker: Worker) -> None:
    write = step("Write", file_path="notes.md", content="# 笔记")
    read = step("Read", file_path="notes.md")
    task = posted(caller, worker, directive(write, read, "say=${last_tool_result}"))

    worker.deliver(remaining_ms=59_000)
    worker.work()

    assert "# 笔记" in seen(caller, task)["output"]["result"]


def test_a_task_that_has_used_up_its_budget_ends_with_what_it_had(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    task = posted(
        caller,
        worker,
        directive("say=So far so good. ; " + step("Read", file_path="x"), "say=x"),
        maxTokens=20,
    )

    worker.work()

    body = seen(caller, task)
    assert worker.now(task).budget == Budget(tokens=20)
    assert (body["status"], body["errorDetails"]["code"]) == ("failed", FailureCode.BUDGET_EXCEEDED)
    assert body["output"]["partial"] is True
    assert body["output"]["result"].startswith("So far")
    assert len(claude.calls()) == 1


def test_another_agents_task_is_started_awaited_and_paid_for(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    account = worker.account
    account.add_agent("helper", PROJECT, model="haiku")
    account.registry.create_project(PROJECT, 0)
    account.registry.set_project(PROJECT, callable_agents=frozenset({"helper"}))
    call = step("call_agent", agent="helper", message="Add 1 and 1. [[standin: say=2]]")
    task = posted(caller, worker, directive(call, "say=It is ${last_tool_result}."))

    worker.deliver()
    waiting = worker.now(task)
    (child,) = account.store.page("helper", None, 10, None).tasks
    assert (waiting.status, waiting.awaits) == (Status.PENDING, (child.ref,))
    assert (child.parent and child.parent.ref, child.depth) == (task.ref, 1)
    assert seen(caller, task)["progress"] == {"turn": 2, "tool": "call_agent"}
    worker.work()

    body = seen(caller, task)
    assert (body["status"], body["output"]["result"], body["attempts"]) == ("completed", "It is 2.", 1)
    assert {entry["model"]: entry["turns"] for entry in body["usage"]["byModel"]} == {
        "claude-sonnet-5-5": 2,
        "claude-haiku-5-5": 1,
    }
    assert len(claude.calls()) == 3


def test_no_more_tasks_of_an_agent_run_than_it_may(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    worker.account.add_agent(AGENT, PROJECT, maxConcurrentTasks=2)
    tasks = [posted(caller, worker, f"[[standin: say=done; delay=0.2]] {n}") for n in range(6)]

    worker.work()

    assert {worker.now(task).status for task in tasks} == {Status.COMPLETED}
    assert claude.concurrency().max_open == 2
    assert len(claude.calls()) == 6
    assert worker.account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_what_a_canceled_task_had_is_kept_and_paid_for(
    caller: Caller, start_worker: Callable[..., Worker], claude: StandInClient
) -> None:
    worker = start_worker(LEASE_SECONDS="3")
    task = posted(caller, worker, "[[standin: say=half of it; hang]]")

    assert worker.deliver_and_cancel(task) == {"batchItemFailures": []}
    body = seen(caller, task)
    assert (body["status"], body["output"]["partial"]) == ("canceled", True)
    assert "half of it".startswith(body["output"]["result"])
    assert body["output"]["result"]
    assert body["usage"]["byModel"][0]["cacheWriteTokens"] + body["usage"]["inputTokens"] > 0
    assert worker.now(task).held_by is None
    assert [call.outcome for call in claude.calls()] == ["client_left"]


def test_a_record_whose_answer_was_lost_is_one_record(
    caller: Caller, worker: Worker, claude: StandInClient
) -> None:
    task = posted(caller, worker, directive(step("Read", file_path="x"), "say=Finished."))
    worker.account.calls.fail("PutItem", Fault.ANSWER_LOST, times=2, on="OWNED#")

    worker.work()

    assert worker.now(task).status is Status.COMPLETED
    assert len(claude.calls()) == 2
    assert len(worker.account.records.records(task.ref.task_id)) == 3
