"""The main job on the real template: handed over, executed by the worker, answered."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

from local.deployed import Deployed, Project


def test_the_request_that_once_stayed_pending_completes(deployed: Deployed, project: Project) -> None:
    path = f"/a2a/{project.agent_id}/tasks"
    answer = project.request("POST", path, json={"message": "生成一个测试报告", "timeout": 300000})
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted == {
        "taskId": accepted["taskId"],
        "status": "pending",
        "checkUrl": f"{path}/{accepted['taskId']}",
    }
    located = urljoin(f"{deployed.api_url}{path}", answer.headers["location"])
    assert located == f"{deployed.api_url}{accepted['checkUrl']}"

    running = project.wait(accepted, frozenset({"running"}))
    assert running["startedAt"] >= running["createdAt"]
    assert "completedAt" not in running

    task = project.wait(accepted)
    assert task["status"] == "completed"
    assert task["attempts"] == 1
    assert "测试报告" in task["output"]["result"]
    assert task["createdAt"] <= task["startedAt"] <= task["completedAt"]
    assert task["usage"]["turns"] == 1
    assert task["usage"]["inputTokens"] > 0
    assert task["usage"]["outputTokens"] > 0
    assert task["usage"]["costUsd"] > 0


def test_message_context_and_system_prompt_reach_the_model(project: Project) -> None:
    message = "[[standin: echo]] 请总结 e2e-echo"
    task = project.wait(project.submit(message, context={"客户": "ACME", "n": 1}))
    result = task["output"]["result"]
    assert "You answer." in result
    assert "请总结 e2e-echo" in result
    assert '"客户": "ACME"' in result


def test_a_message_of_100_000_characters_and_a_result_of_2_mb(deployed: Deployed, project: Project) -> None:
    head = "[[standin: size=2000000]] e2e-large "
    message = head + "长" * (100_000 - len(head))
    task = project.wait(project.submit(message))
    assert task["status"] == "completed", task
    assert len(task["output"]["result"]) == 2_000_000
    (call,) = deployed.calls("e2e-large")
    request = deployed.standin.requests(call.index).body
    assert request["messages"][0]["content"][0]["text"] == message


def test_a_hundred_tasks_at_once_complete_exactly_once(deployed: Deployed, project: Project) -> None:
    def submit(n: int) -> dict[str, str]:
        return project.submit(f"[[standin: delay=1; say=answer-{n}]] e2e-burst-{n}.")

    with ThreadPoolExecutor(16) as pool:
        accepted = list(pool.map(submit, range(100)))
        finished = list(pool.map(lambda task: project.wait(task, seconds=120), accepted))
    assert [task["status"] for task in finished] == ["completed"] * 100
    assert [task["output"]["result"] for task in finished] == [f"answer-{n}" for n in range(100)]
    assert len(deployed.calls("e2e-burst-")) == 100


def test_list_shows_the_newest_first_and_pages(project: Project) -> None:
    accepted = [project.submit(f"[[standin: say=ok]] e2e-list-{n}")["taskId"] for n in range(3)]
    path = f"/a2a/{project.agent_id}/tasks"
    first = project.request("GET", path, params={"limit": 2}).json()
    assert [task["taskId"] for task in first["tasks"]] == [accepted[2], accepted[1]]
    second = project.request("GET", path, params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert second["tasks"][0]["taskId"] == accepted[0]


def test_health_needs_no_key(project: Project) -> None:
    answer = project.request("GET", "/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_one_idempotency_key_is_one_task_however_often_at_once(deployed: Deployed, project: Project) -> None:
    def post(_: int) -> str:
        answer = project.request(
            "POST",
            f"/a2a/{project.agent_id}/tasks",
            json={"message": "[[standin: say=once]] e2e-idempotent"},
            headers={"Idempotency-Key": "e2e-order-7"},
        )
        assert answer.status_code == 202
        task_id: str = answer.json()["taskId"]
        return task_id

    with ThreadPoolExecutor(8) as callers:
        (task_id,) = set(callers.map(post, range(24)))
    task = project.wait({"taskId": task_id, "checkUrl": f"/a2a/{project.agent_id}/tasks/{task_id}"})
    assert (task["status"], task["attempts"]) == ("completed", 1)
    assert len(deployed.calls("e2e-idempotent")) == 1


def test_a_reader_may_wait_for_the_end(project: Project) -> None:
    accepted = project.submit("[[standin: delay=2; say=done]] e2e-wait")
    task = project.request("GET", f"{accepted['checkUrl']}?wait=20").json()
    assert (task["status"], task["output"]["result"]) == ("completed", "done")


def test_many_tasks_are_handed_over_in_one_request(project: Project) -> None:
    documents = [{"message": f"[[standin: say=part {n}]] e2e-bulk"} for n in range(12)] + [{"message": ""}]
    answer = project.request("POST", f"/a2a/{project.agent_id}/tasks:batchCreate", json={"tasks": documents})
    assert answer.status_code == 200
    *accepted, refused = answer.json()["results"]
    assert refused["code"] == "VALIDATION_ERROR"
    results = [project.wait(task)["output"]["result"] for task in accepted]
    assert results == [f"part {n}" for n in range(12)]
