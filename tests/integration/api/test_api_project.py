"""All agents of a project, and the tasks of all of them, through the real handler."""

from types import ModuleType
from urllib.parse import quote

import pytest

from a2a_tasks.adapters.dynamodb import store
from a2a_tasks.domain.task import Status, Task, iso8601
from a2a_tasks.tasks import project_tasks
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import STATES, created

HELPER = "helper"


@pytest.fixture
def now(api: ModuleType) -> int:
    moment: int = api.services.submitter.clock.now()
    return moment


@pytest.fixture
def mine(account: Account, now: int) -> list[Task]:
    """Tasks of two agents of the caller's, newest first, and one of somebody else's that is newer."""
    account.add_agent(HELPER, PROJECT, model="opus", description="Helps.")
    created(account.store, now + 9, agent_id=OTHER_AGENT, project_id="rival")
    return [
        created(account.store, now - n * 1_000, number=n, agent_id=[AGENT, HELPER][n % 2]) for n in range(5)
    ]


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [task["taskId"] for task in answer.body["tasks"]]


def test_a_projects_agents(caller: Caller, rival: Caller, account: Account) -> None:
    account.add_agent(HELPER, PROJECT, model="opus", description="Helps.")
    account.registry.disable_agent(HELPER, 0)

    answer = caller.get("/agents")

    assert answer.status == 200
    assert answer.body["agents"] == [
        {"agentId": AGENT, "name": "Assistant", "model": "sonnet", "enabled": True},
        {"agentId": HELPER, "name": "Helper", "description": "Helps.", "model": "opus", "enabled": False},
    ]
    assert [agent["agentId"] for agent in rival.get("/agents").body["agents"]] == [OTHER_AGENT]


def test_a_project_without_agents(api: ModuleType) -> None:
    nobody = Caller(api.handler, "empty")

    assert nobody.get("/agents").body == {"agents": []}
    assert nobody.get("/tasks").body == {"tasks": []}


def test_many_agents_are_read_a_hundred_at_a_time(
    caller: Caller, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "AT_ONCE", 2)
    for n in range(4):
        account.add_agent(f"agent-{n}", PROJECT)
    account.calls.made.clear()

    agents = caller.get("/agents").body["agents"]

    assert len(agents) == 5
    assert [call.operation for call in account.calls.made] == ["Query"] + ["BatchGetItem"] * 3


def test_tasks_of_all_agents_page_by_page(caller: Caller, mine: list[Task]) -> None:
    first = caller.get("/tasks?limit=2")
    second = caller.get(f"/tasks?limit=2&pageToken={first.body['nextPageToken']}")
    third = caller.get(f"/tasks?limit=2&pageToken={second.body['nextPageToken']}")

    assert [*ids(first), *ids(second), *ids(third)] == [task.ref.task_id for task in mine]
    assert third.body.keys() == {"tasks"}
    assert first.body["tasks"][1]["agentId"] == HELPER


@pytest.mark.usefixtures("mine")
def test_they_look_as_in_their_agents_list(caller: Caller) -> None:
    of_agent = caller.get(f"/a2a/{HELPER}/tasks").body["tasks"]

    assert caller.get(f"/tasks?agentId={HELPER}").body["tasks"] == of_agent
    assert len(of_agent) == 2


def test_a_list_can_be_of_several_states(caller: Caller, account: Account, now: int) -> None:
    tasks = {
        status: bring(account.store, created(account.store, now - n, number=n), now)
        for n, (status, bring) in enumerate(STATES.items())
    }
    wanted = [tasks[status].ref.task_id for status in STATES if status in (Status.RUNNING, Status.FAILED)]

    assert ids(caller.get("/tasks?status=running,failed")) == wanted
    assert ids(caller.get("/tasks?status=running&status=failed")) == wanted


