"""Monitors every change of a task and, once a second, which tasks wait."""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Lane, Status, Task, TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import AgentReader
from tests.load.simulator.report import Ends
from tests.twins.clock import START_MS
from tests.twins.stores.tasks import Change

LOOK_SECONDS = 1.0


@dataclass
class Monitor:
    """``places`` is how many tasks the workers may have at a time. Times are in seconds."""

    clock: Clock
    registry: AgentReader
    places: int
    tasks: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    unstarted: int = 0
    deadlines_late: list[float] = field(default_factory=list)
    starts_late: list[float] = field(default_factory=list)
    goes_on_late: float = 0
    last_end: float = 0
    idle: list[int] = field(default_factory=list)
    oldest_due: float = 0
    most_running: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    of_project: dict[str, Ends] = field(default_factory=lambda: defaultdict(Ends))
    live: dict[TaskRef, Task] = field(default_factory=dict)
    _ready: Counter[str] = field(default_factory=Counter)
    _running: Counter[str] = field(default_factory=Counter)
    _counted: dict[TaskRef, str] = field(default_factory=dict)
    _delayed: list[tuple[int, str, TaskRef]] = field(default_factory=list)

    @property
    def running(self) -> int:
        return self._running.total()

    def note(self, change: Change) -> None:
        before, after = change.before, change.after
        if before is None:
            self.tasks += 1
            self.of_project[after.project_id].tasks += 1
        if not after.is_terminal:
            self.live[after.ref] = after
        if before is not None and before.status is after.status and before.fence == after.fence:
            return
        if after.status is Status.RUNNING:
            self._started(after, before)
        if after.is_terminal:
            self.live.pop(after.ref, None)
            self._ended(after)
        self._place(after)

    def look(self, oldest_due: int | None) -> None:
        """Once a second."""
        now = self.clock.now()
        while self._delayed and self._delayed[0][0] <= now:
            _, _, ref = heapq.heappop(self._delayed)
            task = self.live.get(ref)
            if task is not None and task.status is Status.PENDING and ref not in self._counted:
                self._place(task)
        running = self.running
        self.most_running = max(self.most_running, running)
        can_start = sum(self._can_start(agent_id) for agent_id in self._ready if self._ready[agent_id])
        self.idle.append(min(max(0, self.places - running), can_start))
        if oldest_due is not None:
            self.oldest_due = max(self.oldest_due, (now - oldest_due) / 1000)

    def unwritten(self) -> list[float]:
        """How late the live tasks past their deadlines are now."""
        now = self.clock.now()
        return [(now - task.deadline) / 1000 for task in self.live.values() if task.deadline < now]

    def _started(self, task: Task, before: Task | None) -> None:
        if task.fence > 1:
            if before is not None and before.status is Status.PENDING:
                since = max(before.updated_at, before.not_before)
                self.goes_on_late = max(self.goes_on_late, (self.clock.now() - since) / 1000)
            return
        late = ((task.started_at or 0) - max(task.created_at, task.not_before)) / 1000
        self.starts_late.append(late)
        project = self.of_project[task.project_id]
        project.start_late_max = max(project.start_late_max, late)

    def _ended(self, task: Task) -> None:
        project = self.of_project[task.project_id]
        self.last_end = (self.clock.now() - START_MS) / 1000
        if task.failure is None:
            self.ends[task.status.value] += 1
            project.completed += 1
            return
        project.failed += 1
        self.ends[task.failure.code.value] += 1
        self.reasons[task.failure.message] += 1
        if task.failure.code in (FailureCode.TIMEOUT, FailureCode.QUEUE_TIMEOUT):
            late = (self.clock.now() - task.deadline) / 1000
            self.deadlines_late.append(late)
            project.deadline_late_max = max(project.deadline_late_max, late)
            self.unstarted += task.started_at is None

    def _place(self, task: Task) -> None:
        """Count a task as one that could start, as running, or as neither."""
        agent_id = task.ref.agent_id
        if (counted := self._counted.pop(task.ref, None)) is not None:
            (self._ready if counted == "ready" else self._running)[agent_id] -= 1
        if task.lane is Lane.BATCH:
            return
        if task.status is Status.RUNNING:
            self._running[agent_id] += 1
            self._counted[task.ref] = "running"
        elif task.status is Status.PENDING and not task.awaits:
            if task.not_before > self.clock.now():
                heapq.heappush(self._delayed, (task.not_before, task.ref.task_id, task.ref))
            else:
                self._ready[agent_id] += 1
                self._counted[task.ref] = "ready"

    def _can_start(self, agent_id: str) -> int:
        agent = self.registry.agent(agent_id)
        limit = agent.max_concurrent_tasks if agent else 1
        ready = self._ready[agent_id]
        return ready if limit is None else min(ready, max(0, limit - self._running[agent_id]))
