"""A receiver of notifications: a port of this machine for a local stack, a function on AWS."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from tests.smoke.check import Failed
from tests.smoke.target import Target
from tests.smoke.time_limit import TimeLimit

TEMPLATE = Path(__file__).with_name("receiver.yaml")
MADE_SECONDS = 180
"""CloudFormation takes about a minute for a role and a function."""


@dataclass(frozen=True)
class Received:
    """One request; names of headers are in lower case."""

    headers: dict[str, str]
    body: str


class Receiver(Protocol):
    def begin(self) -> None:
        """Start its creation, while other checks run."""
        ...

    def url(self, time_limit: TimeLimit) -> str:
        """Its URL. Waits until it exists; raises ``Failed`` if it cannot be created."""
        ...

    def received(self) -> list[Received]:
        """All that has arrived so far."""
        ...


@dataclass
class LoopbackReceiver:
    """On a port of this machine."""

    address: str = ""
    requests: list[Received] = field(default_factory=list)

    def begin(self) -> None:
        """It exists at once."""

    def url(self, time_limit: TimeLimit) -> str:  # noqa: ARG002
        return self.address

    def received(self) -> list[Received]:
        return list(self.requests)


@dataclass
class FunctionReceiver:
    """A function with an address of its own and a queue, in a small stack of their own. With AWS credentials
    alone nothing else can be reached from the internet; and one call deletes all of it."""

    target: Target
    stack_name: str
    found: list[Received] = field(default_factory=list)
    refused: str = ""

    def begin(self) -> None:
        try:
            self.target.client("cloudformation").create_stack(
                StackName=self.stack_name,
                TemplateBody=TEMPLATE.read_text("utf-8"),
                Capabilities=["CAPABILITY_IAM"],
                TimeoutInMinutes=5,
            )
        except ClientError as error:
            self.refused = str(error)  # the checks that need none are made all the same

    def url(self, time_limit: TimeLimit) -> str:
        if self.refused:
            raise Failed(f"the receiver's stack {self.stack_name} could not be created: {self.refused}")

        def made() -> str:
            stack = self._described()
            if stack["StackStatus"] == "CREATE_IN_PROGRESS":
                return ""
            if stack["StackStatus"] != "CREATE_COMPLETE":
                raise Failed(
                    f"the receiver's stack {self.stack_name} could not be created ({stack['StackStatus']}):"
                    f" {stack.get('StackStatusReason', 'see its events in CloudFormation')}"
                )
            return self._output(stack, "Url")

        return time_limit.until(made, MADE_SECONDS, f"the receiver's stack {self.stack_name}", every=5)

    def received(self) -> list[Received]:
        queue = self._output(self._described(), "QueueUrl")
        sqs = self.target.client("sqs")
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for message in answer.get("Messages", []):
            told = json.loads(message["Body"])
            self.found.append(Received(told["headers"], told["body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return list(self.found)

    def _described(self) -> Any:
        return self.target.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]

    @staticmethod
    def _output(stack: Any, name: str) -> str:
        found: dict[str, str] = {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}
        return found[name]


def stack_of_receiver(project_id: str) -> str:
    return f"{project_id}-receiver"


@contextmanager
def receiving(target: Target, project_id: str) -> Iterator[Receiver]:
    """A receiver for the length of the block; a function's stack is deleted with the run's leftovers."""
    if target.is_emulated:
        with _listening() as receiver:
            yield receiver
        return
    yield FunctionReceiver(target, stack_of_receiver(project_id))


def delete_receiver(target: Target, project_id: str, time_limit: TimeLimit) -> None:
    """Delete the function's stack, if there is one. Raises ``TimeoutError``."""
    name = stack_of_receiver(project_id)
    client = target.client("cloudformation")
    with suppress(_NoStack):
        _status(client, name)
        client.delete_stack(StackName=name)
        time_limit.until(lambda: _is_gone(client, name), MADE_SECONDS, f"deletion of {name}", every=5)


class _NoStack(Exception):
    """There is none of that name."""


def _is_gone(client: Any, name: str) -> bool:
    try:
        return _status(client, name) == "DELETE_COMPLETE"
    except _NoStack:
        return True


def _status(client: Any, name: str) -> str:
    try:
        status: str = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise _NoStack from None
        raise
    return status


@contextmanager
def _listening() -> Iterator[LoopbackReceiver]:
    receiver = LoopbackReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(headers, body.decode()))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
