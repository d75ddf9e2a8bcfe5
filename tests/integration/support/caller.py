"""A caller of the API: builds what API Gateway would send to the function, and reads what it answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

REQUEST_ID = "7c1f1c9e-2f0e-4c62-9a39-6f2d8a1b5e40"
RESOURCES = {
    3: "/a2a/{agentId}/tasks",
    4: "/a2a/{agentId}/tasks/{taskId}",
    5: "/a2a/{agentId}/tasks/{taskId}/messages",
    6: "/a2a/{agentId}/tasks/{taskId}/pushNotificationConfigs/{configId}",
}
"""The template's routes by the number of segments in a path."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``text`` is its body byte for byte."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        code: str = self.body["code"]
        return code


@dataclass(frozen=True)
class Caller:
    """Calls the handler as one project. ``limits`` are its key's own, as the authorizer gives them;
    ``base_path`` is where below a domain of one's own the API is."""

    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    project_id: str
    key_id: str = "abcdefghijklmnop"
    limits: dict[str, str] = field(default_factory=dict)
    remaining_ms: int = 900_000
    base_path: str = ""

    def post(self, agent_id: str, document: object, **options: Any) -> Answer:
        """Create a task from a JSON document."""
        return self.send("POST", f"/a2a/{agent_id}/tasks", body=json.dumps(document), **options)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        base64: bool = False,
        content_type: str | None = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; ``path`` may have a query."""
        path, _, query = path.partition("?")
        parts = path.strip("/").split("/")
        names = ("agentId", "taskId", "configId")
        parameters = dict(zip(names, parts[1::2], strict=False)) if parts[0] == "a2a" else {}
        queries = parse_qs(query, keep_blank_values=True)
        event = load_event("api_post_task")
        event["headers"].pop("Content-Type", None)
        event["multiValueHeaders"].pop("Content-Type", None)
        if content_type:
            event["headers"]["Content-Type"] = content_type
            event["multiValueHeaders"]["Content-Type"] = [content_type]
        for name, value in (headers or {}).items():
            event["headers"][name] = value
            event["multiValueHeaders"][name] = [value]
        resource = RESOURCES.get(len(parts), path)
        if parts[-1] in ("events", "timeline", "deliveries", "retry"):
            resource = f"/a2a/{{agentId}}/tasks/{{taskId}}/{parts[-1]}"
        if parts[-1] == "pushNotificationConfigs":
            resource = "/a2a/{agentId}/tasks/{taskId}/pushNotificationConfigs"
        if parts[-1] == "tasks:batchCreate":
            resource = "/a2a/{agentId}/tasks:batchCreate"
        if len(parts) == 3 and parts[-1] == "messages":
            resource = "/a2a/{agentId}/messages"
        if len(parts) == 4 and parts[2] == "contexts":
            resource = "/a2a/{agentId}/contexts/{contextId}"
            parameters = {"agentId": parts[1], "contextId": parts[3]}
        event |= {
            "httpMethod": method,
            "path": self.base_path + path,
            "resource": resource,
            "pathParameters": parameters or None,
            "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
            "multiValueQueryStringParameters": queries or None,
            "body": body,
            "isBase64Encoded": base64,
        }
        event["requestContext"] |= {
            "httpMethod": method,
            # with a domain of one's own, the stage is not in it
            "path": f"{self.base_path or '/dev'}{path}",
            "resourcePath": resource,
            "requestId": REQUEST_ID,
            "authorizer": {
                "projectId": self.project_id,
                "keyId": self.key_id,
                "principalId": "x",
                **self.limits,
            },
        }
        answer = self.handler(event, LambdaContext(self.remaining_ms))
        answered = dict(answer.get("headers") or {})
        answered |= {name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        return Answer(answer["statusCode"], answered, answer["body"])
