"""Operations of batches on single tasks. Blocking, and always under the fence of a claim."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.schedule import clocks_of_wait, due_after_release
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import Spent, released
from a2a_tasks.ports.batches import BatchMember
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queues import BatchQueue
from a2a_tasks.ports.tasks import Refused, Release, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.outputs import save_partial

AT_A_TIME = 32
"""Tasks processed in parallel; each takes a few store calls."""


@dataclass(frozen=True)
class BatchTasks:
    """Operations on single tasks. All methods raise ``StoreUnavailable``, and those that store text
    ``PayloadUnavailable``."""

    store: TaskStore
    queue: BatchQueue
    payloads: PayloadStore
    finalizer: TaskFinalizer
    day: DayCount
    telemetry: Telemetry

    def now(self) -> int:
        """Unix milliseconds."""
        return self.finalizer.clock.now()

    def held(self, member: BatchMember) -> Task | None:
        """The task, if its batch still holds it."""
        task = self.store.get(member.ref)
        is_held = task is not None and task.status is Status.RUNNING and task.fence == member.fence
        return task if is_held else None

    def give_back(
        self,
        task: Task,
        not_before: int,
        *,
        spent: tuple[Spent, ...],
        keeps_attempt: bool = False,
        code: FailureCode | None = None,
        throttled_calls: int = 0,
    ) -> None:
        """Release a held task to the line; if the process crashes in between, the sweeper enqueues it.

        Args:
            task: The held task.
            not_before: Unix milliseconds.
            spent: Its usage by now.
            keeps_attempt: It does not count as an attempt, and the run clock stops.
            code: The failure that is retried.
            throttled_calls: Consecutive throttled calls.
        """
        now = self.now()
        clocks = clocks_of_wait(task, now) if keeps_attempt else None
        due_at = due_after_release(not_before, clocks.deadline if clocks else task.deadline)
        release = Release(
            now,
            not_before,
            due_at,
            spent,
            keeps_attempt=keeps_attempt,
            code=code,
            throttled_calls=throttled_calls,
            known_events=task.events,  # complete, because no other process writes events while it is held
            counted=self.day.add(task, spent, task.counted),
            clocks=clocks,
        )
        # refused if it has ended meanwhile, or another run has released it
        result = self.store.release(task.ref, task.fence, release)
        if isinstance(result, Written):
            self.queue.enqueue(result.task, now)

    def fail(
        self, task: Task, failure: Failure, *, spent: tuple[Spent, ...] | None = None, text: str = ""
    ) -> Written | Refused:
        """Fail a held task; without ``spent`` its usage is unchanged. ``text`` is stored as partial
        output."""
        # the text is stored before the write that refers to it
        guard, output = guard_of_worker(task.fence), save_partial(self.payloads, task, text)
        spent = released(task.spent) if spent is None else spent
        result = self.finalizer.fail(task, failure, guard, spent=spent, output=output)
        return self.counted(result)

    def counted(self, result: Written | Refused) -> Written | Refused:
        """Count the task if ``result`` ended it. Returns ``result``."""
        if isinstance(result, Written):
            self.count(result.task)
        return result

    def count(self, task: Task) -> None:
        """Count an ended task. If that fails, the results that ended it are processed again."""
        if not self.day.settle(task):
            raise StoreUnavailable("what the task has used is not counted yet")


class HasTaskId(Protocol):
    """Something that belongs to one task."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        ...


@dataclass(frozen=True)
class ParallelSteps:
    """Runs blocking steps for many tasks with limited parallelism."""

    run: RunBlocking
    telemetry: Telemetry

    async def each[T: HasTaskId, R](
        self, step: Callable[[T], R], items: Iterable[T], problem: str
    ) -> list[R | None]:
        """Results of the steps, in order. None for steps whose store did not respond, which are reported."""
        return await asyncio.gather(*(self.run(self._try, step, item, problem) for item in items))

    async def all_done[T: HasTaskId](
        self, step: Callable[[T], object], items: Iterable[T], problem: str
    ) -> bool:
        """Whether all steps succeeded."""
        done = await self.each(lambda item: (step(item), True), items, problem)
        return None not in done

    def _try[T: HasTaskId, R](self, step: Callable[[T], R], item: T, problem: str) -> R | None:
        try:
            return step(item)
        except (StoreUnavailable, PayloadUnavailable) as error:
            self.telemetry.problem(problem, task_id=item.task_id, reason=str(error))
        except Exception as error:
            # whatever it was, it must not stop the other tasks
            self.telemetry.problem(problem, task_id=item.task_id, error=error)
        return None
