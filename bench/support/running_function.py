"""A built function in a process of its own, on the emulator's Python, with the emulator as its AWS."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.support.built_function import BuiltFunction
from bench.support.metering import Call
from tests.integration.support.template import table_definition


@dataclass(frozen=True)
class Logged:
    """Lines of a function's log, their bytes, and the metrics that CloudWatch finds in them."""

    lines: int
    bytes: int
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Handled:
    """The result of an event. ``cpu`` are processor seconds of the whole process; ``peak_mb`` is its peak
    memory so far."""

    seconds: float
    cpu: float
    calls: tuple[Call, ...]
    logged: Logged
    peak_mb: float
    answer: Any

    @property
    def aws_calls(self) -> int:
        return len(self.calls)

    @property
    def aws_cpu(self) -> float:
        """Processor seconds spent in AWS calls."""
        return sum(call.cpu for call in self.calls)


@dataclass(frozen=True)
class RunningFunction:
    """``loaded_mb`` is its peak memory before any event, ``loaded_cpu`` the processor seconds until
    then."""

    told: IO[str]
    answers: IO[str]
    loaded_mb: float
    loaded_cpu: float

    @classmethod
    @contextmanager
    def of(cls, built: BuiltFunction) -> Iterator["RunningFunction"]:
        """For the length of the block."""
        program = Path(__file__).with_name("function_process.py")
        indexes = json.dumps(table_definition("TasksTable")["GlobalSecondaryIndexes"])
        process = subprocess.Popen(
            [built.python, "-P", str(program), built.module, built.handler, indexes],
            env=built.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            try:
                loaded = _answer(process.stdout)
                yield cls(process.stdin, process.stdout, loaded["peakMb"], loaded["cpu"])
            finally:
                process.kill()

    def handle(self, event: dict[str, Any], remaining_ms: int = 29_000) -> Handled:
        """Raises ``RuntimeError`` if the process has died, or the handler raised an exception."""
        print(json.dumps({"event": event, "remainingMs": remaining_ms}), file=self.told, flush=True)
        said = _answer(self.answers)
        logged = said["log"]
        return Handled(
            said["seconds"],
            said["cpu"],
            tuple(Call(**call) for call in said["calls"]),
            Logged(logged["lines"], logged["bytes"], tuple(logged["metrics"])),
            said["peakMb"],
            said["answer"],
        )


def _answer(answers: IO[str]) -> dict[str, Any]:
    line = answers.readline()
    if not line:
        raise RuntimeError("the function's process has died")
    said: dict[str, Any] = json.loads(line)
    return said
