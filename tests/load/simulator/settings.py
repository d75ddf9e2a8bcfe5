"""The deployment's numbers, from the template and the handlers."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.support.template import ROOT, known_values, resolve, resource_properties

MILLISECONDS = 1_000


@dataclass(frozen=True)
class FunctionSettings:
    """``reserved`` is the maximum concurrency, None if only the account limits it; ``retries`` are those of
    asynchronous calls, given up after ``max_age_seconds``."""

    memory_mb: int
    timeout_seconds: int
    reserved: int | None
    retries: int = 2
    max_age_seconds: int = 21_600


@dataclass(frozen=True)
class SourceSettings:
    """How a queue invokes a function."""

    batch_size: int
    max_concurrency: int


@dataclass(frozen=True)
class StreamSettings:
    """How a stream invokes a function: this many concurrent invocations for each shard, with at most this
    many records."""

    batch_size: int
    parallelization: int


@dataclass(frozen=True)
class QueueSettings:
    visibility_seconds: int
    max_receives: int | None


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment with these parameters (by name, else their defaults)."""

    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> int:
        return int(self._known[name])

    def function(self, logical_id: str) -> FunctionSettings:
        properties = resource_properties(logical_id)
        calls = properties.get("EventInvokeConfig", {})
        reserved = self._value(properties.get("ReservedConcurrentExecutions"))
        return FunctionSettings(
            memory_mb=int(self._value(properties["MemorySize"]) or 0),
            timeout_seconds=int(self._value(properties["Timeout"]) or 0),
            reserved=reserved,
            retries=calls.get("MaximumRetryAttempts", FunctionSettings.retries),
            max_age_seconds=calls.get("MaximumEventAgeInSeconds", FunctionSettings.max_age_seconds),
        )

    def source(self, logical_id: str, event: str) -> SourceSettings:
        source = resource_properties(logical_id)["Events"][event]["Properties"]
        most = self._value(source["ScalingConfig"]["MaximumConcurrency"])
        return SourceSettings(source["BatchSize"], most or 0)

    def stream(self, logical_id: str, event: str) -> StreamSettings:
        source = resource_properties(logical_id)["Events"][event]["Properties"]
        return StreamSettings(source["BatchSize"], source["ParallelizationFactor"])

    def queue(self, logical_id: str) -> QueueSettings:
        properties = resource_properties(logical_id)
        receives = properties.get("RedrivePolicy", {}).get("maxReceiveCount")
        return QueueSettings(self._value(properties["VisibilityTimeout"]) or 0, receives)

    def rate_seconds(self, logical_id: str, event: str) -> int:
        """The interval of a function's schedule."""
        text = resource_properties(logical_id)["Events"][event]["Properties"]["ScheduleExpression"]
        number, unit = text.removeprefix("rate(").removesuffix(")").split()
        return int(number) * {"minute": 60, "hour": 3_600}[unit.removesuffix("s")]

    def _value(self, value: Any) -> int | None:
        if value is None:
            return None
        text = resolve(value, self._known)
        return int(text) if text else None

    @property
    def _known(self) -> dict[str, str]:
        return {**known_values({}, dict(self.parameters)), "AWS::NoValue": ""}


def constant(path: str, name: str) -> float:
    """A number from a module that cannot be imported without a deployment."""
    for node in ast.parse((Path(ROOT) / path).read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Constant(value=int() | float() as value)):
                if found == name:
                    return value
    raise LookupError(f"{path} has no number {name}")
