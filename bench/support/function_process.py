"""`python -P bench/support/function_process.py MODULE HANDLER INDEXES`: a function's process, controlled by
its standard input.

Each line is ``{"event", "remainingMs"}``; the response to each is a line with the fields of ``Handled``
(bench/support/running_function.py). The first response is sent before any line, once the function is loaded.
``INDEXES`` are those of the tables, as JSON.
"""

import importlib
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))  # last: the function's own code takes precedence

from bench.support.dynamodb_units import Index
from bench.support.metering import Log, Meter

KB_PER_MB = 1024
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context that the handler uses."""

    remaining_ms: int
    function_name: str = "function"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = "function"
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def peak_mb() -> float:
    """The largest resident set so far.

    Linux passes ``ru_maxrss`` on from the parent process, so on Linux it is not used.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / KB_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_MB / KB_PER_MB


def whole(answer: Any) -> Any:
    """A response as JSON; that of a streaming handler once it has ended."""
    return answer.to_buffered() if hasattr(answer, "to_buffered") else answer


def main(module: str, handler_name: str, indexes: str) -> None:
    """Answer until the input ends."""
    answers, log = sys.stdout, Log()
    sys.stdout = log  # the function writes to standard output
    meter = Meter(tuple(Index.of(each) for each in json.loads(indexes)))
    handler = getattr(importlib.import_module(module), handler_name)
    with meter.watching():
        print(json.dumps({"peakMb": peak_mb(), "cpu": time.process_time()}), file=answers, flush=True)
        for line in sys.stdin:
            told = json.loads(line)
            meter.take()
            log.take()
            started, cpu = time.perf_counter(), time.process_time()
            answer = whole(handler(told["event"], Context(told["remainingMs"])))
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            calls, own_cpu = meter.take()
            handled = {
                "seconds": seconds,
                "cpu": cpu - own_cpu,
                "calls": calls,
                "log": log.take(),
                "peakMb": peak_mb(),
                "answer": answer,
            }
            print(json.dumps(handled), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
