"""The sweeper's services."""

from a2a_tasks.concurrency.line_watch import LineWatch
from a2a_tasks.maintenance.backlog import Backlog
from a2a_tasks.maintenance.dead_workers import DeadWorkers
from a2a_tasks.maintenance.due_tasks import DueTasks
from a2a_tasks.maintenance.sweeper import Sweeper
from a2a_tasks.ports.blocking import RunParallel
from a2a_tasks.ports.queues import BatchQueue
from a2a_tasks.ports.workers.leases import Helpers, ShardLeases
from a2a_tasks.wiring.tasks import TaskServices


def build_sweeper(
    tasks: TaskServices, batches: BatchQueue, leases: ShardLeases, helpers: Helpers, run_parallel: RunParallel
) -> Sweeper:
    """The sweeper of one process."""
    dead_workers = DeadWorkers(tasks.store, tasks.queue, tasks.finalizer, tasks.telemetry)
    return Sweeper(
        store=tasks.store,
        workers=tasks.workers,
        lines=LineWatch(tasks.slots),
        due_tasks=DueTasks(
            store=tasks.store,
            queue=tasks.queue,
            slots=tasks.slots,
            batches=batches,
            finalizer=tasks.finalizer,
            dead_workers=dead_workers,
            backlog=Backlog(tasks.queue, tasks.clock),
            pause=tasks.pause,
            telemetry=tasks.telemetry,
        ),
        dead_workers=dead_workers,
        leases=leases,
        helpers=helpers,
        pause=tasks.pause,
        run_parallel=run_parallel,
        clock=tasks.clock,
        entropy=tasks.entropy,
        telemetry=tasks.telemetry,
    )
