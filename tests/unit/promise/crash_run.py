"""Runs a scenario with a process that dies in it, and says what that process had when it died."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.execution.model.transcript import turn_document
from a2a_tasks.ports.slots import Scope
from a2a_tasks.tasks import payload
from a2a_tasks.views.events import events_view
from tests.twins.deployment import Deployment
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import Asked
from tests.unit.promise.crash_scenarios import ANSWER, Scenario

SWEEP_SECONDS = 60
LONGEST_SECONDS = 900


@dataclass
class CrashRun:
    """``points`` are those of the process that dies. ``lost`` are the replies that it had and had not saved,
    ``started`` the keys of the tool calls that it had noted as begun and no more. ``most`` is how many calls
    of the model there ever were at once, of an agent and of a conversation. ``seen`` are the events that a
    caller has read who follows each task by its cursor."""

    scenario: Scenario
    points: Failpoints
    deployment: Deployment = field(default_factory=Deployment)
    died_at: int | None = None
    lost: list[Asked] = field(default_factory=list)
    started: set[str] = field(default_factory=set)
    most: dict[Scope, int] = field(default_factory=dict)
    seen: dict[TaskRef, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self) -> None:
        """Let time pass until all tasks have ended, with a sweep a minute and a caller who answers."""
        clock, tasks = self.deployment.clock, self.deployment.store.tasks
        self.scenario.begin(self.deployment)
        self.deployment.model.watchers.append(self._count_calls)
        clock.later(SWEEP_SECONDS, self._sweep)
        end = clock.now() + LONGEST_SECONDS * 1000
        while clock.now() < end and not all(task.is_terminal for task in tasks.values()):
            self._do(self._deliver)
            self._do(self._answer_questions)
            self._follow()
            clock.advance(1)
        while self._follow():
            pass

    def task(self, message: str) -> Task:
        """The only task that this message is for."""
        (found,) = [task for task in self.deployment.store.tasks.values() if self.message(task) == message]
        return found

    def message(self, task: Task) -> str:
        return str(payload.load(self.deployment.payloads, task.input)["message"])

    def records(self, task: Task) -> dict[str, dict[str, Any]]:
        """The documents of a task by key."""
        records = self.deployment.records.records(task.ref.task_id)
        return {record.key: payload.load(self.deployment.payloads, record.payload) for record in records}

    def is_saved(self, asked: Asked) -> bool:
        """The reply is kept as a turn, or as the end."""
        assert asked.reply is not None
        task = self.task(asked.message)
        if turn_document(asked.reply) in self.records(task).values():
            return True
        output = payload.load(self.deployment.payloads, task.output) if task.output else {}
        return task.status is Status.COMPLETED and output["result"] == asked.reply.text

    def _count_calls(self, _: Asked) -> None:
        tasks = [self.task(asked.message) for asked in self.deployment.model.under_way]
        scopes = [Scope(task.ref.agent_id) for task in tasks]
        scopes += [Scope(task.ref.agent_id, task.context_id) for task in tasks if task.context_id]
        for scope, count in Counter(scopes).items():
            self.most[scope] = max(self.most.get(scope, 0), count)

    def _do(self, step: Callable[[Failpoints | None], None]) -> None:
        try:
            step(None if self.points.dead else self.points)
        except Crash:
            self.died_at = self.deployment.clock.now()
            asked = self.deployment.model.asked
            self.lost = [one for one in asked if one.reply is not None and not self.is_saved(one)]
            for task in self.deployment.store.tasks.values():
                states = {key: document.get("state") for key, document in self.records(task).items()}
                self.started |= {key for key, state in states.items() if state == "started"}

    def _deliver(self, points: Failpoints | None) -> None:
        if deliveries := self.deployment.queue.receive():
            seconds = self.scenario.function_seconds
            self.deployment.clock.run(self.deployment.invoke(deliveries, points, seconds))

    def _answer_questions(self, points: Failpoints | None) -> None:
        for task in list(self.deployment.store.tasks.values()):
            if task.status is Status.INPUT_REQUIRED:
                self.deployment.answerer(points).answer(task, ANSWER)

    def _follow(self) -> int:
        """Read the next events of each task; how many there were."""
        news = 0
        for ref in self.deployment.store.tasks:
            seen = self.seen.setdefault(ref, [])
            after = int(seen[-1]["id"]) if seen else 0
            answer = events_view(self.deployment.tasks().events("demo", ref.agent_id, ref.task_id, after, 2))
            seen += answer["events"]
            news += len(answer["events"])
        return news

    def _sweep(self) -> None:
        self.deployment.sweep_what_is_due()
        self.deployment.clock.later(SWEEP_SECONDS, self._sweep)
