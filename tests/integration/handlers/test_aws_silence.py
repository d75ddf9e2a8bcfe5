"""The real clients against a server that says nothing, or hangs up: no call waits for ever."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.adapters.sqs.task_queue import SQSTaskQueue
from a2a_tasks.execution.process.intake import DIRECT_SECONDS
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from tests.integration.support.stored_task import new_task
from tests.integration.support.template import known_values

IMPATIENT = clients.CONFIG.merge(
    Config(read_timeout=0.2, connect_timeout=0.2, retries={"mode": "standard", "total_max_attempts": 1})
)
SLOWEST_ANSWER_SECONDS = 1
BROKEN_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


@dataclass(frozen=True)
class Endpoint:
    url: str
    accepted: list[socket.socket]


@contextmanager
def listening(treat: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """Accept connections and treat each in its way."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(connection)
                treat(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint(f"http://127.0.0.1:{server.getsockname()[1]}", accepted)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in accepted:
        connection.close()


def hang(_: socket.socket) -> None:
    """Say nothing."""


def hang_up(connection: socket.socket) -> None:
    connection.close()


def break_off(connection: socket.socket) -> None:
    """Answer, and stop in the middle of the body."""
    connection.recv(65_536)
    connection.sendall(BROKEN_ANSWER)
    connection.shutdown(socket.SHUT_RDWR)


def break_off_early(connection: socket.socket) -> None:
    """Answer, and stop before the body."""
    connection.recv(65_536)
    connection.sendall(BROKEN_ANSWER.removesuffix(b"{"))
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("treat", [hang, hang_up])
def test_the_store_is_unavailable(treat: Callable[[socket.socket], None]) -> None:
    with listening(treat) as endpoint:
        client = boto3.client("dynamodb", endpoint_url=endpoint.url, config=IMPATIENT)
        with pytest.raises(StoreUnavailable):
            DynamoDBTaskStore(client, "tasks").get(new_task().ref)
        client.close()


@pytest.mark.parametrize("treat", [hang, hang_up, break_off])
def test_payloads_are_unavailable(treat: Callable[[socket.socket], None]) -> None:
    with listening(treat) as endpoint:
        client = boto3.client("s3", endpoint_url=endpoint.url, config=IMPATIENT)
        with pytest.raises(PayloadUnavailable):
            S3Payloads(lambda: client, "payloads").get("tasks/a/x.json")
        client.close()


@pytest.mark.parametrize("treat", [hang, hang_up])
def test_the_queue_is_unavailable(treat: Callable[[socket.socket], None]) -> None:
    with listening(treat) as endpoint:
        client = boto3.client("sqs", endpoint_url=endpoint.url, config=IMPATIENT)
        url = f"{endpoint.url}/123456789012/tasks"
        with pytest.raises(QueueUnavailable):
            SQSTaskQueue(client, url, url).send(new_task())
        client.close()


@pytest.mark.parametrize("treat", [break_off, break_off_early])
def test_what_has_broken_off_is_no_answer(
    treat: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK takes it for an empty one: there is no such task, there are no messages."""
    with listening(treat) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
        with pytest.raises(StoreUnavailable):
            DynamoDBTaskStore(clients.dynamodb(), "tasks").get(new_task().ref)
        assert len(endpoint.accepted) == 3, "it was called again, as after other faults"
        url = f"{endpoint.url}/123456789012/tasks"
        with pytest.raises(QueueUnavailable):
            SQSTaskQueue(clients.sqs(), url, url).receive(10, 30)
        with pytest.raises(PayloadUnavailable):
            S3Payloads(clients.s3, "payloads").delete_all("a")


def test_a_call_is_given_up_while_a_lease_still_lives() -> None:
    lease = int(known_values({})["LeaseSeconds"])
    for client in (clients.dynamodb(), clients.sqs(), clients.s3()):
        config: Any = client.meta.config
        assert config.connect_timeout + config.read_timeout < lease


def test_an_empty_long_poll_is_answered_before_its_client_gives_up() -> None:
    """SQS answers it when its time is over, and the answer has a way to go. A poll that is given up is
    repeated, and what the first one receives stays invisible."""
    config: Any = clients.sqs().meta.config
    assert max(DIRECT_SECONDS) + SLOWEST_ANSWER_SECONDS <= config.read_timeout
