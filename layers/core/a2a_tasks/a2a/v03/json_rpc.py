"""The interface for clients of A2A 0.3: JSON-RPC only, on the methods of 1.0."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from a2a_tasks.a2a import json_rpc
from a2a_tasks.a2a.errors import OF_HTTP_ALONE, A2AError
from a2a_tasks.a2a.http import Answer, Request
from a2a_tasks.a2a.json_rpc import Id
from a2a_tasks.a2a.methods import STREAMING, CallContext, Methods
from a2a_tasks.a2a.v03.errors import error_view
from a2a_tasks.a2a.v03.methods import Method, call_of
from a2a_tasks.domain.webhooks.push import PushFormat


def answer(methods: Methods, request: Request, call: CallContext) -> Answer:
    """The response to a request, also to an invalid one. No version header is needed: the address says it."""
    request_id: Id = None
    try:
        document = json_rpc.document_of(request)
        request_id = json_rpc.id_of(document)
        method, params = call_of(*json_rpc.method_and_params(document))
        call = replace(call, push_format=PushFormat.A2A_0_3)
        if method.name in STREAMING:
            return _streamed(methods, method, params, call, request_id)
        result = method.result(methods.call(method.name, params, call))
    except A2AError as error:
        return refusal(error, request_id)
    return Answer.of(json_rpc.response(request_id, result))


def refusal(error: A2AError, request_id: Id = None) -> Answer:
    """An error as an HTTP response."""
    return json_rpc.refusal(error, request_id, error_view)


def _streamed(
    methods: Methods, method: Method, params: Mapping[str, Any], call: CallContext, request_id: Id
) -> Answer:
    """Clients of 0.3 that request a stream read nothing else, so errors too are sent as events."""
    try:
        responses = methods.stream(method.name, params, call)
    except A2AError as error:
        if error.problem in OF_HTTP_ALONE:
            raise
        return Answer.of_stream(iter([json_rpc.error_response(error, request_id, error_view)]))
    return Answer.of_stream(each and json_rpc.response(request_id, method.result(each)) for each in responses)
