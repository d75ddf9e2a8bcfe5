"""The OpenAPI document of the API, made from its code: ``python -m docs.generate.openapi [--check]``.

Writes ``docs/openapi.json``, or with ``--check`` only says whether that file is up to date (exit status 1 if
not). Needs neither AWS nor a deployment.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import Server, ServerVariable

from docs.generate.pages import write_or_check

DOCUMENT = Path(__file__).parents[1] / "openapi.json"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "REGISTRY_TABLE": "registry",
    "PAYLOAD_BUCKET": "payloads",
    "TASK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/tasks",
    "URGENT_TASK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/urgent-tasks",
    "MODEL_ALIASES": "{}",
    "CLAUDE_BACKEND": "claude-api",
    "MAX_ATTEMPTS": "3",
    "MAX_TIMEOUT_MS": "1800000",
    "RETENTION_DAYS": "30",
    "PUSH_KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
    "ALLOW_LOOPBACK_WEBHOOKS": "false",
    "REQUESTS_PER_HOUR": "36000",
    "REQUEST_BURST": "600",
    "TASK_CREATIONS_PER_HOUR": "3600",
    "TASK_CREATION_BURST": "200",
    "OPEN_STREAMS": "50",
    "POWERTOOLS_METRICS_NAMESPACE": "A2ATasks/docs",
    "POWERTOOLS_SERVICE_NAME": "api",
}
"""Variables that the function's import needs. The document shows only ``MAX_TIMEOUT_MS``: the template's."""


def openapi_document() -> dict[str, Any]:
    """The document as JSON values, for a stack without a name."""
    os.environ |= ENVIRONMENT
    app = importlib.import_module("functions.api.app").app
    document: dict[str, Any] = importlib.import_module("functions.api.openapi").openapi_document(
        app, [_server()]
    )
    return document


def rendered() -> str:
    return json.dumps(openapi_document(), ensure_ascii=False, indent=2) + "\n"


def _server() -> Server:
    return Server(
        url="https://{apiId}.execute-api.{region}.amazonaws.com/{stage}",
        description="A deployed stack; its output `ApiUrl` is this address.",
        variables={
            "apiId": ServerVariable(default="a1b2c3d4e5", description="The REST API's id."),
            "region": ServerVariable(default="us-east-1", description="The AWS region."),
            "stage": ServerVariable(default="dev", description="The stack's stage."),
        },
    )


if __name__ == "__main__":
    sys.exit(write_or_check([(DOCUMENT, rendered())], sys.argv[1:], "make openapi"))
