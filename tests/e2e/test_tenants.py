"""Keys and projects at the real gateway: who gets in, and what they cannot see."""

import httpx
import pytest

from local.deployed import Deployed, Project


def test_two_projects_cannot_see_each_other(project: Project, other_project: Project) -> None:
    accepted = project.submit("[[standin: say=mine]] e2e-tenant")
    missing = accepted["checkUrl"].replace(accepted["taskId"], "01900000-0000-7000-8000-000000000000")
    for method in ("GET", "DELETE"):
        foreign = other_project.request(method, accepted["checkUrl"])
        absent = other_project.request(method, missing)
        assert (foreign.status_code, foreign.content) == (404, absent.content)
        assert foreign.json()["code"] == "TASK_NOT_FOUND"
    for method, options in (("POST", {"json": {"message": "x"}}), ("GET", {})):
        foreign = other_project.request(method, f"/a2a/{project.agent_id}/tasks", **options)
        absent = other_project.request(method, "/a2a/no-such-agent/tasks", **options)
        assert (foreign.status_code, foreign.content) == (404, absent.content)
        assert foreign.json()["code"] == "AGENT_NOT_FOUND"
    assert project.wait(accepted)["status"] == "completed"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", f"Bearer a2a_{'a' * 16}_{'b' * 43}"],
)
def test_without_a_good_key_nobody_gets_in(deployed: Deployed, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.get(f"{deployed.api_url}/a2a/x/tasks", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"error", "code"}
    assert answer.json()["code"] == "UNAUTHORIZED"


def test_an_unknown_route_has_the_same_shape(project: Project) -> None:
    answer = project.request("GET", "/a2a")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert set(answer.json()) == {"error", "code"}


def test_a_disabled_agent_takes_no_tasks(project: Project) -> None:
    answer = project.request("POST", f"/a2a/{project.id_of('idle')}/tasks", json={"message": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "AGENT_DISABLED")
