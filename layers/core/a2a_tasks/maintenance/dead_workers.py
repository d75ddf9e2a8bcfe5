"""Dead workers: their tasks are announced again, or fail."""

from dataclasses import dataclass

from a2a_tasks.domain.guards import guard_of_loss
from a2a_tasks.domain.schedule import due_after_resend, worker_lost
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.maintenance.sweep_report import SweepAction
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class DeadWorkers:
    """Recovers the tasks of workers whose lease has expired. All methods raise ``StoreUnavailable`` and
    ``QueueUnavailable``; calling again is safe."""

    store: TaskStore
    queue: TaskSender
    finalizer: TaskFinalizer
    telemetry: Telemetry

    def check(self, worker_id: str) -> list[SweepAction]:
        """If the worker is dead, recover the tasks that its lease lists, since their messages may be lost."""
        workers, now = self.finalizer.holders.workers, self.finalizer.clock.now()
        lease = workers.lease(worker_id)
        if lease is None or lease.due_at is None or lease.due_at > now:
            return []  # the index entry is stale
        # broken first: the worker can no longer renew it, so the steps below cannot race with it
        if not lease.is_over(now) or not workers.break_lease(lease):
            return []
        tasks = [self.store.get(ref) for ref in lease.tasks]
        # other tasks of the lease were released, ended or taken over since its last renewal
        held = [
            task for task in tasks if task and task.status is Status.RUNNING and task.held_by == worker_id
        ]
        done = [self.take_back(task) for task in held]
        # deleted last: the broken lease stays due, so that after a crash the next sweep finds its tasks
        workers.forget(worker_id)
        return [*done, SweepAction.DEAD_WORKER]

    def take_back(self, task: Task) -> SweepAction:
        """Announce a running task whose worker is dead, or fail it if no attempts are left."""
        if task.due_at is None or self.finalizer.holders.take(task) is not None:
            return SweepAction.NOTHING  # renewed meanwhile; the task stays due
        now = self.finalizer.clock.now()
        if task.attempts_are_used_up():
            # guarded by the fence: if another worker has claimed the task meanwhile, this is refused
            result = self.finalizer.fail(task, worker_lost(task), guard_of_loss(task.fence))
            return SweepAction.GAVE_UP if isinstance(result, Written) else SweepAction.NOTHING
        # moved before the message is sent, so that only one of two concurrent sweeps sends it
        if not self.store.reschedule(task.ref, task.due_at, due_after_resend(task, now)):
            return SweepAction.NOTHING
        self.queue.send(task)
        self.telemetry.event("task announced again", task, state=task.status)
        return SweepAction.RESENT
