"""POST /a2a/{agentId}/tasks, through the real handler, as API Gateway calls it."""

import base64
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.ids import created_ms, is_task_id
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.tasks import payload
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import REQUEST_ID, Answer, Caller
from tests.integration.support.texts import incompressible

LONGEST = 100_000


def stored(account: Account, answer: Answer) -> Task:
    task = account.store.get(TaskRef(AGENT, answer.body["taskId"]))
    assert task is not None
    return task


def stored_input(account: Account, answer: Answer) -> dict[str, Any]:
    return payload.load(account.payloads, stored(account, answer).input)


def assert_nothing_accepted(account: Account) -> None:
    assert account.store.page(AGENT, None, 10, None).tasks == []
    assert account.message_counts() == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_the_request_of_the_issue_is_accepted_stored_and_queued(caller: Caller, account: Account) -> None:
    answer = caller.post(AGENT, {"message": "生成一个测试报告", "timeout": 300000})

    task_id = answer.body["taskId"]
    assert (answer.status, answer.body) == (
        202,
        {"taskId": task_id, "status": "pending", "checkUrl": f"/a2a/{AGENT}/tasks/{task_id}"},
    )
    assert answer.headers["Location"] == f"tasks/{task_id}"
    assert answer.headers["Content-Type"] == "application/json"
    task = stored(account, answer)
    assert is_task_id(task_id)
    assert created_ms(task_id) == task.created_at
    assert (task.status, task.timeout_ms) == (Status.PENDING, 300_000)
    assert (task.project_id, task.agent_revision, task.model) == (PROJECT, 1, "claude-sonnet-5-5")
    assert (task.correlation_id, task.max_attempts) == (REQUEST_ID, 3)
    assert stored_input(account, answer) == {"message": "生成一个测试报告"}
    (record,) = account.receive()
    assert json.loads(record["body"]) == {"agentId": AGENT, "taskId": task_id}
    assert record["messageAttributes"]["correlationId"]["stringValue"] == REQUEST_ID
    assert record["attributes"]["MessageGroupId"] == PROJECT


@pytest.mark.usefixtures("now")
def test_a_task_costs_one_write_and_one_message(caller: Caller, account: Account) -> None:
    # the agent, and what its project may do; and whether a worker is up, which is known for half a second
    first = ["GetItem", "GetItem", "PutItem", "Query", "SendMessage"]
    caller.post(AGENT, {"message": "hello"})
    assert [call.operation for call in account.calls.made] == first

    account.calls.made.clear()
    caller.post(AGENT, {"message": "hello again"})

    assert [call.operation for call in account.calls.made] == ["GetItem", "PutItem", "SendMessage"]


def test_the_timeout_left_out_is_the_agents(caller: Caller, account: Account) -> None:
    account.add_agent(timeoutMs=60_000)

    task = stored(account, caller.post(AGENT, {"message": "hello"}))

    assert task.timeout_ms == 60_000
    assert task.agent_revision == 2


@pytest.mark.parametrize("timeout", [1_000, 1_800_000, None])
def test_timeouts_up_to_the_bounds_are_taken(caller: Caller, account: Account, timeout: int | None) -> None:
    task = stored(account, caller.post(AGENT, {"message": "hello", "timeout": timeout}))

    assert task.timeout_ms == (timeout or 300_000)


@pytest.mark.parametrize("timeout", [999, 0, -1, 1_800_001, True, False, "300000", 1500.5, 2000.0, [], {}])
def test_any_other_timeout_is_refused_by_name(caller: Caller, account: Account, timeout: object) -> None:
    answer = caller.post(AGENT, {"message": "hello", "timeout": timeout})

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == ["timeout"]
    assert answer.body["error"].startswith("timeout: ")
    assert_nothing_accepted(account)


def test_a_deployment_may_allow_less_than_the_longest_timeout(
    agents: Account, start: Callable[..., ModuleType]
) -> None:
    caller = Caller(start("api", MAX_TIMEOUT_MS="60000").handler, PROJECT)

    answer = caller.post(AGENT, {"message": "hello", "timeout": 60_001})
    default = caller.post(AGENT, {"message": "hello"})

    assert answer.status == 400
    assert answer.body["error"] == "timeout: input should be less than or equal to 60000"
    task = stored(agents, default)
    assert task.timeout_ms == 60_000


def test_a_deployment_may_allow_more_than_the_usual_longest_timeout(
    agents: Account, start: Callable[..., ModuleType]
) -> None:
    caller = Caller(start("api", MAX_TIMEOUT_MS="7200000").handler, PROJECT)

    task = stored(agents, caller.post(AGENT, {"message": "hello", "timeout": 7_200_000}))

    assert task.timeout_ms == 7_200_000


