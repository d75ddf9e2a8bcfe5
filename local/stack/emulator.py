"""The AWS emulator, with function environments that share layers as Lambda's share /opt.

It runs as a script in the emulator's own environment, which has no packages of this project. Unmodified, the
emulator unpacks each layer again for every execution environment of a function: 9,000 files and 75 MB for one
of the worker. It also does not retry records of a stream that a function could not process, and does not
support weighted aliases.
"""

import ctypes
import json
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import Worker
from ministack.services import dynamodb, lambda_svc

LAYERS = "_LAMBDA_LAYERS_DIRS"
"""The variable that tells an execution environment's process the folders of its layers."""
FORKS = Path(__file__).with_name("function_forks.py")
FORK_FUNCTIONS = "--fork-functions"
ROOM = " " * 1024
"""Space in the command line, which a fork overwrites with the command of its own process."""
FORK_SECONDS = 60.0
"""The first must allow for loading the packages."""
PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
PR_SET_CHILD_SUBREAPER = 36
"""Orphaned descendants become children of this process (prctl(2))."""


def sharing_layers(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    """`Worker._spawn` with layers that are already unpacked, once for each content.

    The emulator does the same if functions run in Docker.
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
    (https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). The emulator
    treats such a response as success. It can only retry a whole batch, a second after an error: on the retry,
    the function gets the records of the batch that it has not processed.
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
    """`Worker._drain_stderr_bounded`, with the same timeouts in seconds, that sleeps until a line arrives.
    The original polls each millisecond, which is a quarter of the emulator's processor time for a request."""
    lines: list[str] = []
    end = time.monotonic() + hard_cap
    with suppress(queue.Empty):
        while (left := end - time.monotonic()) > 0:
            wait = idle_confirm if lines else first_line_wait
            lines.append(worker._stderr_queue.get(timeout=min(left, wait)))
    return "\n".join(lines)


class Forks:
    """Starts processes of one function by forking one that has loaded the packages of its layers."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(FORK_SECONDS)
        with theirs:
            subprocess.Popen(
                [program, str(FORKS), str(theirs.fileno()), ROOM],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def start(self, request: Mapping[str, Any], streams: list[int]) -> int:
        """The process id. Raises OSError if the parent process does not answer, and on every later call."""
        with self._lock:
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
                if answer := self._socket.recv(64):
                    return int(answer)
                raise ConnectionError("the process whose forks these would be has ended")
            except OSError:
                self._socket.close()  # a late response would be taken for the next one
                raise


class ForkedProcess(subprocess.Popen[str]):
    """A process started by `Forks`. It becomes a child of this process, which is a subreaper."""

    def __init__(self, forks: Forks, command: list[str], **options: Any) -> None:
        self._forks = forks
        super().__init__(command, **options)

    def _execute_child(self, *arguments: Any) -> None:
        names = list(signature(subprocess.Popen._execute_child).parameters)[1:]  # type: ignore[attr-defined]
        given = dict(zip(names, arguments, strict=True))
        request = {"command": given["args"], "folder": given["cwd"], "environment": given["env"]}
        try:
            self.pid = self._forks.start(request, [given["p2cread"], given["c2pwrite"], given["errwrite"]])
            self._child_created = True
        finally:
            self._close_pipe_fds(*(given[name] for name in PIPES))  # type: ignore[attr-defined]


def forking(start: Callable[..., Any]) -> Callable[..., Any]:
    """`subprocess.Popen` that forks each process of a function but the first."""
    known: dict[tuple[str, str], Forks | None] = {}
    lock = threading.Lock()

    def start_forking(command: list[str], **options: Any) -> Any:
        environment = options["env"]
        function = environment["AWS_LAMBDA_FUNCTION_NAME"], environment.get(LAYERS, "")
        with lock:
            if function not in known or not environment.get(LAYERS):
                known[function] = None
                return start(command, **options)
            forks = known[function] = known[function] or Forks(command[0], environment)
        try:
            return ForkedProcess(forks, command, **options)
        except OSError:
            with lock:
                known.pop(function, None)
            return start(command, **options)

    return start_forking


def fork_functions() -> None:
    """Start functions as forks where that is supported, which is on Linux."""
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0:
        replaced = {"Popen": forking(subprocess.Popen)}
        lambda_runtime.subprocess = SimpleNamespace(**vars(subprocess) | replaced)


def remembering(tokenize: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """`dynamodb._tokenize` with a cache: the original parses an expression again for each item compared."""
    tokens = lru_cache(maxsize=1024)(lambda expression: tuple(tokenize(expression)))
    return lambda expression: list(tokens(expression))


def _answer(result: dict[str, Any]) -> dict[str, Any]:
    body = result.get("body") or {}
    answer = json.loads(body) if isinstance(body, str) else body
    return answer if isinstance(answer, dict) else {}


if __name__ == "__main__":
    # The original parses a filter again for each item that a query reads.
    dynamodb._condition_syntax_error = lru_cache(maxsize=1024)(dynamodb._condition_syntax_error)
    dynamodb._tokenize = remembering(dynamodb._tokenize)
    Worker._spawn = sharing_layers(Worker._spawn)
    Worker._drain_stderr_bounded = drain_log
    lambda_svc._effective_func_record_for_qualifier = shifting_traffic(
        lambda_svc._effective_func_record_for_qualifier
    )
    lambda_svc._execute_function = reporting_failures(lambda_svc._execute_function)
    if FORK_FUNCTIONS in sys.argv:
        sys.argv.remove(FORK_FUNCTIONS)
        fork_functions()
    app.main()
