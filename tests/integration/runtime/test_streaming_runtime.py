"""The runtime that streams: a function's real process against a double of Lambda's Runtime API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from a2a_tasks.runtime.answer import DELIMITER, StreamedAnswer
from a2a_tasks.runtime.invocation import Context
from local.gateway.runtime_api import NO_ARN, RuntimeHost, running_host
from tests.integration.runtime.process import running_function

FUNCTION = """
import os
import pathlib
from a2a_tasks.runtime.answer import StreamedAnswer

GATE = pathlib.Path(__file__).with_name("gate")


def wait_for_gate():
    with GATE.open("rb") as gate:  # a named pipe: opened when the test opens its other end
        gate.read()


def pieces():
    yield b"data: 1\\n\\n"
    wait_for_gate()
    yield b""
    yield "data: \\u4e8c\\n\\n".encode()


def failing():
    yield b"data: 1\\n\\n"
    raise ValueError("in the middle")


def handler(event, context):
    kind = event["kind"]
    if kind == "stream":
        return StreamedAnswer(200, pieces(), {"Content-Type": "text/event-stream"})
    if kind == "break":
        return StreamedAnswer(200, failing())
    if kind == "raise":
        raise LookupError("before the head")
    if kind == "print":
        print("counted")
    return {
        "id": context.aws_request_id,
        "left": context.get_remaining_time_in_millis() > 0,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "trace": os.environ["_X_AMZN_TRACE_ID"],
    }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "function.py").write_text(FUNCTION)
    return tmp_path


@pytest.fixture
def host(root: Path) -> Iterator[RuntimeHost]:
    with running_host() as (host, address), running_function(address, "function.handler", root):
        yield host
    assert host.violations == []


def test_a_piece_is_on_its_way_before_the_next_one_is_made(host: RuntimeHost, root: Path) -> None:
    import os

    os.mkfifo(root / "gate")
    invocation = host.invoke({"kind": "stream"})

    assert invocation.piece() == (
        b'{"statusCode":200,"headers":{"Content-Type":"text/event-stream"}}' + DELIMITER
    )
    assert invocation.piece() == b"data: 1\n\n"
    assert not invocation.done.is_set()
    (root / "gate").write_bytes(b"go on")

    assert invocation.rest().decode() == "data: 二\n\n"
    assert invocation.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert invocation.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert invocation.trailers == {}


def test_an_answer_that_breaks_off_says_so_in_its_trailers(host: RuntimeHost) -> None:
    invocation = host.invoke({"kind": "break"})

    assert invocation.rest().endswith(b"data: 1\n\n")
    assert invocation.done.wait(30)
    assert invocation.trailers["lambda-runtime-function-error-type"] == "Runtime.ValueError"
    assert invocation.trailer_error["errorMessage"] == "in the middle"


def test_a_whole_document_is_answered_as_one(host: RuntimeHost) -> None:
    invocation = host.invoke({"kind": "whole"})

    assert json.loads(invocation.rest()) == {
        "id": invocation.request_id,
        "left": True,
        "arn": NO_ARN,
        "name": "streaming",
        "memory": 512,
        "trace": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
    }
    assert invocation.headers["content-type"] == "application/json"


def test_the_process_goes_on_after_an_invocation_that_failed(host: RuntimeHost) -> None:
    failed, broken = host.invoke({"kind": "raise"}), host.invoke({"kind": "break"})
    after = host.invoke({"kind": "whole"})

    assert json.loads(after.rest())["id"] == after.request_id
    assert broken.done.is_set()
    assert failed.error is not None
    assert (failed.error["errorType"], failed.error["errorMessage"]) == ("LookupError", "before the head")
    assert failed.headers["lambda-runtime-function-error-type"] == "Runtime.LookupError"


def test_what_a_function_prints_is_out_before_its_process_ends(root: Path) -> None:
    """Metrics are lines on standard output, and Lambda freezes a process between invocations."""
    with running_host() as (host, address), running_function(address, "function.handler", root) as process:
        assert host.invoke({"kind": "print"}).rest()
        assert process.stdout is not None

        line = process.stdout.readline()

        assert line == "counted\n"
        assert process.poll() is None


def test_the_names_of_the_hosts_headers_have_no_case() -> None:
    names = ("Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Trace-Id")
    headers = dict(zip(names, ("1", "1000", "Root=1"), strict=True))

    for write in (str.lower, str.upper, str.title):
        assert Context.from_headers({write(name): value for name, value in headers.items()}) == Context(
            "1", "", 1_000, "Root=1"
        )


def test_a_module_that_cannot_be_loaded_is_an_error_of_the_start(root: Path) -> None:
    with running_host() as (host, address), running_function(address, "missing.handler", root) as process:
        assert process.wait(30) == 1

    assert host.init_error is not None
    assert host.init_error["errorType"] == "ModuleNotFoundError"


def test_where_answers_must_be_whole_the_same_answer_is_given_at_its_end() -> None:
    answer = StreamedAnswer(202, iter([b"a", "二".encode()]), {"Content-Type": "text/plain"})

    assert answer.to_buffered() == {
        "statusCode": 202,
        "headers": {"Content-Type": "text/plain"},
        "body": "a二",
    }
