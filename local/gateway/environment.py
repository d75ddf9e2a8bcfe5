"""An execution environment: a function's process, which handles one invocation at a time."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from local.gateway.deployed_function import DeployedFunction
from local.gateway.function_process import end_process, start_process
from local.gateway.logs import Logs
from local.gateway.runtime_api import Invocation, running_host

REST_SECONDS = 5.0


class Environment:
    """Starts the process when it is created. The `credentials` of the function's role expire, so an
    environment is used for at most an hour."""

    def __init__(
        self,
        function: DeployedFunction,
        python: str,
        credentials: Any,
        logs: Logs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.function = function
        self.started_at = clock()
        self._logs = logs
        self._stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{function.version}]{uuid.uuid4().hex}"
        logs.open(function.log_group, self._stream)
        self._resources = ExitStack()
        self._host, address = self._resources.enter_context(running_host(function.arn))
        self._invocation: Invocation | None = None
        self._process = start_process(
            function.wrapper,
            python,
            function.code,
            function.environment(address, self._stream, credentials),
        )
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, event: Any) -> Invocation:
        """Start an invocation. `Invocation` reports its end, or its failure if the process dies."""
        deadline = time.time() + self.function.timeout_seconds
        self._invocation = self._host.invoke(event, int(deadline * 1000))
        if not self._follower.is_alive():  # it died meanwhile
            self._fail()
        return self._invocation

    def end(self, why: str = "") -> None:
        """Kill the process; `why` goes to the function's log."""
        if why:
            self._log(why)
        with contextlib.suppress(BrokenPipeError):
            end_process(self._process)
        self._follower.join()

    def _follow(self) -> None:
        """Forward the process's output to the log, and handle its end."""
        if self._process.stdout is None:
            return
        with self._process.stdout as printed:
            for line in printed:
                self._log(line.rstrip("\n"))
        end_process(self._process)
        if self._invocation is not None and not self._invocation.done.is_set():
            self._host.wait_for_the_rest(REST_SECONDS)
        self._fail()
        self._resources.close()

    def _fail(self) -> None:
        if self._invocation is not None and not self._invocation.done.is_set():
            said = self._host.init_error or {}
            kind = said.get("errorType", "Runtime.ExitError")
            message = said.get("errorMessage", f"the process ended with status {self._process.poll()}")
            self._log(f"RequestId: {self._invocation.request_id} Error: {kind}: {message}")
            self._invocation.fail(kind, message)

    def _log(self, text: str) -> None:
        self._logs.write(self.function.log_group, self._stream, text)
