"""What no client can do to a function that answers others too: every binding, and both versions."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.text.json_limits import TOO_DEEP, TOO_MANY
from tests.integration.support.a2a_caller import VERSIONED, A2ACaller
from tests.integration.support.caller import Answer

MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
OLD_MESSAGE = {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
RPC, OLD, HTTP = "rpc", "0.3", "http"


def send(client: A2ACaller, binding: str, part: str, **more: Any) -> Answer:
    """A message with one part more, that is written as it is given; ``more`` is of the JSON-RPC request."""
    message = OLD_MESSAGE if binding == OLD else MESSAGE
    kind = '"kind": "data", ' if binding == OLD else ""
    written = json.dumps(message).replace("]", f', {{{kind}"data": {part}}}]')
    at_once = '{"blocking": false}' if binding == OLD else '{"returnImmediately": true}'
    params = f'{{"message": {written}, "configuration": {at_once}}}'
    if binding == HTTP:
        return client.send("POST", "/v1/message:send", body=params)
    method = "message/send" if binding == OLD else "SendMessage"
    rest = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method} | more)[1:]
    body = f'{{"params": {params}, {rest}'
    return client.send("POST", "/v0.3" if binding == OLD else "", body=body, headers=VERSIONED)


def problem_of(answer: Answer) -> tuple[int, str]:
    error = answer.body["error"]
    return error["code"], error["message"]


@pytest.mark.parametrize(("binding", "code"), [(RPC, -32700), (OLD, -32700), (HTTP, 400)])
@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (f"{'[' * 9_000}{']' * 9_000}", TOO_DEEP),
        (f"{'[' * 30}{']' * 30}", TOO_DEEP),
        (f"[{'0,' * 2_500_000}0]", TOO_MANY),
    ],
    ids=["9,000 deep", "30 deep", "2.5 million numbers"],
)
def test_json_beyond_its_limits_is_not_parsed(
    client: A2ACaller, binding: str, code: int, part: str, problem: str
) -> None:
    assert problem_of(send(client, binding, part)) == (code, f"The body {problem}.")


@pytest.mark.parametrize(("binding", "code"), [(RPC, -32602), (HTTP, 400)])
def test_a_number_that_json_has_not_is_not_handed_back(client: A2ACaller, binding: str, code: int) -> None:
    found, message = problem_of(send(client, binding, '{"a": [1e999]}'))

    assert (found, message) == (code, "message.parts[1].data: contains a number that is too large")


def test_as_many_values_as_are_taken_never_meet_the_protocols_types(
    client: A2ACaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cost ten microseconds each there: 27 seconds for 5 MB."""
    met: list[object] = []
    monkeypatch.setattr(
        "google.protobuf.json_format._Parser._ConvertValueMessage", lambda *found: met.append(found)
    )

    answer = send(client, RPC, f"[{'0,' * 99_000}0]")

    assert "result" in answer.body
    assert len(met) == 1, "one empty object stands for all of them"


@pytest.mark.parametrize(("binding", "code"), [(RPC, -32602), (HTTP, 400)])
def test_what_the_model_is_shown_has_a_limit_of_its_own(client: A2ACaller, binding: str, code: int) -> None:
    long = "x" * 4_000_000
    part = f'{"[" * 25}{"0," * 60_000}"{long}"{"]" * 25}'

    found, message = problem_of(send(client, binding, part))

    assert found == code
    assert message.startswith("message.parts[1].data: takes more than 5242880 characters as the model is")


@pytest.mark.parametrize("rest", ["", "/v0.3"])
@pytest.mark.parametrize("name", ["id", "method"])
def test_half_a_surrogate_pair_is_no_name(client: A2ACaller, rest: str, name: str) -> None:
    request = {"jsonrpc": "2.0", "id": "1", "method": "GetTask", "params": {}} | {name: "\ud800"}

    answer = client.send("POST", rest, body=json.dumps(request))

    assert problem_of(answer) == (-32600, f"{name}: contains half of a surrogate pair, which is not text")
    assert answer.body["id"] == ("1" if name == "method" else None)
