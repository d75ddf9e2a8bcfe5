"""The API's OpenAPI document, generated from its routes."""

import json
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server, Tag

VERSION = "0.1.0"
PARAMETERS = {
    "agent_id": "agentId",
    "task_id": "taskId",
    "config_id": "configId",
    "context_id": "contextId",
}
STRING = {"schema": {"type": "string"}}
UNUSED = {
    "description": "Validation Error",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}},
}
"""What Powertools adds to every operation that does not define the status itself."""
MEANINGS = {
    "400": "The request is not valid; `details` names each field (`VALIDATION_ERROR`).",
    "401": "The API key is missing or not valid (`UNAUTHORIZED`).",
    "404": "There is no such agent, task or conversation in your project (`AGENT_NOT_FOUND`, "
    "`TASK_NOT_FOUND`, `CONTEXT_NOT_FOUND`), or no such configuration of the task "
    "(`PUSH_CONFIG_NOT_FOUND`).",
    "409": "Not in this state: the agent is disabled (`AGENT_DISABLED`), or the task has ended "
    "(`TASK_NOT_CANCELABLE`), does not wait for an answer (`TASK_NOT_WAITING`), was canceled while its "
    "answer was waited for (`TASK_CANCELED`), or has neither failed nor was canceled "
    "(`TASK_NOT_RETRYABLE`). Or the project cannot notify yet (`PUSH_NOT_SUPPORTED`).",
    "413": "The message or the context is too large (`PAYLOAD_TOO_LARGE`).",
    "422": "The `Idempotency-Key` belongs to another request (`IDEMPOTENCY_KEY_REUSED`).",
    "429": "Too many requests or new tasks with this API key, or too many tasks wait for the agent "
    "(`RATE_LIMIT_EXCEEDED`). Or the project has used up its budget for today (`BUDGET_EXCEEDED`). Try again "
    "after `Retry-After` seconds.",
    "502": "The message's task has failed; `code` is the task's.",
    "503": (
        "Storage did not respond; retry after `Retry-After` seconds (`INTERNAL_ERROR`). "
        "Or the message's task has failed because the model is overloaded "
        "(`MODEL_OVERLOADED`)."
    ),
    "504": (
        "The message's task did not finish by its deadline (`TIMEOUT`), or was not "
        "started in time (`QUEUE_TIMEOUT`)."
    ),
}
RATE_LIMIT_HEADERS = {
    "RateLimit-Limit": (
        "The limit at one moment: of requests, or of new tasks if fewer of these are "
        "left. Missing without a limit."
    ),
    "RateLimit-Remaining": "How many of them are left. They refill evenly.",
    "RateLimit-Reset": "Seconds until the limit is fully available again.",
}
RETRY_AFTER = {"429", "503"}
"""Statuses with a ``Retry-After`` header."""
DESCRIPTION = """\
Hand a task to an agent, get its id at once, and fetch the result when it is there.

Every accepted task ends by its deadline: completed, failed with a reason, or canceled. Every error has the
same shape, and its `code` is what to branch on. A task or agent of another project is answered exactly like
one that does not exist.
"""


def openapi_document(app: APIGatewayRestResolver, servers: Sequence[Server]) -> dict[str, Any]:
    """The document as JSON values. ``servers`` are the API's base URLs."""
    text: str = app.get_openapi_json_schema(
        title="a2a-tasks",
        version=VERSION,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        servers=list(servers),
        tags=[
            Tag(name="tasks", description="Create, follow and cancel tasks."),
            Tag(name="conversations", description="Send messages and wait for answers; read conversations."),
            Tag(name="push notifications", description="Receive changes of tasks."),
            Tag(name="project", description="All agents of your project, and what happened to their tasks."),
            Tag(name="operations", description="For operators of the API."),
        ],
        security_schemes={
            "apiKey": HTTPBearer(description="An API key of your project, from `a2actl keys create`.")
        },
        security=[{"apiKey": []}],
    )
    document: dict[str, Any] = json.loads(text)
    return _corrected(document)


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    """Corrects what Powertools cannot know: names of path parameters in the template, and other responses of
    this API."""
    text = json.dumps(document)
    for name, public in PARAMETERS.items():
        text = text.replace(f"{{{name}}}", f"{{{public}}}").replace(
            f'"name": "{name}"', f'"name": "{public}"'
        )
    corrected: dict[str, Any] = json.loads(text)
    for operation in (operation for path in corrected["paths"].values() for operation in path.values()):
        responses = operation["responses"]
        if responses["422"] == UNUSED:
            del responses["422"]
        for status in responses.keys() & MEANINGS.keys():
            responses[status]["description"] = MEANINGS[status]
    corrected["paths"]["/health"]["get"]["security"] = []
    _add_headers(corrected)
    created = corrected["paths"]["/a2a/{agentId}/tasks"]["post"]["responses"]["202"]
    created["headers"]["Location"] = {"description": "The task, relative to this address.", **STRING}
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        del corrected["components"]["schemas"][unused]
    return corrected


def _add_headers(document: dict[str, Any]) -> None:
    """Adds the headers of all responses to authenticated requests."""
    integer = {"schema": {"type": "integer", "minimum": 0}}
    described = RATE_LIMIT_HEADERS | {"Retry-After": "Seconds after which to try again."}
    document["components"]["headers"] = {
        name: {"description": text, **integer} for name, text in described.items()
    }
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for status, response in operation["responses"].items():
            names = [] if operation.get("security") == [] or status == "401" else list(RATE_LIMIT_HEADERS)
            names += ["Retry-After"] if status in RETRY_AFTER else []
            if names:
                response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
