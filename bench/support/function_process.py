"""`python -P bench/support/function_process.py MODULE HANDLER INDEXES`: a function's process, told on its
standard input what to do.

Each line is ``{"event", "remainingMs"}``; each is answered with a line of what ``Handled`` has
(bench/support/running_function.py). The first answer comes before any line, when the function is loaded.
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

sys.path.append(str(Path(__file__).parents[2]))  # last: the function's own code comes before

from bench.support.dynamodb_units import Index
from bench.support.metering import Log, Meter

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


def peak_mb() -> float:
    """The largest resident set so far.

    Linux hands ``ru_maxrss`` of the process that started this one down to it, so there it is not asked.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / KB_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_MB / KB_PER_MB


def whole(answer: Any) -> Any:
    """An answer as JSON has it: that of a handler that streams, once it has ended."""
    return answer.to_buffered() if hasattr(answer, "to_buffered") else answer


def main(module: str, handler_name: str, indexes: str) -> None:
    """Answer until the input ends."""
    answers, log = sys.stdout, Log()
    sys.stdout = log  # the function writes to it
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