def test_a_list_can_be_of_a_time(caller: Caller, mine: list[Task]) -> None:
    after, before = (quote(iso8601(mine[n].created_at)) for n in (3, 1))

    found = ids(caller.get(f"/tasks?createdAfter={after}&createdBefore={before}"))

    assert found == [mine[n].ref.task_id for n in (2, 3)]
    assert ids(caller.get("/tasks?createdAfter=9999-12-31T23:59:59Z")) == []
    assert len(ids(caller.get("/tasks?createdAfter=0001-01-01T00:00:00Z"))) == 5
    assert ids(caller.get("/tasks?createdBefore=0001-01-01T00:00:00Z")) == []


def test_a_task_is_found_by_part_of_its_id(caller: Caller, mine: list[Task]) -> None:
    wanted = mine[3].ref.task_id

    assert ids(caller.get(f"/tasks?id={wanted[-9:].upper()}")) == [wanted]
    assert ids(caller.get(f"/tasks?id={wanted}")) == [wanted]
    assert ids(caller.get(f"/tasks?id={wanted}&status=completed")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("status=done", "status"),
        ("status=failed,done", "status"),
        ("status=", "status"),
        ("id=", "id"),
        ("pageToken=abc", "pageToken"),
        ("pageToken=", "pageToken"),
        ("createdAfter=yesterday", "createdAfter"),
        ("createdAfter=2026-02-30T00:00:00Z", "createdAfter"),
        ("createdBefore=2026-11-28", "createdBefore"),
        ("createdBefore=2026-11-28T10:00:00", "createdBefore"),
        ("createdBefore=1790000000", "createdBefore"),
        ("id=019", "id"),
        ("id=xyzw", "id"),
        (f"id={'0' * 37}", "id"),
    ],
)
def test_a_wrong_query_is_refused_by_name(caller: Caller, query: str, field: str) -> None:
    answer = caller.get(f"/tasks?{query}")

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == [field]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("agent_id", [OTHER_AGENT, "nobody", "AGENT#x"])
def test_a_foreign_agent_is_like_a_missing_one(caller: Caller, agent_id: str) -> None:
    answer = caller.get(f"/tasks?agentId={AGENT}&agentId={quote(agent_id)}")

    assert (answer.status, answer.code) == (404, "AGENT_NOT_FOUND")


def test_a_token_of_another_projects_list_shows_no_foreign_task(
    caller: Caller, rival: Caller, account: Account, now: int, mine: list[Task]
) -> None:
    created(account.store, now + 10, agent_id=OTHER_AGENT, number=50)
    token = rival.get("/tasks?limit=1").body["nextPageToken"]

    assert ids(caller.get(f"/tasks?pageToken={token}")) == [task.ref.task_id for task in mine]


def test_a_list_of_too_many_agents_wants_their_names(
    caller: Caller, account: Account, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project_tasks.MAX_AGENTS == 100
    monkeypatch.setattr(project_tasks, "MAX_AGENTS", 4)
    for n in range(4):
        account.add_agent(f"agent-{n}", PROJECT)
    task = created(account.store, now, agent_id="agent-2")

    everybody = caller.get("/tasks")
    account.calls.made.clear()
    some = caller.get("/tasks?agentId=" + ",".join(f"agent-{n}" for n in range(4)))

    assert (everybody.status, everybody.body["details"]) == (
        400,
        [{"field": "agentId", "message": "is for 5 agents; name 4 or fewer"}],
    )
    assert ids(some) == [task.ref.task_id]
    # of each agent the four partitions, the agents' names, and the task
    assert len(account.calls.made) == 4 * 4 + 1 + 1


def test_what_is_past_its_deadline_has_failed(caller: Caller, account: Account, now: int) -> None:
    created(account.store, now - 10_000, deadline=now - 1_000)

    assert ids(caller.get("/tasks?status=pending")) == []
    assert [task["status"] for task in caller.get("/tasks?status=failed").body["tasks"]] == ["failed"]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("path", ["/agents", "/tasks"])
def test_storage_that_does_not_answer_means_try_again(caller: Caller, account: Account, path: str) -> None:
    account.calls.fail("BatchGetItem", Fault.THROTTLED)

    assert caller.get(path).status == 503
