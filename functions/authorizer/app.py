"""Authorizer: maps API keys to projects. Kept lean: imports neither Powertools nor pydantic."""

import gc
import json
from typing import Any

from a2a_tasks.access.authentication import authenticate
from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.system import SystemClock

# created at process start, so that the first request does not wait for it
registry = DynamoDBRegistry(clients.dynamodb(), environment.text("REGISTRY_TABLE"))
clock = SystemClock()
gc.enable()
gc.freeze()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Allow all routes of the stage, because the response is cached for all of them, or raise.

    API Gateway responds 401 only if the exception's text is exactly ``Unauthorized``.
    """
    key = authenticate(registry, event["authorizationToken"], clock.now())
    if key is None:
        print(json.dumps({"level": "INFO", "message": "key refused", "service": "authorizer"}))  # noqa: T201
        raise Exception("Unauthorized")
    api, _, _ = event["methodArn"].partition("/")
    stage = event["methodArn"].split("/")[1]
    return {
        "principalId": key.key_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*"}
            ],
        },
        # the gateway passes all values on as strings
        "context": {"projectId": key.project_id, "keyId": key.key_id}
        | {name: str(limit) for name, limit in key.limits.to_named().items()},
    }
