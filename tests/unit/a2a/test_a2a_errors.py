"""The table of errors, against the protocol's own, and their two shapes."""

import re
from typing import Any

import pytest
from a2a.utils.errors import A2A_ERROR_MAPPING, JSON_RPC_ERROR_CODE_MAP
from a2a.utils.errors import A2AError as SdkError

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.domain.errors import ErrorCode, RequestRefused

INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def name_of(kind: type[SdkError]) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__.removesuffix("Error")).upper()
    return {"INTERNAL": "INTERNAL_ERROR", "JSONPARSE": "JSON_PARSE"}.get(words, words)


@pytest.mark.parametrize("kind", JSON_RPC_ERROR_CODE_MAP, ids=lambda kind: kind.__name__)
def test_each_error_of_the_protocol_is_in_the_table(kind: type[SdkError]) -> None:
    problem = Problem[name_of(kind)]

    assert problem.code == JSON_RPC_ERROR_CODE_MAP[kind]
    if mapping := A2A_ERROR_MAPPING.get(kind):
        assert (problem.http_status, problem.grpc_status, problem.reason) == mapping


@pytest.mark.parametrize("code", ErrorCode)
def test_every_refusal_has_a_name_here(code: ErrorCode) -> None:
    problem = A2AError.of(RequestRefused(code, "No.")).problem

    assert problem.http_status >= 500 or code.http_status < 500
    assert problem.http_status != 404 or code.endswith("NOT_FOUND")


def test_both_bindings_say_the_same() -> None:
    refused = RequestRefused(ErrorCode.VALIDATION_ERROR, "x: is odd", [{"field": "x", "message": "is odd"}])

    error = A2AError.of(refused)

    info: dict[str, Any] = {"@type": INFO, "reason": "INVALID_PARAMS", "domain": "a2a-protocol.org"}
    details = [
        info | {"metadata": {"code": "VALIDATION_ERROR"}},
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "x", "description": "is odd"}],
        },
    ]
    assert error.to_json_rpc() == {"code": -32602, "message": "x: is odd", "data": details}
    assert error.to_http_json() == {
        "error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "x: is odd", "details": details}
    }


def test_a_plain_error_has_its_info_alone() -> None:
    error = A2AError.of(RequestRefused(ErrorCode.TASK_NOT_FOUND, "There is no such task."))

    info = {"@type": INFO, "reason": "TASK_NOT_FOUND", "domain": "a2a-protocol.org"}
    assert error.to_json_rpc() == {"code": -32001, "message": "There is no such task.", "data": [info]}
