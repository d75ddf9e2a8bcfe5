"""Departments: asked of the sender, told in words where they are not, and kept from nobody who is named."""

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.wecom.departments_by_sender import DepartmentsBySender
from a2a_tasks.adapters.wecom.sender_answers import SenderAnswers
from a2a_tasks.adapters.wecom.sender_function import SenderFunction
from a2a_tasks.ports.errors import (
    DepartmentsRefused,
    DepartmentsUnavailable,
    SecretsUnavailable,
    StoreUnavailable,
)
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.ports import WeComRefused, WeComUnanswered
from tests.twins.stores.connections import MemoryConnections

APP = Connection("desk", "demo", ConnectionKind.APP, "arn:app", 0, corp_id="ww1", app_id="1")
BOT = Connection("helper", "demo", ConnectionKind.BOT, "arn:bot", 0)


@dataclass
class Members:
    """Who is in which department; ``error`` is raised instead."""

    of: dict[str, frozenset[int]] = field(default_factory=dict)
    error: Exception | None = None

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:  # noqa: ARG002
        if self.error:
            raise self.error
        return self.of.get(user_id, frozenset())


@dataclass
class Functions:
    """Lambda's client, with the sender behind it."""

    answers: SenderAnswers
    error: Exception | None = None
    fails: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "sender"
        if self.error:
            raise self.error
        self.asked.append(json.loads(Payload))
        answer = self.answers.departments(self.asked[-1]["departmentsOf"])
        failed = {"FunctionError": "Unhandled"} if self.fails else {}
        return {"Payload": BytesIO(json.dumps(answer).encode())} | failed


@pytest.fixture
def members() -> Members:
    return Members({"HanMeimei": frozenset({7, 2})})


@pytest.fixture
def sender(members: Members) -> Functions:
    connections = MemoryConnections()
    for connection in (APP, BOT):
        connections.put(connection, ConnectionSecrets())
    return Functions(SenderAnswers(connections, cast(WeComApp, members), "203.0.113.7"))


def asked(sender: Functions, user: str = "HanMeimei", connection: Connection = APP) -> frozenset[int]:
    reader = DepartmentsBySender(SenderFunction(lambda: cast(Any, sender), "sender"))
    return reader.departments(connection, user)


def test_the_sender_tells_somebodys_departments(sender: Functions) -> None:
    assert asked(sender) == {2, 7}
    assert asked(sender, "nobody") == frozenset()
    assert sender.asked[0] == {"departmentsOf": {"connectionId": "desk", "userId": "HanMeimei"}}


def test_only_an_application_that_there_is_has_departments(sender: Functions) -> None:
    gone = Connection("gone", "demo", ConnectionKind.APP, "arn:gone", 0)
    assert asked(sender, connection=BOT) == asked(sender, connection=gone) == frozenset()


@pytest.mark.parametrize(
    ("errcode", "words"),
    [
        (60020, r"user/get: .*trusted IPs.* The address is 203\.0\.113\.7\."),
        (40001, "secret is wrong"),
        (99999, "WeCom refuses it with its error 99999"),
    ],
)
def test_what_an_operator_must_change_comes_in_words(
    sender: Functions, members: Members, errcode: int, words: str
) -> None:
    members.error = WeComRefused("user/get", errcode)
    with pytest.raises(DepartmentsRefused, match=words):
        asked(sender)


@pytest.mark.parametrize(
    "error",
    [
        WeComRefused("user/get", -1),
        WeComRefused("user/get", 45009),
        WeComRefused("user/get", 42001),
        WeComUnanswered("user/get", "no answer"),
        TokenBusy("another process asks for an access token"),
        StoreUnavailable("no answer"),
        SecretsUnavailable("no answer"),
    ],
)
def test_what_may_be_over_in_a_moment_is_a_fault(
    sender: Functions, members: Members, error: Exception
) -> None:
    members.error = error
    with pytest.raises(DepartmentsUnavailable):
        asked(sender)


def test_a_sender_that_does_not_answer_or_fails_is_a_fault(sender: Functions) -> None:
    sender.fails = True
    with pytest.raises(DepartmentsUnavailable, match="the sender has failed"):
        asked(sender)
    sender.error = ReadTimeoutError(endpoint_url="https://lambda.example")
    with pytest.raises(DepartmentsUnavailable):
        asked(sender)


def test_the_sender_is_asked_once_and_not_longer_than_wecom_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    config: Any = clients.functions().meta.config
    assert config.connect_timeout + config.read_timeout < 5
    assert config.retries["total_max_attempts"] == 1
