"""The metric behind the alarm on the API's errors: the service's own errors, and not that a task fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from a2a_tasks.domain.task import TaskRef
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.stored_task import failed

TASK_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[object]]:
    """What the function has counted so far."""

    def read() -> list[object]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [value for line in lines for value in line.get("ServerErrors", [])]

    return read


def test_a_store_that_does_not_answer_counts(
    caller: Caller, agents: Account, counted: Callable[[], list[object]]
) -> None:
    agents.calls.fail("Query", times=20)

    assert caller.get(f"/a2a/{AGENT}/tasks/{TASK_ID}").status == 503
    assert counted() == [1.0]


def test_a_fault_of_the_code_counts(
    caller: Caller, api: ModuleType, monkeypatch: pytest.MonkeyPatch, counted: Callable[[], list[object]]
) -> None:
    monkeypatch.setattr(api.services, "tasks", None)

    assert caller.get(f"/a2a/{AGENT}/tasks").status == 500
    assert counted() == [1.0]


def test_by_json_rpc_it_counts_although_the_gateway_sees_no_error(
    agents: Account, start: Callable[..., ModuleType], counted: Callable[[], list[object]]
) -> None:
    a2a = start("a2a", REQUESTS_PER_HOUR="0", TASK_CREATIONS_PER_HOUR="0")
    agents.calls.fail("Query", times=20)

    assert A2ACaller(a2a.handler, PROJECT).rpc("GetTask", {"id": TASK_ID})["code"] == -32603
    assert counted() == [1.0]


def test_a_failed_task_is_a_5xx_and_counts_nothing(
    caller: Caller, agents: Account, api: ModuleType, counted: Callable[[], list[object]]
) -> None:
    """The first request's task has failed when it is repeated."""
    message, key = json.dumps({"message": "Hi."}), {"Idempotency-Key": "k"}
    in_a_hurry = replace(caller, remaining_ms=4_000)
    first = in_a_hurry.send("POST", f"/a2a/{AGENT}/messages", body=message, headers=key)
    task = agents.store.get(TaskRef(AGENT, first.body["taskId"]))
    assert task is not None
    failed(agents.store, task, api.services.submitter.clock.now())

    answer = in_a_hurry.send("POST", f"/a2a/{AGENT}/messages", body=message, headers=key)

    assert (answer.status, answer.body["taskId"]) == (502, task.ref.task_id)
    assert counted() == []
