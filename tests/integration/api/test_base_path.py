"""The API below a path of a domain of one's own: API Gateway has that in front of the request's path, and not
in front of the route's (aws-powertools/powertools-lambda-python#576)."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from urllib.parse import urljoin, urlsplit

import pytest

from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

DOMAIN = "https://agents.example.com"
BASE_PATHS = ["", "/agents", "/v1/agents", "/a2a"]
"""The last one looks like a part of the routes."""


@pytest.fixture
def api(agents: Account, start: Callable[..., ModuleType]) -> ModuleType:  # noqa: ARG001  fills the account
    return start("api", API_DOCS="on", REQUESTS_PER_HOUR="0", TASK_CREATIONS_PER_HOUR="0")


@pytest.fixture(params=BASE_PATHS)
def below(request: pytest.FixtureRequest, caller: Caller) -> Caller:
    return replace(caller, base_path=request.param)


def test_a_task_is_found_where_its_creation_says(below: Caller) -> None:
    accepted = below.post(AGENT, {"message": "hello"})

    assert accepted.status == 202
    called = f"{DOMAIN}{below.base_path}/a2a/{AGENT}/tasks"
    address = urlsplit(urljoin(called, accepted.headers["Location"])).path
    assert address == below.base_path + accepted.body["checkUrl"]
    assert below.get(accepted.body["checkUrl"]).body["taskId"] == accepted.body["taskId"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/docs?format=json"),
        ("GET", f"/a2a/{AGENT}/tasks"),
        ("DELETE", f"/a2a/{AGENT}/contexts/a%2Fb"),
    ],
)
def test_each_kind_of_route_answers(below: Caller, method: str, path: str) -> None:
    assert below.send(method, path).status == 200


def test_a_message_that_is_waited_for_is_answered(below: Caller) -> None:
    caller = replace(below, remaining_ms=4_001)

    answer = caller.send("POST", f"/a2a/{AGENT}/messages", body=json.dumps({"message": "hello"}))

    assert (answer.status, answer.headers["Location"]) == (202, f"tasks/{answer.body['taskId']}")


def test_a_task_of_another_agents_name_is_still_its_own(agents: Account, api: ModuleType) -> None:
    agents.add_agent("a2a", PROJECT)
    caller = Caller(api.handler, PROJECT, base_path="/a2a")

    assert caller.post("a2a", {"message": "hello"}).body["checkUrl"].startswith("/a2a/a2a/tasks/")


@pytest.mark.parametrize("base_path", BASE_PATHS)
def test_wecom_reaches_its_connection(start: Callable[..., ModuleType], base_path: str) -> None:
    """It is refused as what has no connection, not as what has no route."""
    event = load_event("wecom_verify_url")
    event["path"] = event["requestContext"]["path"] = base_path + event["path"]

    answer = start("wecom").handler(event, LambdaContext())

    assert (answer["statusCode"], answer["body"]) == (403, "Forbidden")
