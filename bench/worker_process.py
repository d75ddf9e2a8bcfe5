"""`python -P bench/worker_process.py`: a worker's process, told on its standard input what to do.

Each line is ``{"event", "remainingMs"}``; each is answered with a line ``{"peakMb"}``, the most memory that
this process has had in use until then. The first answer comes before any line, when the function is loaded.
"""

import json
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

KB_PER_MB = 1024
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Context:
    """What the handler asks of Lambda's context."""

    remaining_ms: int
    function_name: str = "worker"
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = "worker"
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


def main() -> None:
    """Answer until the input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # the function logs to it
    from functions.worker.app import handler

    print(json.dumps({"peakMb": peak_mb()}), file=answers, flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        handler(told["event"], Context(told["remainingMs"]))
        print(json.dumps({"peakMb": peak_mb()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
