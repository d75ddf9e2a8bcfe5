"""The batch lane of a deployment on the twins; each ``failpoints`` argument is a process of its own."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.batches.batcher import Batcher, BatchReport
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.wiring.batcher import build_batcher
from tests.twins.deployment import PRICES, Deployment, inline
from tests.twins.faults.failpoints import NO_FAILPOINTS, Failpoints
from tests.twins.stores.batches import MemoryBatches, MemoryMessageBatches

RUN_SECONDS = 240.0


@dataclass
class BatchLane:
    deployment: Deployment = field(default_factory=Deployment)
    api: MemoryMessageBatches = field(init=False)

    def __post_init__(self) -> None:
        self.api = MemoryMessageBatches(self.deployment.clock)

    @property
    def batches(self) -> MemoryBatches:
        return self.deployment.batches

    def submit(self, message: str = "Write a report.", **changes: Any) -> Task:
        task = self.deployment.submit(message, lane=Lane.BATCH, **changes)
        self.deployment.clock.advance(0.001)  # ids sort by time
        return task

    def batcher(self, failpoints: Failpoints | None = None, run: RunBlocking = inline) -> Batcher:
        points, main = failpoints or NO_FAILPOINTS, self.deployment
        return build_batcher(
            main.services(points),
            payloads=points.wrap("payloads", main.payloads),
            batches=points.wrap("batches", self.batches),
            api=points.wrap("api", self.api),
            budgets=main.budgets(points),
            prices=PRICES,
            run=run,
        )

    def work(self, failpoints: Failpoints | None = None, seconds: float = RUN_SECONDS) -> BatchReport:
        """One run, during which no time passes."""
        return asyncio.run(self.batcher(failpoints).work(lambda: seconds))

    def work_meanwhile(self) -> None:
        """One run in the middle of another."""
        run = threading.Thread(target=lambda: asyncio.run(self.batcher().work(lambda: RUN_SECONDS)))
        run.start()
        run.join()

    def minute(self, failpoints: Failpoints | None = None) -> BatchReport:
        """Advance by a minute: a run, and a sweep."""
        self.deployment.clock.advance(60)
        report = self.work(failpoints)
        self.deployment.sweep()
        return report

    def under_way(self, *messages: str) -> list[Task]:
        """Tasks in one batch that has just been created."""
        tasks = [self.submit(message) for message in messages]
        self.minute()
        assert list(self.api.batches[-1].requests) == [task.ref.task_id for task in tasks]
        return tasks

    def now_of(self, task: Task) -> Task:
        return self.deployment.now_of(task)

    def failure_of(self, task: Task) -> tuple[FailureCode, str]:
        """Why the task has failed."""
        failed = self.now_of(task)
        assert failed.status is Status.FAILED
        assert failed.failure is not None
        return failed.failure.code, failed.failure.message

    def output_of(self, task: Task) -> dict[str, Any]:
        """As a caller reads it."""
        output: dict[str, Any] = self.deployment.shown(task)["output"]
        return output
