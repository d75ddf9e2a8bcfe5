"""The JSON-RPC 2.0 binding: one address, with HTTP status 200 for all responses of the agent."""

from collections.abc import Callable, Mapping
from typing import Any

from a2a_tasks.a2a.errors import OF_HTTP_ALONE, A2AError, Problem
from a2a_tasks.a2a.http import Answer, Request, retry_after
from a2a_tasks.a2a.methods import STREAMING, CallContext, Methods
from a2a_tasks.domain.text.json_limits import NO_TEXT, is_text

type Id = str | int | None
type Form = Callable[[A2AError], dict[str, Any]]


def answer(methods: Methods, request: Request, call: CallContext) -> Answer:
    """The response to a request, also to an invalid one; streamed for streaming methods."""
    request_id: Id = None
    try:
        document = document_of(request)
        request_id = id_of(document)
        request.check_version()
        method, params = method_and_params(document)
        if method in STREAMING:
            responses = methods.stream(method, params, call)
            return Answer.of_stream(each and response(request_id, each) for each in responses)
        result = methods.call(method, params, call)
    except A2AError as error:
        return refusal(error, request_id)
    return Answer.of(response(request_id, result))


def response(request_id: Id, result: Any) -> dict[str, Any]:
    """A successful response."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_response(error: A2AError, request_id: Id, form: Form = A2AError.to_json_rpc) -> dict[str, Any]:
    """An error response. ``form`` makes its ``error`` member."""
    return {"jsonrpc": "2.0", "id": request_id, "error": form(error)}


def refusal(error: A2AError, request_id: Id = None, form: Form = A2AError.to_json_rpc) -> Answer:
    """An error as an HTTP response."""
    document = error_response(error, request_id, form)
    # with 200, as JSON-RPC has it: the error is in the body
    if error.problem not in OF_HTTP_ALONE:
        return Answer.of(document)
    answered = Answer.of(document, error.problem.http_status)
    return Answer(answered.status, answered.body, headers=retry_after(error))


def document_of(request: Request) -> Mapping[str, Any]:
    """The request object. Raises ``A2AError``; batches are not supported."""
    document = request.json()
    if isinstance(document, list):
        raise A2AError(Problem.INVALID_REQUEST, "Batches are not taken; send one request at a time.")
    if not isinstance(document, dict):
        raise A2AError(Problem.INVALID_REQUEST, "The body must be a JSON-RPC request object.")
    return document


def id_of(document: Mapping[str, Any]) -> Id:
    """The request's id. Raises ``A2AError`` if it is neither a string nor a whole number."""
    request_id = document.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise A2AError(Problem.INVALID_REQUEST, "id: must be a string or a whole number")
    if isinstance(request_id, str) and not is_text(request_id):
        raise A2AError(Problem.INVALID_REQUEST, f"id: {NO_TEXT}")
    return request_id


def method_and_params(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Method and parameters. Raises ``A2AError``."""
    if document.get("jsonrpc") != "2.0":
        raise A2AError(Problem.INVALID_REQUEST, 'jsonrpc: must be "2.0"')
    method, params = document.get("method"), document.get("params", {})
    if not isinstance(method, str):
        raise A2AError(Problem.INVALID_REQUEST, "method: must be a string")
    if not is_text(method):
        raise A2AError(Problem.INVALID_REQUEST, f"method: {NO_TEXT}")
    if not isinstance(params, dict):
        raise A2AError(Problem.INVALID_PARAMS, "params: must be an object")
    return method, params
