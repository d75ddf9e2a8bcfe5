"""Every call of an AWS client in this process: one at a time, recorded, and failing where a test says.

While a function runs, its role decides what it may call, as in a deployed stack.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.permissions import Grant, Role

PLACES = ("Key", "Item", "ExpressionAttributeValues")


class Fault(StrEnum):
    """What becomes of a call."""

    NOT_SENT = "not sent"  # the service never sees it
    ANSWER_LOST = "answer lost"  # it takes effect, and the caller gets a connection error
    SENT_TWICE = "sent twice"  # the SDK repeats it after a lost answer, and the caller gets the second one's
    THROTTLED = "throttled"  # the service refuses it
    FORBIDDEN = "forbidden"  # S3 does, for the moment


@dataclass(frozen=True)
class Call:
    operation: str
    parameters: dict[str, Any]


@dataclass
class Plan:
    """Faults to come: ``times`` of them, after ``skips`` calls that succeed."""

    operation: str
    on: str
    fault: Fault
    times: int = 1
    skips: int = 0
    is_met: bool = False


@dataclass
class AwsCalls:
    """The calls so far. Moto's conditional writes are not atomic across threads, so a lock makes them so.

    ``used`` are the grants that functions made use of, and ``denied`` what they called without one.
    ``functions`` are the handlers of those that others invoke, by name; ``events`` is what was invoked
    asynchronously, which a test carries out itself.
    """

    made: list[Call] = field(default_factory=list)
    used: set[Grant] = field(default_factory=set)
    denied: list[Call] = field(default_factory=list)
    functions: dict[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    _role: Role | None = None
    _plans: list[Plan] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def fail(self, operation: str, fault: Fault = Fault.NOT_SENT, times: int = 1, *, on: str = "") -> None:
        """Let the next ``times`` calls of an operation (``UpdateItem``) fail, or the next whose key, item
        or query contains ``on``. A test fails whose plan no call meets."""
        self._plans.append(Plan(operation, on, fault, times))

    def fail_nth(self, operation: str, number: int, fault: Fault) -> None:
        """Let one call of an operation fail: the ``number``-th from now on (1, 2, …)."""
        self._plans.append(Plan(operation, "", fault, skips=number - 1))

    @property
    def unmet(self) -> list[Plan]:
        """Plans that no call has met: what they were to break did not happen."""
        return [plan for plan in self._plans if not plan.is_met]

    def fail_no_more(self) -> None:
        """Forget all plans, met or not."""
        self._plans.clear()

    def of(self, *operations: str) -> list[Call]:
        return [call for call in self.made if call.operation in operations]

    @contextmanager
    def as_role(self, role: Role | None) -> Iterator[None]:
        """Every call is made in this role; with None it is the test's own, also while a function runs."""
        before, self._role = self._role, role
        try:
            yield
        finally:
            self._role = before

    @contextmanager
    def watching(self) -> Iterator[None]:
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            with self._lock:
                self.made.append(Call(operation, parameters))
                self._authorize(operation, parameters)
                fault = self._next_fault(operation, parameters)
                if operation == "ReceiveMessage":
                    # moto would wait with the lock in its hands
                    parameters = parameters | {"WaitTimeSeconds": 0}
                carry_out = self._invoke if operation == "Invoke" else original
                lost = ConnectionClosedError(endpoint_url=client.meta.endpoint_url)
                match fault:
                    case Fault.NOT_SENT:
                        raise lost
                    case Fault.THROTTLED:
                        error: Any = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
                        raise ClientError(error, operation)
                    case Fault.FORBIDDEN:
                        raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)
                    case Fault.ANSWER_LOST | Fault.SENT_TWICE:
                        first = carry_out(client, operation, parameters)
                        if fault is Fault.ANSWER_LOST:
                            raise lost
                        # DynamoDB knows a transaction again: the SDK sends one token with all its tries
                        if operation == "TransactWriteItems":
                            return first
                return carry_out(client, operation, parameters)

        with patch.object(BaseClient, "_make_api_call", make_api_call):
            yield

    def _invoke(self, _client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """What Lambda does, with a function of this process."""
        if parameters.get("InvocationType") == "Event":
            self.events.append(json.loads(parameters["Payload"]))
            return {"StatusCode": 202, "Payload": BytesIO()}
        handler = self.functions.get(parameters["FunctionName"])
        if handler is None:
            error: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": "no such function"}}
            raise ClientError(error, operation)
        try:
            answer = handler(json.loads(parameters["Payload"]), LambdaContext())
        except Exception as problem:
            # as in Lambda, it is the caller's answer
            failure = json.dumps({"errorMessage": str(problem)}).encode()
            return {"StatusCode": 200, "Payload": BytesIO(failure), "FunctionError": "Unhandled"}
        return {"StatusCode": 200, "Payload": BytesIO(json.dumps(answer).encode())}

    def _next_fault(self, operation: str, parameters: dict[str, Any]) -> Fault | None:
        place = next((parameters[name] for name in PLACES if name in parameters), "")
        for plan in self._plans:
            if plan.operation != operation or not plan.times or plan.on not in str(place):
                continue
            if plan.skips:
                plan.skips -= 1
                return None
            plan.times, plan.is_met = plan.times - 1, True
            return plan.fault
        return None

    def _authorize(self, operation: str, parameters: dict[str, Any]) -> None:
        if self._role is None:
            return
        used = self._role.uses(operation, parameters)
        if used is None:
            self.denied.append(Call(operation, parameters))
            error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not in the function's role"}}
            raise ClientError(error, operation)
        self.used |= used
