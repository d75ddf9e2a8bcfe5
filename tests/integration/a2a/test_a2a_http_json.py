"""The HTTP+JSON binding through the real handler: routes, statuses and media types."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Payload, Status
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, OTHER_AGENT, Account
from tests.integration.support.caller import Answer
from tests.integration.support.stored_task import asking, completed, created

type Start = Callable[..., ModuleType]
MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "Hello."}]}
SEND = {"message": MESSAGE, "configuration": {"returnImmediately": True}}


def reason_of(answer: Answer) -> tuple[int, str]:
    error = answer.body["error"]
    assert error["code"] == answer.status
    reason: str = error["details"][0]["reason"]
    return answer.status, reason


def test_a_task_from_its_message_to_its_end(client: A2ACaller, agents: Account) -> None:
    sent = client.send("POST", "/v1/message:send", SEND)
    task = sent.body["task"]
    path = f"/v1/tasks/{task['id']}"

    got = client.send("GET", f"{path}?historyLength=0")
    listed = client.send("GET", f"/v1/tasks?contextId={task['contextId']}&pageSize=1&includeArtifacts=false")
    canceled = client.send("POST", f"{path}:cancel", {"metadata": {"why": "test"}})
    again = client.send("POST", f"{path}%3Acancel")

    assert [answer.status for answer in (sent, got, listed, canceled)] == [200] * 4
    assert "history" not in got.body
    assert [each["id"] for each in listed.body["tasks"]] == [task["id"]]
    assert canceled.body["status"]["state"] == "TASK_STATE_CANCELED"
    assert reason_of(again) == (400, "TASK_NOT_CANCELABLE")
    assert agents.store.page(AGENT, Status.CANCELED, 10, None).tasks[0].ref.task_id == task["id"]


def test_results_are_artifacts(client: A2ACaller, agents: Account, now: int) -> None:
    output = Payload(inline='{"result":"42","data":{"n":42}}')
    task = completed(agents.store, created(agents.store, now), now, output)

    shown = client.send("GET", f"/v1/tasks/{task.ref.task_id}").body

    assert shown["status"]["state"] == "TASK_STATE_COMPLETED"
    assert shown["artifacts"][0]["parts"] == [{"data": {"n": 42}, "mediaType": "application/json"}]


def test_a_question_is_answered(client: A2ACaller, agents: Account, now: int) -> None:
    task = asking(agents.store, created(agents.store, now), now)
    message = MESSAGE | {"taskId": task.ref.task_id, "parts": [{"text": "Paris"}]}

    answer = client.send("POST", "/v1/message:send", SEND | {"message": message})

    assert answer.body["task"]["status"]["state"] == "TASK_STATE_SUBMITTED"
    told = [each["parts"][0]["text"] for each in answer.body["task"]["history"]]
    assert told == ["hello", "Which city?", "Paris"]


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/message:send"),
        ("POST", "/v1/tasks"),
        ("DELETE", f"/v1/tasks/{MISSING_ID}"),
        ("POST", f"/v1/tasks/{MISSING_ID}"),
        ("POST", f"/v1/tasks/{MISSING_ID}:resume"),
        ("GET", f"/v1/tasks/{MISSING_ID}/more"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1/v1/message:send"),
    ],
)
def test_there_are_no_other_routes(client: A2ACaller, verb: str, path: str) -> None:
    assert reason_of(client.send(verb, path, {})) == (404, "METHOD_NOT_FOUND")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", f"/v1/tasks/{MISSING_ID}"),
        ("GET", "/v1/tasks/none"),
        ("POST", f"/v1/tasks/{MISSING_ID}:cancel"),
    ],
)
def test_an_unknown_task_is_not_found(client: A2ACaller, verb: str, path: str) -> None:
    assert reason_of(client.send(verb, path)) == (404, "TASK_NOT_FOUND")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", f"/v1/tasks/{MISSING_ID}:subscribe"),
        ("GET", f"/v1/tasks/{MISSING_ID}:subscribe"),
    ],
)
def test_a_stream_that_cannot_begin_is_refused_in_plain_json(client: A2ACaller, verb: str, path: str) -> None:
    answer = client.send(verb, path)

    assert reason_of(answer) == (404, "TASK_NOT_FOUND")
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("pageSize=0", "pageSize"),
        ("pageSize=many", "pageSize"),
        ("status=WORKING", "status"),
        ("historyLength=-1", "historyLength"),
        ("includeArtifacts=yes", "includeArtifacts"),
        ("statusTimestampAfter=yesterday", "statusTimestampAfter"),
        ("pageToken=made-up", "pageToken"),
    ],
)
def test_a_wrong_query_is_named(client: A2ACaller, query: str, field: str) -> None:
    answer = client.send("GET", f"/v1/tasks?{query}")

    assert reason_of(answer) == (400, "INVALID_PARAMS")
    assert answer.body["error"]["details"][1]["fieldViolations"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("{", 400, "JSON_PARSE"),
        ("[]", 400, "INVALID_REQUEST"),
        ("{}", 400, "INVALID_PARAMS"),
        ('{"message": 7}', 400, "INVALID_PARAMS"),
    ],
)
def test_a_wrong_body_is_told_so(client: A2ACaller, body: str, status: int, reason: str) -> None:
    assert reason_of(client.send("POST", "/v1/message:send", body=body)) == (status, reason)


@pytest.mark.parametrize(
    ("headers", "media_type"),
    [
        ({"Content-Type": "application/json"}, "application/json"),
        ({"Content-Type": "application/a2a+json"}, "application/a2a+json"),
        ({"Accept": "application/a2a+json, */*"}, "application/a2a+json"),
    ],
)
def test_the_media_type_is_the_clients(client: A2ACaller, headers: dict[str, str], media_type: str) -> None:
    versioned = {"A2A-Version": "1.0"} | headers

    answers = [
        client.send("POST", "/v1/message:send", SEND, headers=versioned),
        client.send("POST", "/v1/message:send", {}, headers=versioned),
    ]

    assert [answer.status for answer in answers] == [200, 400]
    assert {answer.headers["Content-Type"] for answer in answers} == {media_type}


def test_another_content_type_is_not_read(client: A2ACaller) -> None:
    headers = {"A2A-Version": "1.0", "Content-Type": "text/plain"}

    answer = client.send("POST", "/v1/message:send", SEND, headers=headers)

    assert reason_of(answer) == (415, "CONTENT_TYPE_NOT_SUPPORTED")


def test_a_part_that_the_agent_cannot_read_is_named(client: A2ACaller) -> None:
    parts = [{"text": "x"}, {"raw": "eA==", "mediaType": "video/mp4"}]

    answer = client.send("POST", "/v1/message:send", SEND | {"message": MESSAGE | {"parts": parts}})

    assert reason_of(answer) == (400, "CONTENT_TYPE_NOT_SUPPORTED")
    (violation,) = answer.body["error"]["details"][1]["fieldViolations"]
    assert violation["field"] == "message.parts[1].mediaType"


def test_another_version_is_refused(client: A2ACaller) -> None:
    assert reason_of(client.send("GET", "/v1/tasks", headers={})) == (400, "VERSION_NOT_SUPPORTED")
    assert client.send("GET", "/v1/tasks?A2A-Version=1.0", headers={}).status == 200


def test_another_projects_agent_does_not_exist(client: A2ACaller) -> None:
    for agent in (OTHER_AGENT, "nobody"):
        answer = client.send("POST", "/v1/message:send", SEND, agent_id=agent)
        assert reason_of(answer) == (404, "AGENT_NOT_FOUND")


def test_the_extended_card_names_the_same_addresses(client: A2ACaller) -> None:
    extended = client.send("GET", "/v1/extendedAgentCard").body
    by_rpc: Any = client.rpc("GetExtendedAgentCard")

    assert extended == by_rpc == json.loads(client.card().text)


def test_a_key_repeats_a_message_safely(client: A2ACaller) -> None:
    headers = {"A2A-Version": "1.0", "idempotency-key": "k-1"}

    first, second = (client.send("POST", "/v1/message:send", SEND, headers=headers) for _ in range(2))

    assert first.body["task"]["id"] == second.body["task"]["id"]