@pytest.mark.parametrize("letter", ["x", "测", "😀"])
def test_a_message_of_exactly_the_longest_length_is_taken(
    caller: Caller, account: Account, letter: str
) -> None:
    answer = caller.post(AGENT, {"message": letter * LONGEST})

    assert answer.status == 202
    assert stored_input(account, answer) == {"message": letter * LONGEST}


@pytest.mark.parametrize(("size", "place"), [(4_000, "items/{}/INPUT#"), (LONGEST, "tasks/{}/input.json")])
def test_a_long_message_is_kept_beside_its_record(
    caller: Caller, account: Account, size: int, place: str
) -> None:
    answer = caller.post(AGENT, {"message": incompressible(size)})

    assert stored_input(account, answer) == {"message": incompressible(size)}
    assert (stored(account, answer).input.key or "").startswith(place.format(answer.body["taskId"]))


@pytest.mark.parametrize("letter", ["x", "测"])
def test_one_character_more_is_too_large(caller: Caller, account: Account, letter: str) -> None:
    answer = caller.post(AGENT, {"message": letter * (LONGEST + 1)})

    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.body["details"] == [
        {"field": "message", "message": "string should have at most 100000 characters"}
    ]
    assert_nothing_accepted(account)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"message": ""}, "message"),
        ({}, "message"),
        ({"message": None}, "message"),
        ({"message": 7}, "message"),
        ({"message": ["a"]}, "message"),
        ({"message": "hello", "context": []}, "context"),
        ({"message": "hello", "context": "text"}, "context"),
        ({"message": "hello", "priority": 1}, "priority"),
        ({"message": "hello", "Timeout": 5000}, "Timeout"),
        ({"message": "hello \ud800"}, "message"),
        ({"message": "hello", "context": {"half": "\udc00"}}, "context"),
        ({"message": "hello", "context": {"\ud800": 1}}, "context"),
    ],
)
def test_what_is_wrong_is_named(
    caller: Caller, account: Account, document: dict[str, Any], field: str
) -> None:
    answer = caller.post(AGENT, document)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in answer.body["details"]] == [field]
    assert set(answer.body) == {"error", "code", "details"}
    assert_nothing_accepted(account)


def test_every_wrong_field_is_named_at_once(caller: Caller) -> None:
    answer = caller.post(AGENT, {"timeout": "soon", "colour": "red"})

    assert {detail["field"] for detail in answer.body["details"]} == {"message", "timeout", "colour"}
    unknown = next(d["message"] for d in answer.body["details"] if d["field"] == "colour")
    assert unknown == (
        "is not a field of this request; known are message, context, sessionId, priority, lane, timeout, "
        "queueTimeout, delaySeconds, notBefore, maxAttempts, maxCostUsd, maxTokens, pushNotificationConfig, "
        "notify"
    )


@pytest.mark.parametrize(
    "body", ["{", '{"message": "hello"', "hello", "", None, "[]", "null", "7", '"text"', "[1, 2]"]
)
def test_a_body_that_is_no_json_object_is_refused(caller: Caller, account: Account, body: str | None) -> None:
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body=body)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"]
    assert_nothing_accepted(account)


def test_malformed_json_is_called_so(caller: Caller) -> None:
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body='{"message": ')

    assert answer.body["error"] == "body: is not valid JSON"


def test_a_base64_body_is_decoded(caller: Caller, account: Account) -> None:
    body = base64.b64encode(json.dumps({"message": "报告"}).encode()).decode()

    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body=body, base64=True)

    assert stored_input(account, answer) == {"message": "报告"}


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"message": "\xc3\x28"}'])
def test_a_base64_body_that_is_no_text_is_refused(caller: Caller, account: Account, raw: bytes) -> None:
    body = base64.b64encode(raw).decode()

    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body=body, base64=True)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert_nothing_accepted(account)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/json", None])
def test_json_is_taken_by_any_of_its_names(caller: Caller, content_type: str | None) -> None:
    answer = caller.post(AGENT, {"message": "hello"}, content_type=content_type)

    assert answer.status == 202


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_content_type_is_refused_in_the_same_shape(
    caller: Caller, account: Account, content_type: str
) -> None:
    answer = caller.post(AGENT, {"message": "hello"}, content_type=content_type)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["error"] == "content-type: must be application/json"
    assert_nothing_accepted(account)


def test_control_characters_and_emoji_survive(caller: Caller, account: Account) -> None:
    message = "a\u0000b\r\n\t\u2028\ufeff😀 e\u0301"

    answer = caller.post(AGENT, {"message": message, "context": {"\u0000": ["\u0000"]}})

    assert stored_input(account, answer) == {"message": message, "context": {"\u0000": ["\u0000"]}}


def test_the_context_reaches_the_task_as_sent(caller: Caller, account: Account) -> None:
    context: dict[str, Any] = {
        "n": 1,
        "f": 0.1,
        "big": 2**53 + 1,
        "null": None,
        "deep": [{"中": True}],
        "empty": {},
    }

    answer = caller.post(AGENT, {"message": "hello", "context": context})

    assert stored_input(account, answer)["context"] == context


