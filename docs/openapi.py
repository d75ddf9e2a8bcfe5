"""The OpenAPI document of the API, made from its code: ``python -m docs.openapi [--check]``.

Writes ``docs/openapi.json``, or with ``--check`` only says whether that file is up to date (exit status 1 if
not). Needs neither AWS nor a deployment.
"""

import importlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server, ServerVariable, Tag

DOCUMENT = Path(__file__).parent / "openapi.json"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "TASKS_TABLE": "tasks",
    "REGISTRY_TABLE": "registry",
    "PAYLOAD_BUCKET": "payloads",
    "TASK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/tasks",
    "MODEL_ALIASES": "{}",
    "CLAUDE_BACKEND": "claude-api",
    "MAX_ATTEMPTS": "3",
    "MAX_TIMEOUT_MS": "1800000",
    "RETENTION_DAYS": "30",
    "REQUESTS_PER_HOUR": "36000",
    "REQUEST_BURST": "600",
    "TASK_CREATIONS_PER_HOUR": "3600",
    "TASK_CREATION_BURST": "200",
    "POWERTOOLS_METRICS_NAMESPACE": "A2ATasks/docs",
    "POWERTOOLS_SERVICE_NAME": "api",
}
"""What the function needs to be imported. Only ``MAX_TIMEOUT_MS`` shows: the template's default."""
PARAMETERS = {"agent_id": "agentId", "task_id": "taskId"}
STRING = {"schema": {"type": "string"}}
MEANINGS = {
    "400": "The request is not valid; `details` names each field (`VALIDATION_ERROR`).",
    "401": "The API key is missing or not valid (`UNAUTHORIZED`).",
    "404": "There is no such agent or task in your project (`AGENT_NOT_FOUND`, `TASK_NOT_FOUND`).",
    "409": "Not in this state: the agent is disabled (`AGENT_DISABLED`), or the task has ended "
    "(`TASK_NOT_CANCELABLE`) or does not wait for an answer (`TASK_NOT_WAITING`).",
    "413": "The message or the context is too large (`PAYLOAD_TOO_LARGE`).",
    "429": "Too many requests; wait a moment (`RATE_LIMIT_EXCEEDED`). Or the project has used up its budget "
    "for today; wait `Retry-After` seconds (`BUDGET_EXCEEDED`).",
    "503": "Storage did not answer; try again after `Retry-After` seconds (`INTERNAL_ERROR`).",
}
DESCRIPTION = """\
Hand a task to an agent, get its id at once, and fetch the result when it is there.

Every accepted task ends by its deadline: completed, failed with a reason, or canceled. Every error has the
same shape, and its `code` is what to branch on. A task or agent of another project is answered exactly like
one that does not exist.
"""


def openapi_document() -> dict[str, Any]:
    """The document as JSON values."""
    os.environ |= ENVIRONMENT
    app = importlib.import_module("functions.api.app").app
    text: str = app.get_openapi_json_schema(
        title="a2a-tasks",
        version=version("a2a-tasks"),
        openapi_version="3.1.0",
        description=DESCRIPTION,
        servers=[_server()],
        tags=[
            Tag(name="tasks", description="Hand over, follow and cancel tasks."),
            Tag(name="operations", description="For those who run the API."),
        ],
        security_schemes={
            "apiKey": HTTPBearer(description="An API key of your project, from `a2actl keys create`.")
        },
        security=[{"apiKey": []}],
    )
    document: dict[str, Any] = json.loads(text)
    return _corrected(document)


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    """What Powertools cannot know: the template's parameter names, and what this API answers otherwise."""
    text = json.dumps(document)
    for name, public in PARAMETERS.items():
        text = text.replace(f"{{{name}}}", f"{{{public}}}").replace(
            f'"name": "{name}"', f'"name": "{public}"'
        )
    corrected: dict[str, Any] = json.loads(text)
    for operation in (operation for path in corrected["paths"].values() for operation in path.values()):
        responses = operation["responses"]
        del responses["422"]
        for status in responses.keys() & MEANINGS.keys():
            responses[status]["description"] = MEANINGS[status]
    corrected["paths"]["/health"]["get"]["security"] = []
    created = corrected["paths"]["/a2a/{agentId}/tasks"]["post"]["responses"]["202"]
    created["headers"] = {"Location": {"description": "The task, relative to this address.", **STRING}}
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        del corrected["components"]["schemas"][unused]
    return corrected


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


def main(arguments: list[str]) -> int:
    """Write the document, or check the one that is there. The exit status."""
    text = rendered()
    if arguments == ["--check"]:
        if DOCUMENT.exists() and DOCUMENT.read_text() == text:
            return 0
        sys.stderr.write("docs/openapi.json is out of date; run: make openapi\n")
        return 1
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
