"""Rate limits at the real gateway: a key's own limits, as the authorizer hands them on."""

import secrets
from dataclasses import replace

import pytest

from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.rate import KeyLimits
from local.deployed import Project

NAMES = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def limited(project: Project, limits: KeyLimits) -> Project:
    """The project with another key, which has these limits."""
    key_id, key, secret_sha256 = api_key.issue(secrets.token_bytes(42))
    stored = ApiKey(
        key_id, project.project_id, "limited", secret_sha256, project.deployed.now(), limits=limits
    )
    project.registry.create_key(stored)
    return replace(project, key=key, key_id=key_id)


def test_a_key_with_a_small_limit_is_told_so_and_refused_in_the_end(project: Project) -> None:
    caller = limited(project, KeyLimits(requests_per_hour=1, request_burst=3))
    path = f"/a2a/{project.agent_id}/tasks?limit=1"
    answers = [caller.request("GET", path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    told = [[answer.headers[name] for name in NAMES[:2]] for answer in answers]
    assert told == [["3", "2"], ["3", "1"], ["3", "0"], ["3", "0"]]
    assert 2 * 3_600 < int(answers[-1].headers["ratelimit-reset"]) <= 3 * 3_600
    assert 3_500 < int(answers[-1].headers["retry-after"]) <= 3_600
    assert answers[-1].json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert project.request("GET", path).status_code == 200, "another key is not concerned"


def test_a_key_creates_only_as_many_tasks_as_it_may(project: Project) -> None:
    caller = limited(project, KeyLimits(creations_per_hour=1, creation_burst=2))
    path = f"/a2a/{project.agent_id}/tasks"
    tasks = [{"message": f"[[standin: say=done]] e2e-limits-{n}"} for n in range(3)]
    many = caller.request("POST", f"{path}:batchCreate", json={"tasks": tasks})
    assert [result.get("code") for result in many.json()["results"]] == [None, None, "RATE_LIMIT_EXCEEDED"]
    one = caller.request("POST", path, json=tasks[2])
    assert (one.status_code, one.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    for accepted in many.json()["results"][:2]:
        assert caller.wait(accepted)["status"] == "completed"


@pytest.mark.parametrize("path", ["/health"])
def test_what_needs_no_key_is_not_counted(project: Project, path: str) -> None:
    answer = project.request("GET", path)
    assert answer.status_code == 200
    assert not set(NAMES) & set(answer.headers)


def test_an_agent_takes_only_as_many_tasks_as_may_wait_for_it(project: Project) -> None:
    agent_id = project.apply({"id": "waiting-room", "name": "Waiting room", "maxPendingTasks": 2})
    path = f"/a2a/{agent_id}/tasks"
    later = {"message": "[[standin: say=done]] e2e-pending", "delaySeconds": 3_600}
    answers = [project.request("POST", path, json=later) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["retry-after"] == "10"
    project.request("DELETE", answers[0].json()["checkUrl"])
    assert project.request("POST", path, json=later).status_code == 202
