"""Updates of a task's item: the conditions and changes that several of the store's writes have in common."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from a2a_tasks.adapters.dynamodb.tasks.task_values import event_value
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.history.event import Event, IndexedEvent
from a2a_tasks.domain.schedule import Clocks
from a2a_tasks.domain.task import Status


@dataclass(frozen=True)
class TaskUpdate(ItemUpdate):
    """An update of a task. Times are Unix milliseconds."""

    def held_under(self, fence: int) -> Self:
        """The worker with this fence must hold the task."""
        return self.when("#status = :running AND fence = :fence", running=Status.RUNNING.value, fence=fence)

    def waiting_under(self, fence: int) -> Self:
        """The task must wait, and not have been claimed since it had this fence."""
        return self.when("#status = :pending AND fence = :fence", pending=Status.PENDING.value, fence=fence)

    def in_one_of(self, statuses: Iterable[Status]) -> Self:
        values = {f"status{n}": status.value for n, status in enumerate(sorted(statuses))}
        return self.when(f"#status IN ({', '.join(f':{name}' for name in values)})", **values)

    def in_time(self, now: int) -> Self:
        """The deadline must not have passed."""
        return self.when("#until > :now", now=now)

    def if_still(self, name: str, seen: Any) -> Self:
        """The attribute must have this value; None: there must be none."""
        if seen is None:
            return self.when(f"attribute_not_exists({name})")
        return self.when(f"{name} = :seen", seen=seen)

    def guarded(self, guard: Guard) -> Self:
        """The same rule as ``Guard.allows``."""
        update = self.in_one_of(guard.statuses)
        if guard.fence is not None:
            update = update.when("fence = :fence", fence=guard.fence)
        if guard.deadline_after is not None:
            update = update.in_time(guard.deadline_after)
        if guard.deadline_by is not None:
            update = update.when("#until <= :expired", expired=guard.deadline_by)
        return update

    def add_event(self, event: Event | IndexedEvent | None) -> Self:
        """Add the event that reports the change, at its index if it has one."""
        match event:
            case None:
                return self
            case Event():
                return self.assign("#events = list_append(#events, :told)", told=[event_value(event)])
        # written at an index, not appended, so that a retry after a lost response does not repeat the event
        update = self.remove(f"#events[{event.index + 1}]") if event.is_last else self
        return update.assign(f"#events[{event.index}] = :told", told=event_value(event.event))

    def stop_run_clock(self, clocks: Clocks | None) -> Self:
        """None leaves the clocks as they are."""
        if clocks is None:
            return self
        return self.set(until=clocks.deadline, pausedMs=clocks.left_ms).remove("queueLeftMs")


def maybe[T](to_value: Callable[[T], Any], part: T | None) -> Any:
    """None, which no update sets, for what is not there."""
    return None if part is None else to_value(part)
