"""POST /a2a/{agentId}/tasks:batchCreate, through the real handler."""

import json
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.task import TaskRef
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.caller import Answer, Caller


def post(caller: Caller, document: object, agent_id: str = AGENT, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/a2a/{agent_id}/tasks:batchCreate"
    return caller.send("POST", path, body=json.dumps(document), headers=named)


def ids(account: Account) -> set[str]:
    return {task.ref.task_id for task in account.store.page(AGENT, None, 100, None).tasks}


def test_each_task_has_its_result_in_order(caller: Caller, account: Account) -> None:
    documents: list[Any] = [
        {"message": "One."},
        {"message": ""},
        {"message": "Three.", "priority": "high"},
        {"message": "Four.", "colour": "red"},
        "no object",
        {"message": "Six.", "maxAttempts": 9},
    ]
    answer = post(caller, {"tasks": documents})
    assert answer.status == 200
    results = answer.body["results"]
    assert len(results) == len(documents)
    accepted = [result["taskId"] for result in results if "taskId" in result]
    assert ids(account) == set(accepted)
    wrong = "VALIDATION_ERROR"
    assert [result.get("code") for result in results] == [None, wrong, None, wrong, wrong, wrong]
    assert results[0] == {
        "taskId": accepted[0],
        "status": "pending",
        "checkUrl": f"/a2a/{AGENT}/tasks/{accepted[0]}",
    }
    assert results[1]["details"][0]["field"] == "message"
    assert results[3]["details"][0]["field"] == "colour"
    assert "maxAttempts" in results[5]["error"]
    assert account.message_counts()["visible"] == 2


def test_a_hundred_at_once(caller: Caller, account: Account) -> None:
    answer = post(caller, {"tasks": [{"message": f"Task {n}."} for n in range(100)]})
    results = [result["taskId"] for result in answer.body["results"]]
    assert len(set(results)) == 100
    stored = [account.store.get(TaskRef(AGENT, task_id)) for task_id in results]
    inputs = [task.input.inline for task in stored if task]
    assert inputs == [f'{{"message":"Task {n}."}}' for n in range(100)]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"message": "x"}] * 101}, "tasks"),
        ({"tasks": {"message": "x"}}, "tasks"),
        ({}, "tasks"),
        ({"tasks": [{"message": "x"}], "more": 1}, "more"),
    ],
)
def test_a_list_that_cannot_be_is_refused_as_a_whole(
    caller: Caller, account: Account, document: object, field: str
) -> None:
    answer = post(caller, document)
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["details"][0]["field"] == field
    assert not ids(account)


def test_another_projects_agent_is_none(caller: Caller) -> None:
    answer = post(caller, {"tasks": [{"message": "x"}]}, OTHER_AGENT)
    assert (answer.status, answer.code) == (404, "AGENT_NOT_FOUND")


def test_a_repeated_request_makes_no_task_twice(caller: Caller, account: Account) -> None:
    document = {"tasks": [{"message": "One."}, {"message": "Two."}]}
    first = post(caller, document, Idempotency_Key="bulk-1")
    again = post(caller, document, Idempotency_Key="bulk-1")
    assert first.text == again.text
    assert len(ids(account)) == 2


def test_one_that_could_not_be_stored_is_told_and_may_be_repeated(caller: Caller, account: Account) -> None:
    document = {"tasks": [{"message": "One."}, {"message": "Two."}]}
    account.calls.fail("PutItem", on="TASK#")
    first = post(caller, document, Idempotency_Key="bulk-2")
    codes = [result.get("code") for result in first.body["results"]]
    assert sorted(codes, key=str) == ["INTERNAL_ERROR", None]
    again = post(caller, document, Idempotency_Key="bulk-2")
    assert all("taskId" in result for result in again.body["results"])
    assert len(ids(account)) == 2


def test_when_the_time_is_over_the_rest_is_refused_and_may_be_repeated(
    caller: Caller, account: Account
) -> None:
    document = {"tasks": [{"message": "One."}, {"message": "Two."}]}
    late = post(replace(caller, remaining_ms=3_000), document, Idempotency_Key="bulk-3")
    assert (late.status, [result["code"] for result in late.body["results"]]) == (200, ["INTERNAL_ERROR"] * 2)
    assert not ids(account)
    again = post(caller, document, Idempotency_Key="bulk-3")
    assert all("taskId" in result for result in again.body["results"])
