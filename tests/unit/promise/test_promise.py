"""The promise: every accepted task ends, by its deadline, once, whatever happens on the way.

A state machine plays callers, deliveries, crashes, outages and time against the real services on the twins:
tasks of several turns with tools, questions, tasks that start tasks, conversations, priorities, delays,
budgets, and functions too short for a task. The sweeper runs every minute, as in a deployment, and now and
then besides. After every step:

- an ended task never changes again, but for the output that its worker still had, and for what its project's
  day has of it; one write ended each;
- a live task is due at some time no later than its deadline, and its attempts stay within their limit;
- the fence rises by one with every claim and never falls, and no write of a stale worker takes effect;
- a reader never sees a task live past its deadline;
- what tools have done is what the conversation says: no file is written twice, each artifact and each started
  task is the one that a saved call names;
- no more slots are held than the limits allow.

At every call of the model:

- no more tasks of an agent are at work than it allows, and one of a conversation;
- no saved turn is bought again, and the request extends the one before it;
- the task has something left to spend, and so has its project.

At the end either all works again, and every task that has time left ends before its deadline; or nothing does
but the sweeper, and every task ends at its deadline. Either way whoever comes then gets a slot at once. Then
cleanup leaves nothing behind.
"""

from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, FailureCode, RequestRefused
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import Budget, Priority, Status, Task, TaskRef
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.tasks.submission import Submission
from tests.twins.deployment import LEASE_SECONDS, MAX_ATTEMPTS, RETENTION_MS, Deployment, agent, plenty
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.model import Partly, Step, after, answer, hang, uses
from tests.twins.queue import MemoryQueue, Message
from tests.twins.stores.slots import MemorySlots
from tests.twins.stores.tasks import MemoryTaskStore
from tests.twins.stores.workers import MemoryWorkers
from tests.twins.telemetry import MemoryTelemetry
from tests.unit.promise.promise_checks import TIMEOUTS, Checks, check_slots

pytestmark = pytest.mark.slow

LARGE = "x" * 9_000
SWEEP_SECONDS = 60
TIMEOUTS_MS = (60_000, 300_000, 1_800_000, 1_800_000)
QUEUE_TIMEOUTS_MS = (60_000, 300_000, 1_800_000, 1_800_000)
DELAYS = (0, 0, 0, 0, 0, 0, 0, 40, 1_000, 100_000)
RECOVERY_SECONDS = 900
LONGEST_WAIT_SECONDS = 100
TURN_SECONDS = (0, 5, 20, 50)
FUNCTION_SECONDS = (60.0, 75.0, 100.0, 900.0)
LIMITS = {"writer": 2, "helper": 2}
CONTEXTS = (None, None, "talk", "chat")
TOOLS = ("Read", "Write", "Edit", "report_progress", "save_artifact", "ask_user", "call_agent")
ERRORS: dict[str, Exception] = {
    "store": StoreUnavailable("down"),
    "workers": StoreUnavailable("down"),
    "slots": StoreUnavailable("down"),
    "records": StoreUnavailable("down"),
    "spend": StoreUnavailable("down"),
    "registry": StoreUnavailable("down"),
    "payloads": PayloadUnavailable("down"),
    "queue": QueueUnavailable("down"),
}
TOOL_TURNS = ("progress", "write", "artifact", "ask", "child", "many")
FAULTY_TURNS = ("busy", "wait", "reject", "truncate", "bug", "hang", "partly")
TURNS = TOOL_TURNS * 3 + FAULTY_TURNS + ("answer", "large") * 2
CHILD_TURNS = ("answer", "busy", "child", "large", "progress")
TIMED_TURNS = st.tuples(st.sampled_from(TURNS), st.sampled_from(TURN_SECONDS))
POINTS = [
    *("store.create", "store.get", "store.claim", "store.advance", "store.release"),
    *("workers.open", "workers.renew", "workers.lease", "workers.break_lease", "workers.note"),
    *(
        "store.request_input",
        "store.resume",
        "store.wake",
        "store.finish",
        "store.add_partial_output",
        "store.reschedule",
    ),
    *("store.due", "store.grant", "slots.state", "slots.take", "slots.pass_on", "slots.free", "slots.wait"),
    *("slots.stop_waiting", "slots.waiting", "slots.place", "slots.watch", "slots.due_lines"),
    *("slots.reschedule", "records.put_record", "records.records"),
    *("records.put_record_once", "spend.add_spend", "registry.revision", "payloads.put", "payloads.get"),
    *(
        "queue.send",
        "queue.change_visibility",
        "queue.delete",
        "workspace.write",
        "workspace.snapshot",
        "model.turn",
    ),
]
CRASHES = st.builds(
    lambda at, after: Failpoints(crash_at=at, crash_after=after), st.integers(1, 60), st.booleans()
)
SWEEP_POINTS = [
    "store.get",
    "workers.break_lease",
    "store.reschedule",
    "store.finish",
    "queue.send",
    "store.grant",
    "slots.state",
    "slots.pass_on",
]