def test_a_context_up_to_its_limit_is_taken_and_a_byte_more_is_too_large(
    caller: Caller, account: Account
) -> None:
    frame = len('{"k":""}')

    fits = caller.post(AGENT, {"message": "hello", "context": {"k": "x" * (256 * 1024 - frame)}})
    exceeds = caller.post(AGENT, {"message": "hello", "context": {"k": "x" * (256 * 1024 - frame + 1)}})

    assert fits.status == 202
    assert len(stored_input(account, fits)["context"]["k"]) == 256 * 1024 - frame
    assert (exceeds.status, exceeds.code) == (413, "PAYLOAD_TOO_LARGE")
    assert exceeds.body["error"] == "context: is 262145 bytes of JSON; at most 262144 are taken"


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5_000])
def test_numbers_that_json_does_not_have_are_refused(caller: Caller, account: Account, constant: str) -> None:
    body = f'{{"message": "hello", "context": {{"x": {constant}}}}}'

    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body=body)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert_nothing_accepted(account)


def test_a_body_nested_beyond_reason_is_refused(caller: Caller, account: Account) -> None:
    body = f'{{"message": "hello", "context": {{"x": {"[" * 100_000}{"]" * 100_000}}}}}'

    answer = caller.send("POST", f"/a2a/{AGENT}/tasks", body=body)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert_nothing_accepted(account)


def test_a_foreign_agent_is_answered_like_a_missing_one(caller: Caller, account: Account) -> None:
    missing = caller.post("nobody", {"message": "hello"})
    foreign = caller.post(OTHER_AGENT, {"message": "hello"})
    impossible = caller.post("Not%20an%20id", {"message": "hello"})

    assert (missing.status, missing.body) == (
        404,
        {"error": "There is no such agent.", "code": "AGENT_NOT_FOUND"},
    )
    assert missing == foreign == impossible
    assert account.message_counts()["visible"] == 0


def test_a_disabled_agent_takes_no_new_tasks(caller: Caller, account: Account) -> None:
    account.registry.disable_agent(AGENT, 0)

    answer = caller.post(AGENT, {"message": "hello"})

    assert (answer.status, answer.code) == (409, "AGENT_DISABLED")
    assert_nothing_accepted(account)


def test_a_task_is_accepted_although_the_queue_does_not_answer(caller: Caller, account: Account) -> None:
    account.calls.fail("SendMessage", Fault.NOT_SENT)

    answer = caller.post(AGENT, {"message": "hello"})

    assert answer.status == 202
    assert stored(account, answer).due_at == stored(account, answer).created_at + 30_000


@pytest.mark.parametrize(
    ("operation", "size"), [("PutItem", 5), ("PutItem", 3_000), ("GetItem", 5), ("PutObject", LONGEST)]
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_storage_that_does_not_answer_means_try_again(
    caller: Caller, account: Account, operation: str, size: int, fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    answer = caller.post(AGENT, {"message": incompressible(size)})

    assert (answer.status, answer.code) == (503, "INTERNAL_ERROR")
    assert answer.headers["Retry-After"] == "5"
    assert_nothing_accepted(account)


def test_a_create_whose_answer_was_lost_is_one_task(
    caller: Caller, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)

    answer = caller.post(AGENT, {"message": "hello"})

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answer.status == 202
    assert [line["TasksCreated"] for line in printed if "TasksCreated" in line] == [[1.0]]
    assert [task.ref.task_id for task in account.store.page(AGENT, None, 10, None).tasks] == [
        answer.body["taskId"]
    ]


def test_an_unexpected_error_tells_callers_nothing(
    api: ModuleType, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: object) -> None:
        raise RuntimeError("secret-detail of table tasks")

    monkeypatch.setattr(type(api.services.submitter), "submit", lambda _, __: break_down(None))

    answer = caller.post(AGENT, {"message": "hello"})

    assert (answer.status, answer.body) == (
        500,
        {"error": "The service met an unexpected error.", "code": "INTERNAL_ERROR"},
    )


@pytest.mark.usefixtures("agents")
def test_the_log_follows_the_request_and_holds_no_prompt(
    start: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(start("api").handler, PROJECT)

    answer = caller.post(AGENT, {"message": "very private words"})

    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    (accepted,) = (line for line in lines if line.get("message") == "task accepted")
    assert accepted["correlation_id"] == REQUEST_ID
    assert (accepted["task_id"], accepted["agent_id"]) == (answer.body["taskId"], AGENT)
    assert (accepted["service"], accepted["level"]) == ("api", "INFO")
    assert [line["TasksCreated"] for line in lines if "_aws" in line] == [[1.0]]
    assert not re.search("private|生成", printed)
