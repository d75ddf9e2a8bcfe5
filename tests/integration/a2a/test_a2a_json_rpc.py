"""The JSON-RPC binding through the real handler: envelopes, versions, and what HTTP says."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Status
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer

type Start = Callable[..., ModuleType]
MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "生成报告"}]}
AT_ONCE = {"returnImmediately": True}
SEND = {"message": MESSAGE, "configuration": AT_ONCE}
GET = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": MISSING_ID}}


def post(client: A2ACaller, body: str, **options: Any) -> Answer:
    return client.send("POST", "", body=body, **options)


def error_of(answer: Answer) -> Any:
    assert answer.status == 200
    error = answer.body["error"]
    assert isinstance(error["data"], list)
    assert set(error) == {"code", "message", "data"}
    return error


def test_a_message_becomes_a_task_like_any_other(client: A2ACaller, agents: Account) -> None:
    task = client.rpc("SendMessage", SEND)["task"]

    stored = agents.store.page(AGENT, None, 10, None).tasks[0]
    assert (stored.ref.task_id, stored.status, stored.project_id) == (task["id"], Status.PENDING, PROJECT)
    assert json.loads(stored.input.inline or "")["message"] == "生成报告"
    (record,) = agents.receive()
    assert json.loads(record["body"])["taskId"] == task["id"]
    assert client.rpc("GetTask", {"id": task["id"]}) == task


@pytest.mark.parametrize("request_id", ["x", "", 0, 7, -1])
def test_the_answer_has_the_requests_id(client: A2ACaller, request_id: object) -> None:
    answer = post(client, json.dumps(GET | {"id": request_id}))

    assert (answer.body["id"], error_of(answer)["code"]) == (request_id, -32001)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", -32700),
        ("{", -32700),
        ("NaN", -32700),
        ('{"a": NaN}', -32700),
        ("[" * 100_000, -32700),
        ("[]", -32600),
        (json.dumps([GET]), -32600),
        ("7", -32600),
        ("{}", -32600),
        (json.dumps(GET | {"id": None}), -32600),
        (json.dumps(GET | {"id": True}), -32600),
        (json.dumps(GET | {"id": 1.5}), -32600),
        (json.dumps(GET | {"id": {}}), -32600),
        (json.dumps(GET | {"jsonrpc": "1.0"}), -32600),
        (json.dumps({"id": 1, "method": "GetTask"}), -32600),
        (json.dumps(GET | {"method": 7}), -32600),
        (json.dumps(GET | {"method": None}), -32600),
        (json.dumps(GET | {"method": "message/send"}), -32601),
        (json.dumps(GET | {"method": "call"}), -32601),
        (json.dumps(GET | {"params": []}), -32602),
        (json.dumps(GET | {"params": None}), -32602),
        (json.dumps(GET | {"params": {}}), -32602),
    ],
)
def test_what_is_no_request_is_told_so(client: A2ACaller, body: str, code: int) -> None:
    assert error_of(post(client, body))["code"] == code


def test_what_is_no_text_is_told_so(client: A2ACaller) -> None:
    assert error_of(post(client, "/v8=", is_base64=True))["code"] == -32700


def test_params_may_be_left_out(client: A2ACaller) -> None:
    answer = post(client, '{"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}')

    assert answer.body["result"]["totalSize"] == 0


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_another_content_type_is_not_read(client: A2ACaller, media_type: str) -> None:
    headers = {"A2A-Version": "1.0", "Content-Type": media_type}

    error = error_of(post(client, json.dumps(GET), headers=headers))

    assert (error["code"], error["data"][0]["reason"]) == (-32005, "CONTENT_TYPE_NOT_SUPPORTED")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/a2a+json"])
def test_both_kinds_of_json_are_read(client: A2ACaller, media_type: str) -> None:
    headers = {"A2A-Version": "1.0", "Content-Type": media_type}

    assert error_of(post(client, json.dumps(GET), headers=headers))["code"] == -32001


@pytest.mark.parametrize("headers", [{}, {"A2A-Version": ""}, {"A2A-Version": "0.3"}, {"a2a-version": "1.1"}])
def test_another_version_is_refused(client: A2ACaller, headers: dict[str, str]) -> None:
    answer = post(client, json.dumps(GET), headers=headers)

    assert (error_of(answer)["code"], answer.body["id"]) == (-32009, 1)


@pytest.mark.parametrize("headers", [{"A2A-Version": "1.0.1"}, {"A2A-VERSION": " 1.0 "}])
def test_a_patch_does_not_make_another_version(client: A2ACaller, headers: dict[str, str]) -> None:
    assert error_of(post(client, json.dumps(GET), headers=headers))["code"] == -32001


def test_the_version_may_be_in_the_query(client: A2ACaller) -> None:
    answer = client.send("POST", "?A2A-Version=1.0", GET, headers={})

    assert error_of(answer)["code"] == -32001


def test_unknown_extensions_are_ignored(client: A2ACaller) -> None:
    headers = {"A2A-Version": "1.0", "A2A-Extensions": "https://a.b/x, https://c.d/y"}

    assert error_of(post(client, json.dumps(GET), headers=headers))["code"] == -32001


def test_field_violations_are_typed(client: A2ACaller) -> None:
    error = client.rpc("SendMessage", {"message": {"parts": []}})

    info, request = error["data"]
    assert info["reason"] == "INVALID_PARAMS"
    assert {each["field"] for each in request["fieldViolations"]} == {
        "message.messageId", "message.role", "message.parts"
    }  # fmt: skip


def test_another_projects_agent_is_an_address_that_does_not_exist(client: A2ACaller) -> None:
    document = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": SEND}

    answers = [client.send("POST", "", document, agent_id=agent) for agent in (OTHER_AGENT, "nobody", "A b")]

    assert {answer.status for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_a_key_that_calls_too_often_is_told_by_http(agents: Account, start: Start) -> None:
    app = start("a2a", REQUESTS_PER_HOUR="60", REQUEST_BURST="1")
    client = A2ACaller(app.handler, PROJECT)

    first, second = post(client, json.dumps(GET)), post(client, json.dumps(GET))

    assert (first.status, first.headers["RateLimit-Remaining"]) == (200, "0")
    assert (second.status, second.headers["Retry-After"]) == (429, "60")
    assert second.body["error"]["data"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert agents.calls.denied == []


def test_a_key_that_makes_too_many_tasks_is_told_by_http(agents: Account, start: Start) -> None:
    app = start("a2a", TASK_CREATIONS_PER_HOUR="60", TASK_CREATION_BURST="1")
    client = A2ACaller(app.handler, PROJECT)
    document = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": SEND}

    first, second = (client.send("POST", "", document) for _ in range(2))

    assert (first.status, second.status) == (200, 429)
    assert len(agents.store.page(AGENT, None, 10, None).tasks) == 1


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
def test_a_store_that_does_not_answer_means_try_again(
    client: A2ACaller, agents: Account, fault: Fault
) -> None:
    agents.calls.fail("PutItem", fault)

    error = client.rpc("SendMessage", SEND)

    assert (error["code"], error["data"][0]["reason"]) == (-32603, "UNAVAILABLE")


def test_a_message_whose_write_was_made_twice_is_one_task(client: A2ACaller, agents: Account) -> None:
    agents.calls.fail("PutItem", Fault.SENT_TWICE)
    agents.calls.fail("UpdateItem", Fault.SENT_TWICE)

    client.rpc("SendMessage", SEND)

    assert len(agents.store.page(AGENT, None, 10, None).tasks) == 1


def test_a_large_message_is_stored_before_its_task(client: A2ACaller, agents: Account) -> None:
    parts = [{"text": "长" * 50_000}, {"data": {"n": list(range(5_000))}}]

    task = client.rpc("SendMessage", SEND | {"message": MESSAGE | {"parts": parts}})["task"]

    operations = [call.operation for call in agents.calls.of("PutObject", "PutItem")]
    assert operations.index("PutObject") < len(operations) - 1
    assert client.rpc("GetTask", {"id": task["id"]})["history"][0]["parts"] == parts


def test_what_is_unexpected_is_an_internal_error(
    agents: Account, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start("a2a")
    monkeypatch.setattr(type(app.agent_handler.methods), "_get", lambda *_: 1 / 0)

    answer = post(A2ACaller(app.handler, PROJECT), json.dumps(GET))

    assert (answer.body["id"], error_of(answer)["code"]) == (1, -32603)
    assert answer.body["error"]["message"] == "The service met an unexpected error."
    assert agents.calls.denied == []
