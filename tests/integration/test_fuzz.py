"""The corpus of `tests/fuzz`, and what is nearly like it, through the functions: no answer is a fault."""

import base64
from collections.abc import Callable
from hashlib import sha256
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import kept, mutated
from tests.fuzz.test_mutations import EXAMPLES
from tests.integration.support.a2a_caller import VERSIONED, A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

type Start = Callable[..., ModuleType]
FEWER = max(1, EXAMPLES // 4)
"""A request through a function costs twenty times what its parser does."""
TASK_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
PATHS = {
    "rest_task": f"/a2a/{AGENT}/tasks",
    "rest_tasks": f"/a2a/{AGENT}/tasks:batchCreate",
    "rest_push": f"/a2a/{AGENT}/tasks/{TASK_ID}/pushNotificationConfigs",
}
RESTS = {"a2a_json_rpc": "", "a2a_http_json": "/v1/message:send", "a2a_0_3": "/v0.3"}
PARAMETERS = {
    f"/a2a/{AGENT}/tasks": ("cursor", "limit", "status"),
    f"/a2a/{AGENT}/tasks/{TASK_ID}/events": ("after", "limit", "wait"),
    f"/a2a/{AGENT}/contexts/talk": ("cursor", "limit"),
    "/tasks": ("status", "agentId", "createdAfter", "createdBefore", "id", "limit", "pageToken"),
    "/usage": ("by", "from", "to", "agentId", "pageToken"),
}
A2A_PARAMETERS = (
    "pageToken",
    "pageSize",
    "historyLength",
    "includeArtifacts",
    "status",
    "statusTimestampAfter",
)
VALUES = st.text(max_size=40) | st.sampled_from(
    [
        "-1",
        "0",
        "1e999",
        "9" * 400,
        "NaN",
        "\x00",
        "١",
        TASK_ID,
        f"{9**15}_{TASK_ID}",
        "true",
        "9999-12-31T23:59:59Z",
    ]
)


def each(parser: str, check: Callable[[bytes], None]) -> None:
    """Check what is kept of a parser's inputs, and mutations."""
    for known in kept(parser).values():
        check(known)

    @settings(max_examples=FEWER, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated(parser))
    def mutations(changed: bytes) -> None:
        check(changed)

    mutations()


def assert_no_fault(answer: Answer) -> None:
    assert answer.status < 500, answer.text
    assert answer.text.encode() is not None, "it can be sent"


def key_of(body: bytes) -> dict[str, str]:
    return {"Idempotency-Key": sha256(body).hexdigest()}


def as_sent(body: bytes) -> dict[str, Any]:
    """As the gateway hands over what is no text."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "base64": True}


@pytest.mark.parametrize("parser", PATHS)
def test_the_api_answers(caller: Caller, parser: str) -> None:
    def check(body: bytes) -> None:
        assert_no_fault(caller.send("POST", PATHS[parser], headers=key_of(body), **as_sent(body)))

    each(parser, check)


@pytest.mark.parametrize("parser", RESTS)
def test_a2a_answers(agents: Account, start: Start, parser: str) -> None:  # noqa: ARG001  fills the account
    client = A2ACaller(
        start("a2a", REQUESTS_PER_HOUR="0", TASK_CREATIONS_PER_HOUR="0").handler, PROJECT, remaining_ms=0
    )

    def check(body: bytes) -> None:
        sent = as_sent(body)
        is_base64 = sent.pop("base64", False)
        headers = VERSIONED | {
            "Idempotency-Key": sha256(body).hexdigest(),
            "Content-Type": "application/json",
        }
        assert_no_fault(client.send("POST", RESTS[parser], headers=headers, is_base64=is_base64, **sent))

    each(parser, check)


@pytest.mark.parametrize("path", PARAMETERS)
def test_the_api_answers_whatever_is_in_the_query(caller: Caller, path: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(PARAMETERS[path]), VALUES)
    def check(name: str, value: str) -> None:
        assert_no_fault(caller.get(f"{path}?{urlencode({name: value}, errors='surrogatepass')}"))

    check()


def test_a2a_answers_whatever_is_in_the_query(agents: Account, start: Start) -> None:  # noqa: ARG001
    client = A2ACaller(start("a2a", REQUESTS_PER_HOUR="0").handler, PROJECT, remaining_ms=0)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(A2A_PARAMETERS), VALUES)
    def check(name: str, value: str) -> None:
        query = urlencode({name: value}, errors="surrogatepass")
        assert_no_fault(client.send("GET", f"/v1/tasks?{query}"))

    check()


def test_the_authorizer_lets_nobody_in_and_never_breaks(account: Account, start: Start) -> None:
    handler = start("authorizer").handler
    account.add_key(PROJECT)

    def check(token: bytes) -> None:
        presented = {"authorizationToken": f"Bearer {token.decode(errors='replace')}"}
        event = load_event("authorizer_token") | presented
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            handler(event, LambdaContext())

    each("key", check)


@pytest.mark.parametrize("value", ["", " ", "x" * 256, "\x00", "🙂" * 255, "é", "#1", "\ud800"])
def test_any_idempotency_key_is_taken_or_refused(caller: Caller, value: str) -> None:
    for parser, body in (("rest_task", '{"message":"x"}'), ("rest_tasks", '{"tasks":[{"message":"x"}]}')):
        answer = caller.send("POST", PATHS[parser], body=body, headers={"Idempotency-Key": value})
        assert_no_fault(answer)