AT_MOST_THREE_POINTS = st.lists(st.sampled_from(POINTS), max_size=3)
WHICH_CALL = st.integers(1, 3)


@st.composite
def faults(draw: st.DrawFn) -> Failpoints:
    """A process of which up to three calls go wrong."""
    points = Failpoints()
    for point in draw(AT_MOST_THREE_POINTS):
        port = point.partition(".")[0]
        crash = draw(st.booleans()) or port not in ERRORS
        error = Crash(point) if crash else ERRORS[port]
        points.fail(point, error, call=draw(WHICH_CALL), after=draw(st.booleans()))
    return points


HEALTHY = st.builds(Failpoints)
PROCESSES = st.one_of(HEALTHY, HEALTHY, CRASHES, faults())


class Promise(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.deployment = Deployment()
        for agent_id, limit in LIMITS.items():
            changes: dict[str, Any] = {"allowed_tools": TOOLS, "max_concurrent_tasks": limit}
            self.deployment.registry.apply(agent(agent_id, **changes))
        self.put_project(None)
        self.checks = Checks(self.deployment, LIMITS)
        self.accepted: set[TaskRef] = set()
        self.ended: dict[TaskRef, Task] = {}
        self.messages = 0
        self.answers = 0
        self.rare: Counter[str] = Counter()
        self.scheduled = True
        self.deployment.clock.later(SWEEP_SECONDS, self.sweep_on_schedule)

    def put_project(self, daily_tokens: int | None) -> None:
        settings = ProjectSettings("demo", None, daily_tokens, callable_agents=frozenset({"helper"}))
        self.deployment.registry.put_project(settings)

    def sweep_on_schedule(self) -> None:
        if self.scheduled:
            self.deployment.sweep_what_is_due()
            self.deployment.clock.later(SWEEP_SECONDS, self.sweep_on_schedule)

    def attempt[T](self, work: Callable[[], T]) -> T | None:
        """Call a function whose process may die or whose stores may fail; its caller gets an error then."""
        try:
            return work()
        except (Crash, StoreUnavailable, PayloadUnavailable, QueueUnavailable):
            return None

    # -- callers

    @rule(
        count=st.integers(1, 3),
        timeout_ms=st.sampled_from(TIMEOUTS_MS),
        queue_timeout_ms=st.sampled_from(QUEUE_TIMEOUTS_MS),
        large=st.booleans(),
        turns=st.lists(TIMED_TURNS, min_size=1, max_size=5),
        context_id=st.sampled_from(CONTEXTS),
        priority=st.sampled_from(Priority),
        delay=st.sampled_from(DELAYS),
        tokens=st.sampled_from([None, None, None, 20, 60]),
        process=PROCESSES,
    )
    def create(self, count: int, process: Failpoints, **asked: Any) -> None:
        """Submit tasks, whose first turns go as ``turns`` say; all later ones are answered at once."""
        for _ in range(count):
            self.submit(process, **asked)

    def submit(
        self,
        process: Failpoints,
        timeout_ms: int,
        turns: list[tuple[str, int]],
        large: bool = False,
        context_id: str | None = None,
        priority: Priority = Priority.HIGH,
        delay: int = 0,
        tokens: int | None = None,
        queue_timeout_ms: int = 1_800_000,
    ) -> None:
        now = self.deployment.clock.now()
        submission = Submission(
            project_id="demo",
            agent_id="writer",
            message=self.message("Report", turns, large),
            context=None,
            timeout_ms=timeout_ms,
            queue_timeout_ms=queue_timeout_ms,
            correlation_id="request-1",
            priority=priority,
            not_before=now + delay * 1000 if delay else None,
            budget=Budget(tokens=tokens),
            context_id=context_id,
        )
        try:
            task = self.attempt(lambda: self.deployment.submitter(process).submit(submission))
        except RequestRefused as refused:
            assert refused.code is ErrorCode.BUDGET_EXCEEDED  # noqa: PT017  refused now and then
            return
        if task is not None:
            self.accepted.add(task.ref)

    def message(self, name: str, turns: list[tuple[str, int]], large: bool = False) -> str:
        """A message like no other, whose task's turns go like this."""
        self.messages += 1
        message = f"{name} {self.messages}? {LARGE if large else ''}"
        for kind, seconds in turns:
            step = self.step(kind)
            if not isinstance(step, Partly):
                step = after(self.deployment.clock, seconds, step)
            self.deployment.model.on(message, step)
        return message

    def step(self, kind: str) -> Step | Partly:
        self.answers += 1
        number = self.answers
        large = after(self.deployment.clock, 70, answer(f"Late {number}."))
        steps: dict[str, Step | Partly] = {
            "answer": answer(f"Answer {number}."),
            "large": answer(f"Answer {number}. {LARGE}"),
            "busy": ModelBusy("Overloaded."),
            "wait": ModelBusy("Overloaded.", retry_after=40.0),
            "reject": ModelRejected(FailureCode.EXECUTION_ERROR, "No."),
            "truncate": answer("Half", "max_tokens"),
            "bug": ValueError("a bug"),
            "hang": hang,
            "partly": Partly(f"Answer {number} is", large),
        }
        return steps[kind] if kind in steps else uses(*self.calls(kind), prefix=f"call-{number}")

    def calls(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        number = self.answers
        if kind == "child":
            part = self.message("Part", [(CHILD_TURNS[number % len(CHILD_TURNS)], 5)])
            return [("call_agent", {"agent": "helper", "message": part})]
        if kind == "many":
            return [
                call for each in ("ask", "child", "write", "artifact", "child") for call in self.calls(each)
            ]
        text = LARGE if number % 2 else "short"
        artifact = {"name": "a.txt", "media_type": "text/plain", "content": text}
        return {
            "progress": [("report_progress", {"step": f"Step {number}"})],
            "write": [
                ("Write", {"file_path": f"{number}.md", "content": text}),
                ("Read", {"file_path": f"{number - 1}.md"}),
            ],
            "artifact": [("save_artifact", artifact)],
            "ask": [("ask_user", {"question": f"Question {number}?"})],
        }[kind]

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(data=st.data(), message=st.sampled_from(["Yes.", "No.", LARGE]), process=PROCESSES)
    def answer_a_question(self, data: st.DataObject, message: str, process: Failpoints) -> None:
        """Of a task that asks, or, where there is none, of one that does not."""
        tasks = self.deployment.store.tasks
        asking = [ref for ref, task in tasks.items() if task.status is Status.INPUT_REQUIRED]
        ref = data.draw(st.sampled_from(sorted(asking or tasks, key=str)))
        try:
            self.attempt(lambda: self.deployment.answerer(process).answer(tasks[ref], message))
        except RequestRefused as refused:
            assert refused.code is ErrorCode.TASK_NOT_WAITING  # noqa: PT017  refused now and then

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "get"]), process=PROCESSES)
    def call(self, data: st.DataObject, what: str, process: Failpoints) -> None:
        ref = self.any_task(data)
        self.attempt(lambda: self._call(what, ref, process))

    def any_task(self, data: st.DataObject) -> TaskRef:
        return data.draw(st.sampled_from(sorted(self.deployment.store.tasks, key=str)))

    def _call(self, what: str, ref: TaskRef, process: Failpoints | None = None) -> None:
        if what == "get":
            try:
                self.deployment.shown(self.deployment.store.tasks[ref], failpoints=process)
            except PayloadCorrupt:
                # cleanup died between its payloads and the task itself
                ended_at = self.deployment.store.tasks[ref].completed_at or 0
                assert ended_at + RETENTION_MS <= self.deployment.clock.now()
            return
        try:
            self.deployment.tasks(process).cancel("demo", ref.agent_id, ref.task_id)
        except RequestRefused:
            # the only task that cannot be canceled is one that has ended otherwise
            assert self.deployment.store.tasks[ref].status in (Status.COMPLETED, Status.FAILED)

    @precondition(lambda self: self.deployment.model.asked and self.rare["limit"] < 3)
    @rule(left=st.sampled_from([None, None, 50]))
    def limit_the_day(self, left: int | None) -> None:
        """The operator lets the project spend only so much more today."""
        self.rare["limit"] += 1
        today = max(self.deployment.spend.by_day, default=("demo", ""))[1]
        spent = self.deployment.spend.spend("demo", today).tokens
        self.put_project(None if left is None else spent + left)

    # -- workers

    def wait_for_a_message(self) -> None:
        """Let time pass until the next invisible message comes back, if that is soon."""
        messages = self.deployment.queue.messages
        next_visible = min((message.visible_at for message in messages), default=0)
        wait = (next_visible - self.deployment.clock.now()) / 1000
        if 0 < wait < LONGEST_WAIT_SECONDS:
            self.deployment.clock.advance(wait)

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(
        processes=st.lists(PROCESSES, min_size=1, max_size=4),
        function_seconds=st.sampled_from(FUNCTION_SECONDS),
    )
    def deliver(self, processes: list[Failpoints], function_seconds: float) -> None:
        """One invocation after the other."""
        for process in processes:
            self.wait_for_a_message()
            self.attempt(lambda process=process: self.deployment.work(process, function_seconds))  # type: ignore[misc]

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data(), first=PROCESSES, second=PROCESSES, gap=st.sampled_from([0.0, 1.0, 50.0]))
    def deliver_to_two_workers(
        self, data: st.DataObject, first: Failpoints, second: Failpoints, gap: float
    ) -> None:
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        self.deliver_twice(message, gap, first, second)

    @precondition(lambda self: self.rare["frozen"] < 3)
    @rule(
        timeout_ms=st.sampled_from([60_000, 300_000]),
        large=st.booleans(),
        turns=st.lists(TIMED_TURNS, min_size=2, max_size=4),
        start=st.sampled_from((*TURN_SECONDS, 25, 40)),
        seconds=st.sampled_from([9, 47, 70, 150]),
        calls=st.integers(0, 12),
    )
    def freeze_and_overtake(
        self,
        timeout_ms: int,
        large: bool,
        turns: list[tuple[str, int]],
        start: int,
        seconds: int,
        calls: int,
    ) -> None:
        """A worker stops for so long that its lease runs out, and then goes on as if it still held it."""
        self.rare["frozen"] += 1
        self.submit(Failpoints(), timeout_ms, turns, large)
        if self.deployment.queue.messages:
            freeze = Freeze(self.deployment.clock, start, seconds, calls)
            message = self.deployment.queue.messages[-1]
            self.deliver_twice(message, start + LEASE_SECONDS + 1, Failpoints(), Failpoints(), freeze)

    @precondition(lambda self: self.rare["late"] < 2)
    @rule(what=st.sampled_from(["answer", "cancel", "get"]))
    def come_too_late(self, what: str) -> None:
        """Something happens to a task just past its deadline, before any sweep has seen it."""
        self.rare["late"] += 1
        queue_timeout_ms = 1_800_000 if what == "answer" else 1_000
        self.submit(Failpoints(), 1_000, [("answer", 0)], queue_timeout_ms=queue_timeout_ms)
        if not self.deployment.queue.messages:
            return
        message = self.deployment.queue.messages[-1]
        if message.ref not in self.deployment.store.tasks:
            return  # the new task was refused, and the last that was accepted has been deleted since
        assert message.ref is not None
        if what == "answer":
            freeze = Freeze(self.deployment.clock, 0, 1.5)
            delivery = self.deployment.queue.deliver(message)
            self.deployment.clock.run(self.deployment.invoke([delivery], freeze=freeze))
        else:
            self.deployment.clock.advance(1)
            self._call(what, message.ref)

    def deliver_twice(
        self,
        message: Message,
        gap: float,
        first: Failpoints,
        second: Failpoints,
        freeze: Freeze | None = None,
    ) -> None:
        early, late = self.deployment.queue.deliver(message), self.deployment.queue.deliver(message)

        async def later() -> None:
            await self.deployment.clock.sleep(gap)
            await self.deployment.invoke([late], second)

        self.deployment.together(self.deployment.invoke([early], first, freeze=freeze), later())

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(
        data=st.data(),
        processes=st.lists(PROCESSES, min_size=1, max_size=4),
        gap=st.sampled_from([1, 7, 20]),
        function_seconds=st.sampled_from(FUNCTION_SECONDS),
        during=st.integers(1, 60),
        what=st.sampled_from(["cancel", "get"]),
    )
    def deliver_to_several_workers_while_a_caller_acts(
        self,
        data: st.DataObject,
        processes: list[Failpoints],
        gap: int,
        function_seconds: float,
        during: int,
        what: str,
    ) -> None:
        """Each takes what is there when it comes."""
        self.wait_for_a_message()
        if self.deployment.store.tasks:
            ref = self.any_task(data)
            self.deployment.clock.later(during, lambda: self._call(what, ref))

        async def work(number: int, process: Failpoints) -> None:
            await self.deployment.clock.sleep(number * gap)
            await self.deployment.invoke(self.deployment.queue.receive(), process, function_seconds)

        self.deployment.together(*(work(number, process) for number, process in enumerate(processes)))

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(
        process=PROCESSES,
        outage=st.sampled_from(["store", "workers", "payloads", "queue", "slots", "records"]),
        start=st.integers(0, 50),
        seconds=st.integers(1, 90),
    )
    def deliver_during_an_outage(self, process: Failpoints, outage: str, start: int, seconds: int) -> None:
        self.wait_for_a_message()
        self.deployment.clock.later(start, lambda: process.down(outage, ERRORS[outage]))
        self.deployment.clock.later(start + seconds, lambda: process.up(outage))
        self.attempt(lambda: self.deployment.work(process))

    # -- the queue

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data(), what=st.sampled_from(["lost", "twice", "dead"]), process=PROCESSES)
    def disturb_a_message(self, data: st.DataObject, what: str, process: Failpoints) -> None:
        """It is lost, comes twice, or ends in the dead-letter queue."""
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        if what == "lost":
            self.deployment.queue.messages.remove(message)
        elif what == "twice":
            self.deployment.queue.put(message.ref, message.correlation_id)
        else:
            delivery = self.deployment.queue.deliver(message)
            self.attempt(lambda: self.deployment.dead_letters(process).handle(delivery))

    # -- time and the schedules

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 9.0, 31.0, 60.0, 301.0]))
    def pass_time(self, seconds: float) -> None:
        self.deployment.clock.advance(seconds)

    @precondition(lambda self: self.deployment.store.tasks and self.rare["day"] < 2)
    @rule(process=PROCESSES)
    def a_day_passes(self, process: Failpoints) -> None:
        """And what is past its retention is deleted."""
        self.rare["day"] += 1
        self.deployment.clock.advance(86_400)
        self.clean(process)

    def clean(self, process: Failpoints) -> None:
        before = dict(self.deployment.store.tasks)
        self.deployment.let_ttl_pass()
        self.attempt(lambda: self.deployment.cleaner(process).clean(plenty))
        for ref in before.keys() - self.deployment.store.tasks.keys():
            assert (before[ref].completed_at or 0) + RETENTION_MS <= self.deployment.clock.now()
            self.accepted.discard(ref)

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(
        data=st.data(),
        process=PROCESSES,
        point=st.sampled_from(SWEEP_POINTS),
        meanwhile=st.sampled_from(["nothing", "sweep", "cancel"]),
    )
    def sweep(self, data: st.DataObject, process: Failpoints, point: str, meanwhile: str) -> None:
        """Perhaps another sweep is at it, or a caller cancels."""
        ref = self.any_task(data)
        if meanwhile == "sweep":
            process.before(point, self.deployment.sweep)
        elif meanwhile == "cancel":
            process.before(point, lambda: self._call("cancel", ref))
        self.attempt(lambda: self.deployment.sweep(process))

    # -- what is true after every step

    @invariant()
    def accepted_tasks_are_there(self) -> None:
        assert self.accepted <= set(self.deployment.store.tasks)

    @invariant()
    def ended_tasks_never_change(self) -> None:
        store = self.deployment.store
        self.checks.check_changes()
        for ref, task in store.tasks.items():
            if ref in self.ended and ref not in self.checks.attached:
                ended = self.ended[ref]
                assert task is ended or replace(task, counted=None) == replace(ended, counted=None)
            elif task.is_terminal:
                self.ended[ref] = task
            assert store.finishes[ref] == (1 if task.is_terminal else 0)

    @invariant()
    def live_tasks_will_be_looked_at(self) -> None:
        tasks = self.deployment.store.tasks
        shards = {shard(ref.task_id) for ref in tasks}
        indexed = {due.ref for n in shards for due in self.deployment.store.due(n, 2**60, 10_000)}
        for ref, task in tasks.items():
            assert task.attempt <= MAX_ATTEMPTS
            if task.is_terminal:
                assert ref not in indexed
            else:
                assert ref in indexed
                assert task.due_at is not None
                assert task.due_at <= task.deadline

    @invariant()
    def slots_are_within_their_limits(self) -> None:
        check_slots(self.deployment, LIMITS)

    @invariant()
    def no_turn_is_bought_without_a_claim(self) -> None:
        self.checks.check_counts()

    @invariant()
    def tools_have_done_what_the_conversation_says(self) -> None:
        self.checks.check_transcripts()

    @invariant()
    def nobody_sees_a_task_live_past_its_deadline(self) -> None:
        """Reads a copy, so that the task itself is left to whoever comes first."""
        now = self.deployment.clock.now()
        expired = [ref for ref, task in self.deployment.store.tasks.items() if task.is_expired(now)]
        if not expired:
            return
        snapshot = copy(self.deployment)
        snapshot.store, snapshot.telemetry = MemoryTaskStore(), MemoryTelemetry()
        snapshot.slot_store, snapshot.queue = MemorySlots(), MemoryQueue(snapshot.clock)
        snapshot.workers = MemoryWorkers()
        snapshot.store.tasks = dict(self.deployment.store.tasks)
        for ref in expired:
            wire = snapshot.shown(snapshot.store.tasks[ref])
            assert wire["status"] == "failed"
            assert wire["errorDetails"]["code"] in TIMEOUTS

    # -- the end

    def teardown(self) -> None:
        self.put_project(None)
        if self.messages % 2:
            self.all_works_again()
        self.nothing_works_but_the_sweeper()
        self.whoever_comes_gets_a_slot()
        self.everything_is_cleaned_up()

    def all_works_again(self) -> None:
        deployment = self.deployment
        deployment.model.by_message.clear()
        start = deployment.clock.now()
        before = dict(deployment.store.tasks)
        self.work_for(RECOVERY_SECONDS)
        for _ in range(RECOVERY_SECONDS // 10):
            if any(message.visible_at <= deployment.clock.now() for message in deployment.queue.messages):
                self.work_for(10)
        for ref, task in deployment.store.tasks.items():
            was_live = ref in before and not before[ref].is_terminal and before[ref].not_before <= start
            if task.deadline > deployment.clock.now() and was_live:
                assert task.is_terminal, "a message came back, or the sweeper sent another"
                codes = (FailureCode.WORKER_LOST, FailureCode.BUDGET_EXCEEDED)
                assert task.failure is None or task.failure.code in codes
        assert not [m for m in deployment.queue.messages if m.visible_at <= deployment.clock.now()]

    def work_for(self, seconds: float) -> None:
        """Messages are delivered as they come, and questions are answered."""
        deployment = self.deployment
        end = deployment.clock.now() + seconds * 1000
        while deployment.clock.now() < end:
            deployment.clock.advance(10)
            if deliveries := deployment.queue.receive():
                deployment.clock.run(deployment.invoke(deliveries))
            for task in list(deployment.store.tasks.values()):
                if task.status is Status.INPUT_REQUIRED:
                    self.answer_anyhow(task)

    def answer_anyhow(self, task: Task) -> None:
        try:
            self.deployment.answerer().answer(task, "Yes.")
        except RequestRefused as refused:
            assert refused.code is ErrorCode.TASK_NOT_WAITING  # noqa: PT017  refused now and then

    def nothing_works_but_the_sweeper(self) -> None:
        deployment = self.deployment
        deployment.queue.messages.clear()
        last = max((task.deadline for task in deployment.store.tasks.values()), default=0)
        deployment.clock.advance(max(0, last - deployment.clock.now()) / 1000 + SWEEP_SECONDS)
        self.clean(Failpoints())
        ends: Counter[str] = Counter()
        for task in deployment.store.tasks.values():
            assert task.is_terminal
            assert task.completed_at is not None
            # a worker that overslept may start a task that is over when it begins
            latest = max(task.deadline, task.created_at) + SWEEP_SECONDS * 1_000
            assert task.completed_at <= latest
            ends[task.status] += 1
            wire = deployment.shown(task)
            assert ("output" in wire) >= (task.status is Status.COMPLETED), "its output is what was stored"
        assert self.accepted <= set(deployment.store.tasks)
        self.checks.check_changes()

    def whoever_comes_gets_a_slot(self) -> None:
        """What a crash left held is taken back as soon as somebody needs it, and nobody holds on to it."""
        deployment = self.deployment
        deployment.queue.messages.clear()
        new = []
        for agent_id, limit in LIMITS.items():
            for context_id in (None,) * (limit + 1) + tuple(context for context in CONTEXTS if context):
                message = self.message("Afterwards", [("answer", 50)])
                fields: dict[str, Any] = {"agent_id": agent_id, "context_id": context_id}
                new.append(deployment.submit(message, timeout_ms=1_800_000, **fields))
        self.work_for(900)
        assert {deployment.now_of(task).status for task in new} == {Status.COMPLETED}
        held = {scope: held for scope, held in deployment.slot_store.held.items() if held}
        assert not held, held

    def everything_is_cleaned_up(self) -> None:
        deployment = self.deployment
        self.scheduled = False
        deployment.clock.advance((LONGEST_LIFE_MS + RETENTION_MS) / 1000)
        deployment.let_ttl_pass()
        assert deployment.cleaner().clean(plenty).finished
        assert not deployment.store.tasks
        assert not deployment.payloads.objects


# three minutes alone, and this beside other tests on a busy machine
TestPromise = pytest.mark.timeout(1_200)(Promise.TestCase)
TestPromise.settings = settings(
    max_examples=500,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
