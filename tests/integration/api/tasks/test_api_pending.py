"""``maxPendingTasks``, through the real handler."""

import json

import pytest

from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.stored_task import claimed


@pytest.fixture
def full(account: Account, caller: Caller) -> Caller:
    """A caller of an agent for which as many tasks wait as may."""
    account.add_agent(AGENT, PROJECT, maxPendingTasks=2)
    answers = [caller.post(AGENT, {"message": f"Task {n}."}) for n in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    return caller


def test_one_too_many_is_refused_until_one_has_begun(full: Caller, account: Account) -> None:
    refused = full.post(AGENT, {"message": "One more."})
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.headers["Retry-After"] == "10"
    assert "maxPendingTasks" in refused.body["error"]
    waiting = account.store.page(AGENT, None, 10, None).tasks
    assert len(waiting) == 2
    claimed(account.store, waiting[0], waiting[0].created_at)
    assert full.post(AGENT, {"message": "One more."}).status == 202


def test_each_of_many_tasks_is_refused_by_itself(full: Caller, account: Account) -> None:
    waiting = account.store.page(AGENT, None, 10, None).tasks
    body = json.dumps({"tasks": [{"message": "One."}, {"message": ""}, {"message": "Three."}]})
    answer = full.send("POST", f"/a2a/{AGENT}/tasks:batchCreate", body=body)
    assert answer.status == 200
    codes = [result["code"] for result in answer.body["results"]]
    assert codes == ["RATE_LIMIT_EXCEEDED", "VALIDATION_ERROR", "RATE_LIMIT_EXCEEDED"]
    assert account.store.page(AGENT, None, 10, None).tasks == waiting


def test_a_hundred_at_once_go_beyond_it_by_those_that_are_made_side_by_side(
    account: Account, caller: Caller
) -> None:
    account.add_agent(AGENT, PROJECT, maxPendingTasks=40)
    body = json.dumps({"tasks": [{"message": f"Task {n}."} for n in range(100)]})
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks:batchCreate", body=body)
    accepted = sum("taskId" in result for result in answer.body["results"])
    assert 40 <= accepted < 40 + 10
    assert len(account.store.page(AGENT, None, 100, None).tasks) == accepted


def test_an_agent_without_a_limit_costs_no_query(caller: Caller, account: Account) -> None:
    caller.post(AGENT, {"message": "Hello."})
    assert [call for call in account.calls.of("Query") if "IndexName" in call.parameters] == []


def test_an_index_that_does_not_answer_refuses_for_the_moment(full: Caller, account: Account) -> None:
    account.calls.fail("Query", times=1)
    refused = full.post(AGENT, {"message": "One more."})
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "INTERNAL_ERROR", "5")
