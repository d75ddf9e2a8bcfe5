"""The JSON-RPC 2.0 binding: one address, and HTTP 200 for every answer of the agent."""

from collections.abc import Mapping
from typing import Any

from a2a_tasks.a2a.errors import OF_HTTP_ALONE, A2AError, Problem
from a2a_tasks.a2a.http import Answer, Request, retry_after
from a2a_tasks.a2a.methods import STREAMING, Call, Methods

type Id = str | int | None


def answer(methods: Methods, request: Request, call: Call) -> Answer:
    request_id: Id = None
    try:
        document = _document(request)
        request_id = _id_of(document)
        request.check_version()
        method, params = _asked(document)
        if method in STREAMING:
            responses = methods.stream(method, params, call)
            return Answer.of_stream(each and _response(request_id, each) for each in responses)
        result = methods.call(method, params, call)
    except A2AError as error:
        return refusal(error, request_id)
    return Answer.of(_response(request_id, result))


def _response(request_id: Id, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def refusal(error: A2AError, request_id: Id = None) -> Answer:
    """An error as a response."""
    document = {"jsonrpc": "2.0", "id": request_id, "error": error.to_json_rpc()}
    if error.problem not in OF_HTTP_ALONE:
        return Answer.of(document)
    answered = Answer.of(document, error.problem.http_status)
    return Answer(answered.status, answered.body, headers=retry_after(error))


def _document(request: Request) -> Mapping[str, Any]:
    document = request.json()
    if isinstance(document, list):
        raise A2AError(Problem.INVALID_REQUEST, "Batches are not taken; send one request at a time.")
    if not isinstance(document, dict):
        raise A2AError(Problem.INVALID_REQUEST, "The body must be a JSON-RPC request object.")
    return document


def _id_of(document: Mapping[str, Any]) -> Id:
    request_id = document.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise A2AError(Problem.INVALID_REQUEST, "id: must be a string or a whole number")
    return request_id


def _asked(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if document.get("jsonrpc") != "2.0":
        raise A2AError(Problem.INVALID_REQUEST, 'jsonrpc: must be "2.0"')
    method, params = document.get("method"), document.get("params", {})
    if not isinstance(method, str):
        raise A2AError(Problem.INVALID_REQUEST, "method: must be a string")
    if not isinstance(params, dict):
        raise A2AError(Problem.INVALID_PARAMS, "params: must be an object")
    return method, params
