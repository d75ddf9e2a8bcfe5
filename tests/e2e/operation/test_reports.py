"""Lists, usage, timelines and retries on the real template: its routes, roles and index."""

from typing import Any
from urllib.parse import urljoin

from local.deployed import Deployed, Project
from tests.e2e.test_agent_loop import script, tool, toolbox


def got(project: Project, path: str) -> Any:
    answer = project.request("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_a_task_has_done_is_found_told_and_added_up(project: Project, other_project: Project) -> None:
    agent_id = toolbox(project)
    steps = (tool("Write", file_path="a.md", content="# A") + "; delay=1", "say=done")
    accepted = project.submit(f"{script(*steps)} e2e-reports", agent_id)
    task = project.wait(accepted)

    (listed,) = got(project, f"/tasks?id={task['taskId']}")["tasks"]
    timeline = got(project, f"{accepted['checkUrl']}/timeline")
    usage = got(project, f"/usage?by=agent&agentId={agent_id}")
    foreign = got(other_project, f"/tasks?id={task['taskId']}")["tasks"]

    assert agent_id in [agent["agentId"] for agent in got(project, "/agents")["agents"]]
    assert (listed["status"], listed["usage"], foreign) == ("completed", task["usage"], [])
    kinds = [step["kind"] for step in timeline["steps"]]
    assert (kinds.count("turn"), kinds.count("tool"), kinds.count("attempt")) == (2, 1, 1)
    rows = usage["rows"]  # two around midnight: each day has its own
    assert sum(row["completed"] for row in rows) >= 1
    assert sum(row["costUsd"] for row in rows) >= task["usage"]["costUsd"] > 0


def test_a_canceled_task_is_tried_again(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: delay=60; say=late]] e2e-retry")
    path = accepted["checkUrl"]
    assert project.request("DELETE", path).status_code == 200

    first, second = (project.request("POST", f"{path}/retry") for _ in range(2))

    assert (first.status_code, first.json()) == (202, second.json())
    url = urljoin(f"{deployed.api_url}{path}/retry", first.headers["location"])
    assert url == f"{deployed.api_url}{first.json()['checkUrl']}"
    retry = got(project, first.json()["checkUrl"])
    assert retry["retryOf"] == accepted["taskId"]
    assert project.request("DELETE", first.json()["checkUrl"]).status_code == 200
