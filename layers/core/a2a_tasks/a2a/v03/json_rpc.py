"""The interface for clients of A2A 0.3: JSON-RPC only, on the methods of 1.0."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from a2a_tasks.a2a import json_rpc
from a2a_tasks.a2a.errors import OF_HTTP_ALONE, A2AError, Problem
from a2a_tasks.a2a.http import Answer, Request
from a2a_tasks.a2a.json_rpc import Id
from a2a_tasks.a2a.methods import STREAMING, CallContext, Methods
from a2a_tasks.a2a.v03 import methods as v03_methods
from a2a_tasks.a2a.v03.codec import Malformed
from a2a_tasks.a2a.v03.errors import error_view
from a2a_tasks.a2a.v03.methods import METHODS, MethodUnknown, NoPushConfig
from a2a_tasks.domain.webhooks.push import PushFormat


def answer(methods: Methods, request: Request, call: CallContext) -> Answer:
    """The response to a request, also to an invalid one. No version header is needed: the address says it."""
    request_id: Id = None
    try:
        document = json_rpc.document_of(request)
        request_id = json_rpc.id_of(document)
        asked = call_of(*json_rpc.method_and_params(document))
        call = replace(call, push_format=PushFormat.A2A_0_3)
        if asked.method in STREAMING:
            return _streamed(methods, asked, call, request_id)
        result = _result(asked, methods.call(asked.method, asked.params, call))
    except A2AError as error:
        return refusal(error, request_id)
    return Answer.of(json_rpc.response(request_id, result))


def refusal(error: A2AError, request_id: Id = None) -> Answer:
    """An error as an HTTP response."""
    return json_rpc.refusal(error, request_id, error_view)


def call_of(method: str, params: Mapping[str, Any]) -> v03_methods.MethodCall:
    """The 1.0 call of a request. Raises ``A2AError``."""
    try:
        return v03_methods.to_call(method, params)
    except MethodUnknown:
        text = f"There is no method {method}; there are {', '.join(METHODS)}."
        raise A2AError(Problem.METHOD_NOT_FOUND, text) from None
    except Malformed as error:
        raise A2AError.invalid(error.field, error.problem) from None


def _result(asked: v03_methods.MethodCall, result: Mapping[str, Any]) -> Any:
    try:
        return asked.result(result)
    except NoPushConfig:
        text = "This task has no push notification configuration."
        raise A2AError(Problem.TASK_NOT_FOUND, text) from None


def _streamed(methods: Methods, asked: v03_methods.MethodCall, call: CallContext, request_id: Id) -> Answer:
    """Clients of 0.3 that request a stream read nothing else, so errors too are sent as events."""
    try:
        responses = methods.stream(asked.method, asked.params, call)
    except A2AError as error:
        if error.problem in OF_HTTP_ALONE:
            raise
        return Answer.of_stream(iter([json_rpc.error_response(error, request_id, error_view)]))
    return Answer.of_stream(each and json_rpc.response(request_id, asked.result(each)) for each in responses)
