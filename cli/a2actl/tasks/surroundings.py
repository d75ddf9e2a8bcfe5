"""What a task's state depends on: its worker's lease, its agent's slots, its queue."""

from a2a_tasks.domain.schedule import goes_first
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.wiring.tasks import TaskServices
from a2actl.tasks.explanation import Surroundings
from a2actl.tasks.slots import slots_held


def surroundings(services: TaskServices, task: Task) -> Surroundings:
    """As they are now; of an ended task nothing more is read. Raises ``StoreUnavailable`` and
    ``QueueUnavailable``."""
    now = services.clock.now()
    if task.status is Status.RUNNING and task.held_by is not None and task.lane is not Lane.BATCH:
        return Surroundings(now, lease=services.workers.lease(task.held_by))
    if task.status is not Status.PENDING or task.lane is Lane.BATCH:
        return Surroundings(now)
    agent = services.registry.agent(task.ref.agent_id)
    slots = agent.max_concurrent_tasks if agent else None
    return Surroundings(
        now,
        slots=slots,
        held=0 if slots is None else slots_held(services.places, task.ref.agent_id, slots),
        queued=services.queue.waiting(is_urgent=goes_first(task)),
    )
