"""The promise: every accepted task ends, by its deadline, once, whatever happens on the way.

A state machine plays callers, deliveries, crashes, outages and time against the real services on the twins.
The sweeper runs every minute, as in a deployment, and now and then besides. After every step:

- a terminal task never changes again, and each was ended by exactly one write;
- a live task is due at some time no later than its deadline, and its attempts stay within their limit;
- the fence rises by one with every claim and never falls, and no write of a stale worker takes effect;
- a reader never sees a task live past its deadline.

At the end either all works again, and every task that has time left ends before its deadline; or nothing does
but the sweeper, and every task ends at its deadline. Then cleanup leaves nothing behind.
"""

from collections import Counter
from copy import copy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from a2a_tasks.domain.errors import FailureCode, RequestRefused
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.ports.faults import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.services.submit import Submission
from tests.twins.deployment import LEASE_SECONDS, MAX_ATTEMPTS, RETENTION_MS, Deployment, plenty
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.freeze import Freeze
from tests.twins.model import Step, after, answer, hang
from tests.twins.queue import Message
from tests.twins.tasks import Change, MemoryTaskStore
from tests.twins.telemetry import MemoryTelemetry

LARGE = "x" * 9_000
SWEEP_SECONDS = 60
TIMEOUTS_MS = (1_000, 60_000, 300_000, 1_800_000)
RECOVERY_SECONDS = 900
LONGEST_WAIT_SECONDS = 100
TURN_SECONDS = (0, 5, 20, 50)
ERRORS = {
    "store": StoreUnavailable("down"),
    "payloads": PayloadUnavailable("down"),
    "queue": QueueUnavailable("down"),
}
TURNS = ["answer", "answer", "large", "large", "busy", "wait", "reject", "truncate", "bug", "hang"]
TIMED_TURNS = st.tuples(st.sampled_from(TURNS), st.sampled_from(TURN_SECONDS))
POINTS = [
    "store.create",
    "store.get",
    "store.claim",
    "store.renew",
    "store.release",
    "store.finish",
    "store.look_again",
    "store.due",
    "payloads.put",
    "payloads.get",
    "queue.send",
    "queue.hide",
    "queue.delete",
    "model.turn",
]
WORKERS_CODES = {FailureCode.OUTPUT_TRUNCATED, FailureCode.MODEL_OVERLOADED, FailureCode.MODEL_REFUSED}
"""Failures that only the model's answer can mean."""
CRASHES = st.builds(
    lambda at, after: Failpoints(crash_at=at, crash_after=after), st.integers(1, 25), st.booleans()
)


@st.composite
def faults(draw: st.DrawFn) -> Failpoints:
    """A process of which up to three calls go wrong."""
    points = Failpoints()
    for point in draw(st.lists(st.sampled_from(POINTS), max_size=3)):
        port = point.partition(".")[0]
        crash = draw(st.booleans()) or port == "model"
        error = Crash(point) if crash else ERRORS[port]
        points.fail(point, error, call=draw(st.integers(1, 3)), after=draw(st.booleans()))
    return points


PROCESSES = st.builds(Failpoints) | CRASHES | faults()


