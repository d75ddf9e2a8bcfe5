"""An agent on the twins, as its A2A clients see it; every result is checked against the protocol's types."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from a2a import types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from a2a_tasks.a2a.card import Publisher
from a2a_tasks.a2a.methods import CallContext, Methods
from a2a_tasks.wiring.a2a import build_methods
from tests.a2a_types import strictly
from tests.twins.deployment import Deployment

RESULTS: dict[str, type[Message]] = {
    "SendMessage": types.SendMessageResponse,
    "GetTask": types.Task,
    "CancelTask": types.Task,
    "GetExtendedAgentCard": types.AgentCard,
    "CreateTaskPushNotificationConfig": types.TaskPushNotificationConfig,
    "GetTaskPushNotificationConfig": types.TaskPushNotificationConfig,
    "ListTaskPushNotificationConfigs": types.ListTaskPushNotificationConfigsResponse,
    "DeleteTaskPushNotificationConfig": Empty,
}
PUBLISHER = Publisher("Example Ltd", "https://example.com", "https://example.com/docs")
ADDRESS = "https://api.example/prod/a2a/writer"


@dataclass
class A2AAgent:
    """``while_waiting`` is what happens at each look at a task that is waited for."""

    deployment: Deployment
    while_waiting: Callable[[], object] = lambda: None
    project_id: str = "demo"
    agent_id: str = "writer"
    wait_seconds: float = 25.0
    counted: list[str] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)

    def call(self, method: str, params: dict[str, Any], idempotency_key: str | None = None) -> Any:
        result = self._methods().call(method, params, self._call(method, idempotency_key))
        if method == "ListTasks":  # whose fields are required, and yet may be empty
            ParseDict(result, types.ListTasksResponse())
        for task in result.get("tasks", ()):
            strictly(task, types.Task)
        if method != "ListTasks":
            strictly(result, RESULTS[method])
        return result

    def stream(self, method: str, params: dict[str, Any]) -> list[Any]:
        """The responses of a method that streams, without the signs of life."""
        streamed = self._methods().stream(method, params, self._call(method))
        responses = [response for response in streamed if response is not None]
        for response in responses:
            strictly(response, types.StreamResponse)
        return responses

    def _call(self, method: str, idempotency_key: str | None = None) -> CallContext:
        return CallContext(
            project_id=self.project_id,
            agent_id=self.agent_id,
            address=ADDRESS,
            correlation_id="request-1",
            wait_seconds=lambda: self.wait_seconds,
            stream_seconds=lambda: self.wait_seconds,
            count_creation=lambda: self.counted.append(method),
            open_stream=self.opened.append,
            idempotency_key=idempotency_key,
        )

    def send(self, text: str = "Write.", *, key: str | None = None, **more: Any) -> Any:
        """Send a message and do not wait; ``more`` are its fields, and ``configuration``. The task."""
        configuration = {"returnImmediately": True} | more.pop("configuration", {})
        message = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}]} | more
        return self.call("SendMessage", {"message": message, "configuration": configuration}, key)["task"]

    def get(self, task_id: str, **params: Any) -> Any:
        return self.call("GetTask", {"id": task_id} | params)

    def _methods(self) -> Methods:
        deployment = self.deployment

        def pause(seconds: float) -> None:
            deployment.clock.advance(seconds)
            self.while_waiting()

        return build_methods(
            deployment.services(),
            deployment.submitter(),
            links=deployment.payloads,
            push=deployment.push_configs(),
            live=deployment.live,
            publisher=PUBLISHER,
            pause=pause,
        )
