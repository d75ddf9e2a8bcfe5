"""A client of the A2A function: what API Gateway would send to it, by either binding."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.integration.support.account import AGENT
from tests.integration.support.caller import REQUEST_ID, Answer
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

VERSIONED = {"A2A-Version": "1.0"}
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
CARD = "/.well-known/agent-card.json"


@dataclass(frozen=True)
class A2ACaller:
    """Calls the handler as one project. ``rest`` of a path is what comes after the agent's address;
    ``remaining_ms`` is how long the function may still run, and answers be waited for."""

    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    project_id: str | None
    remaining_ms: int = 900_000
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def rpc(self, method: str, params: Mapping[str, Any] | None = None, agent_id: str = AGENT) -> Any:
        """The result of a method by JSON-RPC, or its error."""
        number = next(self._ids)
        document = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        answer = self.send("POST", "", document, agent_id=agent_id)
        assert (answer.status, answer.body["id"], answer.body["jsonrpc"]) == (200, number, "2.0")
        return answer.body.get("result", answer.body.get("error"))

    def card(
        self,
        agent_id: str = AGENT,
        headers: Mapping[str, str] | None = None,
        prefix: str = "/dev",
        domain: str | None = HOST,
    ) -> Answer:
        return self.send("GET", CARD, agent_id=agent_id, headers=headers or {}, prefix=prefix, domain=domain)

    def send(
        self,
        verb: str,
        rest: str,
        document: object = None,
        *,
        agent_id: str = AGENT,
        headers: Mapping[str, str] = VERSIONED,
        body: str | None = None,
        is_base64: bool = False,
        prefix: str = "/dev",
        domain: str | None = HOST,
    ) -> Answer:
        """One request, with a JSON document or a body as it is. ``prefix`` is what its path had before that
        of the resource: the stage, or a custom domain's base path; ``domain`` is the gateway's, None on an
        emulator."""
        rest, _, query = rest.partition("?")
        resource = "/a2a/{agentId}" + ("/v1/{proxy+}" if rest.startswith("/v1/") else rest.rstrip("/"))
        parameters = {"agentId": agent_id}
        if rest.startswith("/v1/"):
            parameters["proxy"] = rest.removeprefix("/v1/")
        path = f"/a2a/{agent_id}{rest}"
        event = load_event("api_post_task")
        if body is None and document is not None:
            body = json.dumps(document)
        if body is None:
            event["headers"].pop("Content-Type")
        event["headers"] |= dict(headers)
        event |= {
            "httpMethod": verb,
            "path": path,
            "resource": resource,
            "pathParameters": parameters,
            "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)) or None,
            "body": body,
            "isBase64Encoded": is_base64,
        }
        event["requestContext"] |= {
            "httpMethod": verb,
            "path": f"{prefix}{path}",
            "resourcePath": resource,
            "requestId": REQUEST_ID,
        }
        event["requestContext"].pop("authorizer", None)
        event["requestContext"].pop("domainName")
        if domain is not None:
            event["requestContext"]["domainName"] = domain
        if self.project_id is not None:
            key = {"projectId": self.project_id, "keyId": "abcdefghijklmnop", "principalId": "x"}
            event["requestContext"]["authorizer"] = key
        answer = self.handler(event, LambdaContext(self.remaining_ms))
        return Answer(answer["statusCode"], dict(answer["headers"]), answer["body"])
