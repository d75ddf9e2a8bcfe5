"""Groups in WeCom that a task or its agent names, through the real handler."""

from typing import Any

import pytest

from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from tests.integration.support.account import AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.caller import Answer, Caller


def connect(account: Account, connection_id: str, project_id: str = PROJECT, **changes: Any) -> None:
    fields: dict[str, Any] = {"kind": ConnectionKind.GROUP, "secret_arn": "none", "created_at": 0}
    account.connections.create(Connection(connection_id, project_id, **fields | changes))


def stored(account: Account, answer: Answer) -> Task:
    assert answer.status == 202
    task = account.store.get(TaskRef(AGENT, answer.body["taskId"]))
    assert task is not None
    return task


def test_a_task_names_its_groups_beside_its_agents(agents: Account, caller: Caller) -> None:
    connect(agents, "all")
    connect(agents, "ours")
    agents.add_agent(AGENT, PROJECT, notify=["all"])
    task = stored(agents, caller.post(AGENT, {"message": "Hi.", "notify": ["ours", "all"]}))
    assert (task.groups, task.notifies) == (("all", "ours"), True)


def test_without_any_nobody_is_told(agents: Account, caller: Caller) -> None:
    task = stored(agents, caller.post(AGENT, {"message": "Hi."}))
    assert (task.groups, task.notifies) == ((), False)


@pytest.mark.parametrize(
    ("connection_id", "problem"),
    [
        ("nobodys", "the project has no such WeCom connection"),
        ("rivals", "the project has no such WeCom connection"),
        ("bot", "is of the kind bot; give a connection of the kind group"),
        ("off", "the connection is switched off"),
    ],
)
def test_what_is_no_group_of_the_project_is_refused(
    agents: Account, caller: Caller, connection_id: str, problem: str
) -> None:
    connect(agents, "ours")
    connect(agents, "rivals", OTHER_PROJECT)
    connect(agents, "bot", kind=ConnectionKind.BOT)
    connect(agents, "off", enabled=False)
    answer = caller.post(AGENT, {"message": "Hi.", "notify": ["ours", connection_id]})
    assert (answer.status, answer.body["code"]) == (400, "VALIDATION_ERROR")
    assert answer.body["details"] == [{"field": "notify.1", "message": problem}]


@pytest.mark.parametrize("notify", ["ours", ["Ours!"], [f"group{n}" for n in range(6)], [7]])
def test_what_is_no_list_of_ids_is_refused(agents: Account, caller: Caller, notify: Any) -> None:
    connect(agents, "ours")
    answer = caller.post(AGENT, {"message": "Hi.", "notify": notify})
    assert (answer.status, answer.body["code"]) == (400, "VALIDATION_ERROR")
    assert answer.body["details"][0]["field"].startswith("notify")
