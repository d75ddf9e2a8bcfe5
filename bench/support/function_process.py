"""`python -P bench/support/function_process.py MODULE`: a function's process, told on its standard input what
to do.

Each line is ``{"event", "remainingMs"}``; each is answered with a line of what ``Handled`` has
(bench/support/running_function.py). The first answer comes before any line, when the function is loaded.
"""

import importlib
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

KB_PER_MB = 1024
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Context:
    """What the handler asks of Lambda's context."""

    remaining_ms: int
    function_name: str = "function"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = "function"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class AwsTime:
    """Processor seconds of each call of AWS, whichever thread made it."""

    spent: list[float] = field(default_factory=list)

    def watch(self) -> None:
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            started = time.thread_time()
            try:
                return original(client, operation, parameters)
            finally:
                self.spent.append(time.thread_time() - started)

        BaseClient._make_api_call = make_api_call  # type: ignore[attr-defined]


def peak_mb() -> float:
    """The largest resident set so far.

    Linux hands ``ru_maxrss`` of the process that started this one down to it, so there it is not asked.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / KB_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_MB / KB_PER_MB


def main(module: str) -> None:
    """Answer until the input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # the function logs to it
    handler = importlib.import_module(module).handler
    aws = AwsTime()
    aws.watch()
    print(json.dumps({"peakMb": peak_mb(), "cpu": time.process_time()}), file=answers, flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        aws.spent.clear()
        started, cpu = time.perf_counter(), time.process_time()
        answer = handler(told["event"], Context(told["remainingMs"]))
        handled = {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
            "awsCalls": len(aws.spent),
            "awsCpu": sum(aws.spent),
            "peakMb": peak_mb(),
            "answer": answer,
        }
        print(json.dumps(handled), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
