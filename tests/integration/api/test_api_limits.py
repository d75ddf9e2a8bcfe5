"""What no request can do to a function that answers others too, whichever route it takes."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.text.json_limits import TOO_DEEP, TOO_MANY
from tests.integration.support.account import AGENT, Account
from tests.integration.support.caller import Caller

TASK_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
ROUTES = {
    f"/a2a/{AGENT}/tasks": '{"message": "hello", "context": {"x": VALUE}}',
    f"/a2a/{AGENT}/tasks:batchCreate": '{"tasks": [{"message": "hello", "context": {"x": VALUE}}]}',
    f"/a2a/{AGENT}/messages": '{"message": "hello", "context": {"x": VALUE}}',
    f"/a2a/{AGENT}/tasks/{TASK_ID}/messages": '{"message": VALUE}',
    f"/a2a/{AGENT}/tasks/{TASK_ID}/pushNotificationConfigs": '{"url": VALUE}',
}
KEY = {"Idempotency-Key": "abc"}


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("key", [{}, KEY], ids=["", "with a key"])
@pytest.mark.parametrize(
    ("value", "problem"),
    [(nested(300), TOO_DEEP), (nested(9_000), TOO_DEEP), (f"[{'0,' * 2_500_000}0]", TOO_MANY)],
    ids=["300 deep", "9,000 deep", "2.5 million numbers"],
)
def test_json_beyond_its_limits_is_not_parsed(
    caller: Caller, account: Account, path: str, key: dict[str, str], value: str, problem: str
) -> None:
    answer = caller.send("POST", path, body=ROUTES[path].replace("VALUE", value), headers=key)

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.body["details"] == [{"field": "body", "message": problem}]
    assert account.calls.made == []


def test_a_context_as_deep_as_is_taken_has_a_key_too(caller: Caller) -> None:
    document: dict[str, Any] = {"message": "hello", "context": {"x": json.loads(nested(30))}}

    first = caller.post(AGENT, document, headers=KEY)
    again = caller.post(AGENT, document, headers=KEY)

    assert (first.status, again.status) == (202, 202)
    assert first.body["taskId"] == again.body["taskId"]


@pytest.mark.parametrize("lane", ["standard", "batch"])
def test_what_the_model_is_shown_has_a_limit_of_its_own(caller: Caller, account: Account, lane: str) -> None:
    """200 KB of JSON would be 3 MB of indented text."""
    context = json.loads(f"{'[' * 28}{'0,' * 99_000}0{']' * 28}")

    answer = caller.post(AGENT, {"message": "hello", "context": {"x": context}, "lane": lane})

    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.body["error"].startswith(
        "context: takes more than 1048576 characters as the model is shown"
    )
    assert [call.operation for call in account.calls.made] == []


@pytest.mark.parametrize(
    ("path", "template"),
    [
        (f"/a2a/{AGENT}/tasks", '{"message": "hello", FIELDS}'),
        (f"/a2a/{AGENT}/messages", '{"message": "hello", FIELDS}'),
        (f"/a2a/{AGENT}/tasks:batchCreate", '{"tasks": [{"message": "hello", FIELDS}]}'),
        (
            f"/a2a/{AGENT}/tasks/{TASK_ID}/pushNotificationConfigs",
            '{"url": "https://a.example/", "authentication": {"scheme": "Bearer", FIELDS}}',
        ),
    ],
)
def test_an_error_does_not_grow_with_what_is_wrong(caller: Caller, path: str, template: str) -> None:
    """Each unknown field is named with what is known: 90,000 of them would be an answer of 40 MB."""
    fields = ", ".join(f'"x{n}": 0' for n in range(90_000))

    answer = caller.send("POST", path, body=template.replace("FIELDS", fields))

    assert answer.status in (200, 400)
    assert len(answer.text) < 1_000
    assert "has 90001 fields; at most 100 are taken" in answer.text


def test_an_error_that_names_what_is_no_text_can_be_sent(caller: Caller) -> None:
    answer = caller.post(AGENT, {"message": "hello", "\ud800": 1})

    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert answer.text.encode()
