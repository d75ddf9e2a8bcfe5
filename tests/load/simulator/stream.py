"""The stream of the tasks' table: its records arrive with a delay, and in order within a shard."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Self
from zlib import crc32

from a2a_tasks.domain.webhooks.push import Notification, StatusChange
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import SendFailure, TimedSender
from tests.load.simulator.functions import Failed, Function
from tests.load.simulator.kernel import Kernel
from tests.load.simulator.settings import StreamSettings
from tests.twins.timed_queue import MemorySender

SHARDS = 4
"""Of a new on-demand table; the number only grows."""
LAG_SECONDS, SPREAD = 0.2, 0.8
"""Until a record can be read: the median, and a spread by which one in a hundred takes 1.3 s. AWS says "in
near-real time"."""
POLL_SECONDS = 0.25
"""Lambda polls each shard four times a second:
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""


@dataclass
class _Lane:
    """Records for one invocation at a time, each with the time from which it can be read."""

    records: deque[tuple[float, StatusChange]] = field(default_factory=deque)
    is_busy: bool = False


@dataclass
class StreamSource:
    """The stream as event source of a function. After a partial failure a batch is retried from the first
    failed record; without a response it is retried as a whole."""

    function: Function
    settings: StreamSettings
    kernel: Kernel
    random: Random
    lanes: list[_Lane]

    @classmethod
    def of(cls, function: Function, settings: StreamSettings, kernel: Kernel, random: Random) -> Self:
        lanes = [_Lane() for _ in range(SHARDS * settings.parallelization)]
        return cls(function, settings, kernel, random, lanes)

    @property
    def waiting(self) -> int:
        """The number of records that are not processed."""
        return sum(len(lane.records) for lane in self.lanes)

    def put(self, change: StatusChange) -> None:
        """Add a record that passes the filter; the others cost nothing."""
        lane = self.lanes[crc32(change.task.ref.task_id.encode()) % len(self.lanes)]
        readable_at = self.kernel.time + LAG_SECONDS * self.random.lognormvariate(0, SPREAD)
        if lane.records:
            readable_at = max(readable_at, lane.records[-1][0])
        lane.records.append((readable_at, change))
        if not lane.is_busy:
            lane.is_busy = True
            self.kernel.loop.create_task(self._empty(lane))

    async def _empty(self, lane: _Lane) -> None:
        kernel = self.kernel
        await kernel.clock.sleep(lane.records[0][0] - kernel.time + self.random.uniform(0, POLL_SECONDS))
        while lane.records:
            first = islice(lane.records, self.settings.batch_size)
            batch = [change for at, change in first if at <= kernel.time]
            if batch and not self.function.is_throttled():
                for _ in range(await self._invoke(batch)):
                    lane.records.popleft()
            else:
                await kernel.clock.sleep(POLL_SECONDS)
        lane.is_busy = False

    async def _invoke(self, batch: list[StatusChange]) -> int:
        """How many of them are processed."""
        try:
            failed: int | None = await self.function.invoke(batch)
        except Failed:
            failed = 0
        if failed == 0:
            await self.kernel.clock.sleep(POLL_SECONDS)
        return len(batch) if failed is None else failed


@dataclass
class TimedNotifications(MemorySender[Notification]):
    """The notifications' queue, which records how long after its change each was sent (seconds)."""

    clock: Clock = field(kw_only=True)
    late: list[float] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def send(self, contents: Sequence[Notification]) -> list[SendFailure[Notification]]:
        for content in contents:
            if content.notification_id not in self.ids:
                self.ids.add(content.notification_id)
                self.late.append((self.clock.now() - content.at) / 1_000)
        return []


@dataclass(frozen=True)
class ReportingSender:
    """``TimedSender`` that returns what was not sent, as the SQS adapter does."""

    sender: TimedSender[Notification]

    def send(self, contents: Sequence[Notification]) -> list[SendFailure[Notification]]:
        try:
            return self.sender.send(contents)
        except QueueUnavailable as error:
            return [SendFailure(content, str(error)) for content in contents]
