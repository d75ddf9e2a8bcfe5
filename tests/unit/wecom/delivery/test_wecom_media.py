"""Files that people send to an application: fetched by the sender, for the function that WeCom calls."""

import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from a2a_tasks.adapters.wecom.media_by_sender import MediaBySender
from a2a_tasks.adapters.wecom.sender_answers import SenderAnswers
from a2a_tasks.adapters.wecom.sender_function import SenderFunction
from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.ports import (
    FileTooLarge,
    FileUnavailable,
    MediaRefused,
    SentFile,
    WeComRefused,
    WeComUnanswered,
)
from tests.twins.stores.connections import MemoryConnections

APP = Connection("desk", "demo", ConnectionKind.APP, "arn:app", 0, corp_id="ww1", app_id="1")
BOT = Connection("helper", "demo", ConnectionKind.BOT, "arn:bot", 0)


@dataclass
class Sent:
    """What WeCom has of somebody's files; ``error`` is raised instead."""

    files: dict[str, SentFile] = field(default_factory=dict)
    error: Exception | None = None

    def download(self, connection: Connection, media_id: str, limit: int) -> SentFile:  # noqa: ARG002
        if self.error:
            raise self.error
        file = self.files[media_id]
        if len(file.content) > limit:
            raise FileTooLarge
        return file


@dataclass
class Functions:
    """Lambda's client, with the sender behind it."""

    answers: SenderAnswers
    error: Exception | None = None
    fails: bool = False

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "sender"
        if self.error:
            raise self.error
        answer = self.answers.media(json.loads(Payload)["mediaOf"])
        failed = {"FunctionError": "Unhandled"} if self.fails else {}
        return {"Payload": BytesIO(json.dumps(answer).encode())} | failed


@pytest.fixture
def sent() -> Sent:
    files = {"photo": SentFile(b"\x89PNG", "photo.png"), "nameless": SentFile(b"x", "")}
    return Sent(files)


@pytest.fixture
def sender(sent: Sent) -> Functions:
    connections = MemoryConnections()
    for connection in (APP, BOT):
        connections.put(connection, ConnectionSecrets())
    return Functions(SenderAnswers(connections, cast(WeComApp, sent), "203.0.113.7"))


def fetched(
    sender: Functions, media_id: str = "photo", limit: int = 100, connection: Connection = APP
) -> SentFile:
    reader = MediaBySender(SenderFunction(lambda: cast(Any, sender), "sender"))
    return reader.media(connection, media_id, limit)


def test_the_sender_fetches_a_file_with_its_name(sender: Functions) -> None:
    assert fetched(sender) == SentFile(b"\x89PNG", "photo.png")
    assert fetched(sender, "nameless") == SentFile(b"x", "")


def test_a_file_that_is_too_large_is_told_apart(sender: Functions) -> None:
    with pytest.raises(FileTooLarge):
        fetched(sender, limit=3)


def test_only_an_application_that_there_is_has_files(sender: Functions) -> None:
    for connection in (BOT, Connection("gone", "demo", ConnectionKind.APP, "arn:gone", 0)):
        with pytest.raises(FileUnavailable, match="no such application"):
            fetched(sender, connection=connection)


def test_what_an_operator_must_change_comes_in_words(sender: Functions, sent: Sent) -> None:
    sent.error = WeComRefused("media/get", 60020)

    with pytest.raises(MediaRefused, match=r"trusted IPs.* The address is 203\.0\.113\.7\."):
        fetched(sender)


@pytest.mark.parametrize(
    "error",
    [
        WeComRefused("media/get", -1),
        WeComRefused("media/get", 40007),
        WeComUnanswered("media/get", "no answer"),
        TokenBusy("another process asks for an access token"),
        StoreUnavailable("no answer"),
        SecretsUnavailable("no answer"),
    ],
)
def test_what_may_be_over_in_a_moment_makes_the_file_unavailable(
    sender: Functions, sent: Sent, error: Exception
) -> None:
    sent.error = error

    with pytest.raises(FileUnavailable) as caught:
        fetched(sender)
    assert not isinstance(caught.value, MediaRefused)


def test_a_sender_that_fails_or_does_not_answer_makes_the_file_unavailable(sender: Functions) -> None:
    sender.fails = True
    with pytest.raises(FileUnavailable, match="the sender has failed"):
        fetched(sender)
    sender.error = ReadTimeoutError(endpoint_url="https://lambda.example")
    with pytest.raises(FileUnavailable):
        fetched(sender)
