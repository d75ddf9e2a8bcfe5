"""The AWS emulator, whose functions share their layers as Lambda's share /opt.

It runs as a script in the emulator's own environment, which has nothing of this project. By itself the
emulator unpacks each layer again for every execution environment of a function: 9,000 files and 75 MB for one
of the worker. Nor does it bring records of a stream again that a function could not process, or know an alias
of two versions.
"""

import json
import os
import queue
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ministack import app
from ministack.core.lambda_runtime import Worker
from ministack.services import dynamodb, lambda_svc

LAYERS = "_LAMBDA_LAYERS_DIRS"
"""The variable in which an execution environment's process finds the folders of its layers."""


def sharing_layers(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    """`Worker._spawn` for layers that are unpacked already, once for each content.

    That is what the emulator does itself where functions run in Docker.
    """

    def spawn_sharing(worker: Any) -> None:
        configuration = worker.config
        worker.config = _with_shared_layers(configuration)
        try:
            spawn(worker)
        finally:
            worker.config = configuration

    return spawn_sharing


def _with_shared_layers(configuration: Mapping[str, Any]) -> dict[str, Any]:
    layers = [lambda_svc._resolve_layer_zip(layer) for layer in configuration.get("Layers", ())]
    folders = [lambda_svc._docker_extracted_dir(layer, "layer") for layer in layers if layer]
    environment = dict(configuration.get("Environment", {}))
    variables = dict(environment.get("Variables", {})) | {LAYERS: os.pathsep.join(folders)}
    return {**configuration, "Layers": [], "Environment": environment | {"Variables": variables}}


def reporting_failures(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`_execute_function` that honors a partial batch response for records of a stream.

    As with Lambda, the next batch begins at the first record that failed
    (https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). The emulator takes
    such a response for success. All it can do with a batch is to bring it again whole, a second after an
    error: of that batch the function gets what it has not processed.
    """
    resume: dict[str, str] = {}

    def execute_reporting(function: dict[str, Any], event: dict[str, Any], *rest: Any) -> dict[str, Any]:
        records = event.get("Records") or [{}]
        if records[0].get("eventSource") != "aws:dynamodb":
            return execute(function, event, *rest)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        name = function["config"]["FunctionName"]
        done = numbers.index(resume[name]) if resume.get(name) in numbers else 0
        result = execute(function, {"Records": records[done:]}, *rest)
        failures = _answer(result).get("batchItemFailures") or []
        if result.get("error") or not failures:
            return result
        resume[name] = min((failure["itemIdentifier"] for failure in failures), key=numbers.index)
        failed = {"errorType": "PartialBatchFailure", "errorMessage": f"from {resume[name]}"}
        return {**result, "error": True, "body": failed}

    return execute_reporting


def shifting_traffic(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """`_effective_func_record_for_qualifier` that honors an alias's weights: a share of the calls goes to
    another version (https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html)."""

    def resolve_shifting(function: dict[str, Any] | None, qualifier: str | None) -> Any:
        alias = (function or {}).get("aliases", {}).get(qualifier, {})
        left = random.random()  # noqa: S311
        for version, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
            left -= weight
            if left < 0:
                return resolve(function, version)
        return resolve(function, qualifier)

    return resolve_shifting


def drain_log(
    worker: Any, first_line_wait: float = 0.05, idle_confirm: float = 0.005, hard_cap: float = 0.25
) -> str:
    """`Worker._drain_stderr_bounded`, with the same limits in seconds, that sleeps until a line comes. By
    itself it looks each millisecond, a quarter of the emulator's processor time for a request."""
    lines: list[str] = []
    end = time.monotonic() + hard_cap
    with suppress(queue.Empty):
        while (left := end - time.monotonic()) > 0:
            wait = idle_confirm if lines else first_line_wait
            lines.append(worker._stderr_queue.get(timeout=min(left, wait)))
    return "\n".join(lines)


def _answer(result: dict[str, Any]) -> dict[str, Any]:
    body = result.get("body") or {}
    answer = json.loads(body) if isinstance(body, str) else body
    return answer if isinstance(answer, dict) else {}


if __name__ == "__main__":
    # By itself it parses a filter anew for each item that a query reads.
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)
    Worker._spawn = sharing_layers(Worker._spawn)
    Worker._drain_stderr_bounded = drain_log
    lambda_svc._effective_func_record_for_qualifier = shifting_traffic(
        lambda_svc._effective_func_record_for_qualifier
    )
    lambda_svc._execute_function = reporting_failures(lambda_svc._execute_function)
    app.main()
