"""Conversations on the real template: say something, wait for the answer, and go on."""

from typing import Any

from local.deployed import Deployed, Project
from local.standin.request.prefixes import extends


def say(project: Project, message: str, session: str | None = None) -> dict[str, Any]:
    body = {"message": message} | ({"sessionId": session} if session else {})
    answer = project.request("POST", f"/a2a/{project.agent_id}/messages", json=body)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def test_three_exchanges_each_of_which_knows_those_before(deployed: Deployed, project: Project) -> None:
    first = say(project, "[[standin: say=你好,小明。 | say=你叫小明。 | echo]] e2e-talk 我叫小明。")
    session = first["sessionId"]
    second = say(project, "我叫什么?", session)
    third = say(project, "谢谢。", session)
    assert [first["response"], second["response"]] == ["你好,小明。", "你叫小明。"]
    told = [text for text in ("我叫小明。", "我叫什么?", "谢谢。") if text in third["response"]]
    assert len(told) == 3
    assert third["metadata"]["tokensUsed"] > first["metadata"]["tokensUsed"]
    bodies = deployed.standin.bodies("e2e-talk")
    assert [len(body["messages"]) for body in bodies] == [1, 3, 5]
    assert extends(bodies[0], bodies[1])
    assert extends(bodies[1], bodies[2])

    path = f"/a2a/{project.agent_id}/contexts/{session}"
    said = project.request("GET", path).json()
    assert [message["role"] for message in said["messages"]] == ["user", "agent"] * 3
    assert {message["taskId"] for message in said["messages"]} == {
        answer["taskId"] for answer in (first, second, third)
    }
    assert project.request("DELETE", path).status_code == 200
    assert project.request("GET", path).status_code == 404
    say(project, "[[standin: say=Who?]] e2e-anew", session)
    assert [len(body["messages"]) for body in deployed.standin.bodies("e2e-anew")] == [1]
