"""The HTTP+JSON binding: one route for each method."""

import re
from collections.abc import Mapping
from typing import Any

from a2a_tasks.a2a import requests
from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.http import A2A_JSON, JSON, Answer, Request, retry_after
from a2a_tasks.a2a.methods import STREAMING, CallContext, Methods

TASK, CONFIGS = r"/tasks/(?P<task>[^/:]+)", "/pushNotificationConfigs"
ROUTES = [
    ("POST", "/message:send", "SendMessage"),
    ("POST", "/message:stream", "SendStreamingMessage"),
    ("GET", "/tasks", "ListTasks"),
    ("GET", TASK, "GetTask"),
    ("POST", f"{TASK}:cancel", "CancelTask"),
    ("POST", f"{TASK}:subscribe", "SubscribeToTask"),
    ("GET", f"{TASK}:subscribe", "SubscribeToTask"),
    ("POST", f"{TASK}{CONFIGS}", "CreateTaskPushNotificationConfig"),
    ("GET", f"{TASK}{CONFIGS}", "ListTaskPushNotificationConfigs"),
    ("GET", f"{TASK}{CONFIGS}/(?P<config>[^/]+)", "GetTaskPushNotificationConfig"),
    ("DELETE", f"{TASK}{CONFIGS}/(?P<config>[^/]+)", "DeleteTaskPushNotificationConfig"),
    ("GET", "/extendedAgentCard", "GetExtendedAgentCard"),
]
"""The protocol's routes below the binding's address."""
_ROUTES = [(verb, re.compile(path), method) for verb, path, method in ROUTES]
OF_ONE_TASK = frozenset({"GetTask", "CancelTask", "SubscribeToTask"})
"""Methods whose ``id`` is the task's. For others that is ``taskId``, and ``id`` is the configuration's."""


def answer(methods: Methods, request: Request, call: CallContext, path: str) -> Answer:
    """The response to a request, also to an invalid one. ``path`` is below the binding's address."""
    try:
        request.check_version()
        method, named = _route(request.method, path)
        params = body_of(request) if request.method == "POST" else requests.from_query(method, request.query)
        if method in STREAMING:
            return Answer.of_stream(methods.stream(method, params | named, call))
        # the path goes before the body, which may say something else
        result = methods.call(method, params | named, call)
    except A2AError as error:
        return refusal(error, request)
    return Answer.of(result, media_type=_media_type(request))


def refusal(error: A2AError, request: Request) -> Answer:
    """An error as a response."""
    answered = Answer.of(error.to_http_json(), error.problem.http_status, _media_type(request))
    return Answer(answered.status, answered.body, answered.media_type, retry_after(error))


def _route(verb: str, path: str) -> tuple[str, dict[str, str]]:
    """The method and the parameters in the path."""
    for known, pattern, method in _ROUTES:
        found = pattern.fullmatch(path)
        if verb == known and found:
            named = found.groupdict()
            task = "id" if method in OF_ONE_TASK else "taskId"
            names = {"task": task, "config": "id"}
            return method, {names[name]: value for name, value in named.items()}
    raise A2AError(Problem.METHOD_NOT_FOUND, f"There is no route {verb} {path}.")


def body_of(request: Request) -> dict[str, Any]:
    """The parameters in the body. Raises ``A2AError`` unless it is a JSON object or empty."""
    document = request.json() if request.body else {}
    if not isinstance(document, Mapping):
        raise A2AError(Problem.INVALID_REQUEST, "The body must be a JSON object.")
    return dict(document)


def _media_type(request: Request) -> str:
    """The protocol's media type if the client accepts it by name, else plain JSON."""
    named = request.headers.get("content-type", "") + request.headers.get("accept", "")
    return A2A_JSON if A2A_JSON in named.lower() else JSON
