"""One function's work for a task, and what Lambda bills for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.bill.prices import Unit
from bench.bill.usage import Usage
from bench.support.metering import Call
from bench.support.running_function import Handled
from tests.load.simulator.cloud import MILLISECONDS

FULL_PROCESSOR_MB = 1769
"""The memory with which a function gets a whole virtual processor; with less, it gets a share:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
MB_PER_GB, BYTES_PER_GB = 1024, 1024**3
LEAST_BILLED_SECONDS = 0.001
ROUND_TRIP_SECONDS = {
    "dynamodb": MILLISECONDS["DynamoDB"] / 1_000,
    "sqs": MILLISECONDS["SQS"] / 1_000,
    "s3": MILLISECONDS["S3"] / 1_000,
    "lambda": MILLISECONDS["Lambda"] / 1_000,
    "kms": 0.010,
    "secretsmanager": 0.020,
}
"""Of a call within a region, as in the simulation, and of some calls that the simulation lacks."""
PLATFORM_LINES = (
    "START RequestId: 00000000-0000-0000-0000-000000000000 Version: 42\n",
    "END RequestId: 00000000-0000-0000-0000-000000000000\n",
    "REPORT RequestId: 00000000-0000-0000-0000-000000000000\tDuration: 1234.56 ms\t"
    "Billed Duration: 1235 ms\tMemory Size: 1024 MB\tMax Memory Used: 123 MB\t\n",
)
"""The lines that Lambda logs for each invocation."""
LINE_BYTES = 26
"""Bytes that CloudWatch bills for a line in addition to its text:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutLogEvents.html"""
PLATFORM_BYTES = sum(len(line) + LINE_BYTES for line in PLATFORM_LINES)
UNITS_OF_CALLS = {
    ("s3", "PutObject"): {Unit.S3_PUTS: 1},
    ("s3", "ListObjectsV2"): {Unit.S3_PUTS: 1},
    ("s3", "ListObjectVersions"): {Unit.S3_PUTS: 1},
    ("s3", "GetObject"): {Unit.S3_GETS: 1},
    ("s3", "HeadObject"): {Unit.S3_GETS: 1},
    ("s3", "DeleteObject"): {},
    ("s3", "DeleteObjects"): {},
    ("secretsmanager", "GetSecretValue"): {Unit.SECRET_READS: 1},
    ("kms", "Encrypt"): {Unit.KMS_REQUESTS: 1},
    ("kms", "Decrypt"): {Unit.KMS_REQUESTS: 1},
    ("kms", "GenerateDataKey"): {Unit.KMS_REQUESTS: 1},
    ("lambda", "Invoke"): {},
}
"""Lambda bills an invocation to the invoked function; S3 charges nothing for a deletion."""


@dataclass(frozen=True)
class Part:
    """The average for one task: invocations of a function, its processor seconds, the seconds that it waited
    for anything but AWS, its AWS calls by service, and its other usage that is charged."""

    function: str
    memory_mb: int
    invocations: float = 1
    cpu_seconds: float = 0
    waited_seconds: float = 0
    calls: Mapping[str, float] = field(default_factory=dict)
    used: Usage = field(default_factory=Usage)

    @classmethod
    def of(cls, function: str, memory_mb: int, handled: Sequence[Handled], tasks: float = 1) -> "Part":
        """Of invocations that handled this many tasks in all."""
        calls = [call for each in handled for call in each.calls]
        services = sorted({call.service for call in calls})
        return cls(
            function,
            memory_mb,
            len(handled) / tasks,
            sum(each.cpu for each in handled) / tasks,
            calls={name: sum(call.service == name for call in calls) / tasks for name in services},
            used=Usage.sum(_used(each) for each in handled) * (1 / tasks),
        )

    @property
    def processor(self) -> float:
        """Its share of a processor."""
        return min(1.0, self.memory_mb / FULL_PROCESSOR_MB)

    @property
    def seconds(self) -> float:
        """The modelled duration, as if nothing in it ran concurrently: waiting time, the measured processor
        time at its share of a processor, and a round trip for each call."""
        round_trips = sum(ROUND_TRIP_SECONDS[name] * count for name, count in self.calls.items())
        return self.waited_seconds + self.cpu_seconds / self.processor + round_trips

    @property
    def usage(self) -> Usage:
        """The whole usage, including Lambda's duration."""
        return self.used + invoked(self.invocations, self.seconds, self.memory_mb)

    def waiting(self, seconds: float) -> "Part":
        """A copy with this much waiting time."""
        return replace(self, waited_seconds=seconds)

    def with_usage(self, more: Usage) -> "Part":
        """A copy with additional usage."""
        return replace(self, used=self.used + more)

    def times(self, number: float) -> "Part":
        """A multiple of it."""
        return replace(
            self,
            invocations=self.invocations * number,
            cpu_seconds=self.cpu_seconds * number,
            waited_seconds=self.waited_seconds * number,
            calls={name: count * number for name, count in self.calls.items()},
            used=self.used * number,
        )


def invoked(invocations: float, seconds: float, memory_mb: int) -> Usage:
    """What Lambda and its log lines cost for this many seconds in all."""
    billed = max(seconds, invocations * LEAST_BILLED_SECONDS)
    return Usage(
        {
            Unit.INVOCATIONS: invocations,
            Unit.GB_SECONDS: billed * memory_mb / MB_PER_GB,
            Unit.LOG_GB: invocations * PLATFORM_BYTES / BYTES_PER_GB,
        }
    )


def _used(handled: Handled) -> Usage:
    logged = handled.logged.bytes + handled.logged.lines * LINE_BYTES
    return Usage.sum([Usage({Unit.LOG_GB: logged / BYTES_PER_GB}), *map(_of_call, handled.calls)])


def _of_call(call: Call) -> Usage:
    """Raises ``KeyError`` for a call without a known price."""
    match call.service:
        case "dynamodb":
            return Usage({Unit.WRITE_UNITS: call.write_units, Unit.READ_UNITS: call.read_units})
        case "sqs":
            return Usage({Unit.SQS_REQUESTS: call.requests})
        case _:
            return Usage(UNITS_OF_CALLS[call.service, call.operation])