class Promise(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.deployment = Deployment()
        self.accepted: set[TaskRef] = set()
        self.ended: dict[TaskRef, Task] = {}
        self.checked = 0
        self.messages = 0
        self.answers = 0
        self.scheduled = True
        self.deployment.clock.later(SWEEP_SECONDS, self.sweep_on_schedule)

    def sweep_on_schedule(self) -> None:
        if self.scheduled:
            self.deployment.sweep()
            self.deployment.clock.later(SWEEP_SECONDS, self.sweep_on_schedule)

    def attempt(self, work: Any) -> Any:
        """Call a function whose process may die or whose stores may fail; its caller gets an error then."""
        try:
            return work()
        except (Crash, StoreUnavailable, PayloadUnavailable, QueueUnavailable):
            return None

    @rule(
        timeout_ms=st.sampled_from(TIMEOUTS_MS),
        large=st.booleans(),
        turns=st.lists(TIMED_TURNS, min_size=1, max_size=4),
        process=PROCESSES,
    )
    def create(self, timeout_ms: int, large: bool, turns: list[tuple[str, int]], process: Failpoints) -> None:
        """Submit a task, whose first turns go as ``turns`` say; all later ones are answered at once."""
        self.messages += 1
        message = f"Report {self.messages}? {LARGE if large else ''}"
        for kind, seconds in turns:
            self.deployment.model.on(message, after(self.deployment.clock, seconds, self.step(kind)))
        submission = Submission("demo", "writer", message, None, timeout_ms, "request-1")
        task = self.attempt(lambda: self.deployment.submitter(process).submit(submission))
        if task is not None:
            self.accepted.add(task.ref)

    def wait_for_a_message(self) -> None:
        """Let time pass until the next hidden message comes back, if that is soon."""
        next_visible = min(message.visible_at for message in self.deployment.queue.messages)
        wait = (next_visible - self.deployment.clock.now()) / 1000
        if 0 < wait < LONGEST_WAIT_SECONDS:
            self.deployment.clock.advance(wait)

    def step(self, kind: str) -> Step:
        self.answers += 1
        steps: dict[str, Step] = {
            "answer": answer(f"Answer {self.answers}."),
            "large": answer(f"Answer {self.answers}. {LARGE}"),
            "busy": ModelBusy("Overloaded."),
            "wait": ModelBusy("Overloaded.", retry_after=40.0),
            "reject": ModelRejected(FailureCode.EXECUTION_ERROR, "No."),
            "truncate": answer("Half", "max_tokens"),
            "bug": ValueError("a bug"),
            "hang": hang,
        }
        return steps[kind]

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(process=PROCESSES, function_seconds=st.sampled_from([60.0, 900.0]))
    def deliver(self, process: Failpoints, function_seconds: float) -> None:
        self.wait_for_a_message()
        self.attempt(lambda: self.deployment.work(process, function_seconds))

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data(), first=PROCESSES, second=PROCESSES, gap=st.sampled_from([0.0, 1.0, 50.0]))
    def deliver_to_two_workers(
        self, data: st.DataObject, first: Failpoints, second: Failpoints, gap: float
    ) -> None:
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        self.deliver_twice(message, gap, first, second)

    @rule(
        timeout_ms=st.sampled_from([60_000, 300_000]),
        large=st.booleans(),
        turns=st.lists(TIMED_TURNS, min_size=2, max_size=2),
        start=st.sampled_from(TURN_SECONDS),
        seconds=st.sampled_from([47, 70, 150]),
    )
    def freeze_and_overtake(
        self, timeout_ms: int, large: bool, turns: list[tuple[str, int]], start: int, seconds: int
    ) -> None:
        """A worker stops for so long that its lease runs out, and then goes on as if it still held it."""
        self.create(timeout_ms, large, turns, Failpoints())
        freeze = Freeze(self.deployment.clock, start, seconds)
        message = self.deployment.queue.messages[-1]
        self.deliver_twice(message, start + LEASE_SECONDS + 1, Failpoints(), Failpoints(), freeze)

    @rule(what=st.sampled_from(["answer", "cancel", "get"]))
    def come_too_late(self, what: str) -> None:
        """Something happens to a task just past its deadline, before any sweep has seen it."""
        self.create(1_000, False, [("answer", 0)], Failpoints())
        message = self.deployment.queue.messages[-1]
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
        data=st.data(), process=PROCESSES, during=st.integers(1, 60), what=st.sampled_from(["cancel", "get"])
    )
    def deliver_while_a_caller_acts(
        self, data: st.DataObject, process: Failpoints, during: int, what: str
    ) -> None:
        self.wait_for_a_message()
        ref = data.draw(st.sampled_from(sorted(self.deployment.store.tasks, key=str)))
        self.deployment.clock.later(during, lambda: self._call(what, ref))
        self.attempt(lambda: self.deployment.work(process))

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(
        process=PROCESSES,
        outage=st.sampled_from(["store", "payloads", "queue"]),
        start=st.integers(0, 50),
        seconds=st.integers(1, 90),
    )
    def deliver_during_an_outage(self, process: Failpoints, outage: str, start: int, seconds: int) -> None:
        self.wait_for_a_message()
        self.deployment.clock.later(start, lambda: process.down(outage, ERRORS[outage]))
        self.deployment.clock.later(start + seconds, lambda: process.up(outage))
        self.attempt(lambda: self.deployment.work(process))

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data())
    def lose_a_message(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        self.deployment.queue.messages.remove(message)

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data())
    def duplicate_a_message(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        self.deployment.queue.put(message.ref, message.correlation_id)

    @precondition(lambda self: self.deployment.queue.messages)
    @rule(data=st.data(), process=PROCESSES)
    def bury_a_message(self, data: st.DataObject, process: Failpoints) -> None:
        message = data.draw(st.sampled_from(self.deployment.queue.messages))
        delivery = self.deployment.queue.deliver(message)
        self.attempt(lambda: self.deployment.dead_letters(process).bury(delivery))

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 31.0, 46.0, 60.0, 301.0]))
    def pass_time(self, seconds: float) -> None:
        self.deployment.clock.advance(seconds)

    @rule(process=PROCESSES)
    def sweep(self, process: Failpoints) -> None:
        self.attempt(lambda: self.deployment.sweep(process))

    @rule(point=st.sampled_from(["store.get", "store.look_again", "store.finish", "queue.send"]))
    def sweep_twice_at_once(self, point: str) -> None:
        process = Failpoints()
        process.before(point, self.deployment.sweep)
        self.deployment.sweep(process)

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(
        data=st.data(), point=st.sampled_from(["store.get", "store.look_again", "store.finish", "queue.send"])
    )
    def sweep_while_a_caller_cancels(self, data: st.DataObject, point: str) -> None:
        ref = data.draw(st.sampled_from(sorted(self.deployment.store.tasks, key=str)))
        process = Failpoints()
        process.before(point, lambda: self._call("cancel", ref))
        self.deployment.sweep(process)

    @precondition(lambda self: self.deployment.store.tasks)
    @rule(data=st.data(), what=st.sampled_from(["cancel", "get"]), process=PROCESSES)
    def call(self, data: st.DataObject, what: str, process: Failpoints) -> None:
        ref = data.draw(st.sampled_from(sorted(self.deployment.store.tasks, key=str)))
        self.attempt(lambda: self._call(what, ref, process))

    @rule(process=PROCESSES)
    def clean(self, process: Failpoints) -> None:
        self.attempt(lambda: self.deployment.cleaner(process).clean(plenty))

    def _call(self, what: str, ref: TaskRef, process: Failpoints | None = None) -> None:
        tasks = self.deployment.tasks(process)
        if what == "get":
            tasks.get("demo", ref.agent_id, ref.task_id)
            return
        try:
            tasks.cancel("demo", ref.agent_id, ref.task_id)
        except RequestRefused:
            # the only task that cannot be canceled is one that has ended otherwise
            assert self.deployment.store.tasks[ref].status in (Status.COMPLETED, Status.FAILED)

    @invariant()
    def accepted_tasks_are_there(self) -> None:
        assert self.accepted <= set(self.deployment.store.tasks)

    @invariant()
    def ended_tasks_never_change(self) -> None:
        store = self.deployment.store
        for ref, task in store.tasks.items():
            if ref in self.ended:
                assert task == self.ended[ref]
            elif task.is_terminal:
                self.ended[ref] = task
            assert store.finishes[ref] == (1 if task.is_terminal else 0)

    @invariant()
    def live_tasks_will_be_looked_at(self) -> None:
        indexed = {due.ref for n in range(SHARDS) for due in self.deployment.store.due(n, 2**60, 10_000)}
        for ref, task in self.deployment.store.tasks.items():
            assert task.attempt <= MAX_ATTEMPTS
            if task.is_terminal:
                assert ref not in indexed
            else:
                assert ref in indexed
                assert task.due_at is not None
                assert task.due_at <= task.deadline

    @invariant()
    def only_the_holder_of_the_fence_writes(self) -> None:
        new = self.deployment.store.changes[self.checked :]
        self.checked += len(new)
        for change in new:
            assert_fenced(change)

    @invariant()
    def nobody_sees_a_task_live_past_its_deadline(self) -> None:
        """Reads a copy, so that the task itself is left to whoever comes first."""
        snapshot = copy(self.deployment)
        snapshot.store, snapshot.telemetry = MemoryTaskStore(), MemoryTelemetry()
        snapshot.store.tasks = dict(self.deployment.store.tasks)
        now = self.deployment.clock.now()
        for ref, task in self.deployment.store.tasks.items():
            if task.is_expired(now):
                wire = snapshot.tasks().get("demo", ref.agent_id, ref.task_id)
                assert (wire["status"], wire["errorDetails"]["code"]) == ("failed", "TIMEOUT")

    @invariant()
    def no_turn_is_bought_without_an_attempt(self) -> None:
        attempts = sum(task.attempt for task in self.deployment.store.tasks.values())
        assert len(self.deployment.model.requests) <= attempts

    def teardown(self) -> None:
        if self.messages % 2:
            self.all_works_again()
        self.nothing_works_but_the_sweeper()
        self.everything_is_cleaned_up()

    def all_works_again(self) -> None:
        deployment = self.deployment
        deployment.model.by_message.clear()
        start = deployment.clock.now()
        before = dict(deployment.store.tasks)
        while deployment.clock.now() < start + RECOVERY_SECONDS * 1_000:
            deployment.clock.advance(10)
            if deliveries := deployment.queue.receive():
                deployment.clock.run(deployment.invoke(deliveries))
        for ref, task in deployment.store.tasks.items():
            if task.deadline > deployment.clock.now() and not before[ref].is_terminal:
                assert task.is_terminal, "a message came back, or the sweeper sent another"
                assert task.failure is None or task.failure.code is FailureCode.WORKER_LOST
        assert not [m for m in deployment.queue.messages if m.visible_at <= deployment.clock.now()]

    def nothing_works_but_the_sweeper(self) -> None:
        deployment = self.deployment
        deployment.queue.messages.clear()
        deployment.clock.advance(max(TIMEOUTS_MS) / 1000 + SWEEP_SECONDS)
        self.scheduled = False
        ends: Counter[str] = Counter()
        for ref, task in deployment.store.tasks.items():
            assert task.is_terminal
            assert task.completed_at is not None
            assert task.completed_at <= task.deadline + SWEEP_SECONDS * 1_000
            ends[task.status] += 1
            wire = deployment.tasks().get("demo", ref.agent_id, ref.task_id)
            assert ("output" in wire) >= (task.status is Status.COMPLETED), "its output is what was stored"
        assert self.accepted <= set(deployment.store.tasks)
        counted = deployment.telemetry.counts
        assert counted["TasksCompleted"] <= ends[Status.COMPLETED]
        assert counted["TasksFailed"] <= ends[Status.FAILED]
        assert counted["TasksCanceled"] <= ends[Status.CANCELED]

    def everything_is_cleaned_up(self) -> None:
        deployment = self.deployment
        deployment.clock.advance(3 * RETENTION_MS / 1000)
        assert deployment.cleaner().clean(plenty).finished
        assert not deployment.store.tasks
        assert not deployment.payloads.objects


def assert_fenced(change: Change) -> None:
    before, after = change.before, change.after
    if before is None:
        assert (after.status, after.fence, after.attempt) == (Status.PENDING, 0, 0)
    elif change.method == "claim":
        assert (after.fence, after.attempt) == (before.fence + 1, before.attempt + 1)
        assert not before.lease_is_alive(after.updated_at), "nobody else holds the task"
        assert after.updated_at < after.deadline
    else:
        assert (after.fence, after.attempt, after.claim_id) == (before.fence, before.attempt, before.claim_id)
    if after.completed_at is not None:
        timed_out = after.failure is not None and after.failure.code is FailureCode.TIMEOUT
        in_time = after.completed_at < after.deadline
        assert in_time or after.status is Status.FAILED
        assert timed_out <= (not in_time)
    by_worker = after.failure is not None and after.failure.code in WORKERS_CODES
    if after.status is Status.COMPLETED or by_worker:
        assert before is not None
        assert after.finish_id == before.claim_id, "only the worker that holds the task writes its result"


TestPromise = Promise.TestCase
TestPromise.settings = settings(
    max_examples=400,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
