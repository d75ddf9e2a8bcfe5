"""The worker: each thing that can happen to a task while it is executed, and what is recorded of it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.schedule import DISPATCH_GRACE_MS
from a2a_tasks.domain.task import Payload, Status, Task
from a2a_tasks.domain.tools.service import CHILDREN_BY_DEPTH
from a2a_tasks.domain.usage import Usage
from a2a_tasks.execution.worker import SHUTDOWN_MARGIN_SECONDS, UNREADABLE_SECONDS
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.slots import Scope
from tests.integration.support.texts import incompressible
from tests.twins.deployment import LEASE_SECONDS, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.model import Partly, Step, after, answer, hang, uses

ENDS_OF_A_CLAIM: dict[str, Step | Partly] = {
    "completed": answer(),
    "failed": answer("", "refusal"),
    "timed out": hang,
    "canceled": hang,
    "overloaded": ModelBusy("Overloaded.", retry_after=10.0),
    "asking": uses(("ask_user", {"question": "Which?"})),
    "waiting": uses(("call_agent", {"agent": "helper", "message": "Help."})),
}
ANSWER_USAGE = Usage(10, 5, turns=1, cost_usd=Decimal("0.000105"))
LARGE = incompressible(20_000)


def invisible_for(deployment: Deployment) -> float:
    """The seconds until the queue's only message is visible again."""
    (message,) = deployment.queue.messages
    return (message.visible_at - deployment.clock.now()) / 1000


def table_down(points: Failpoints) -> None:
    """Tasks and leases are in one table."""
    for port in ("store", "workers"):
        points.down(port, StoreUnavailable("down"))


def table_up(points: Failpoints) -> None:
    for port in ("store", "workers"):
        points.up(port)


def output_of(task: Task) -> dict[str, Any]:
    """A task's output, which is a small one."""
    assert task.output is not None
    output: dict[str, Any] = json.loads(task.output.inline or "")
    return output


def assert_failed(deployment: Deployment, task: Task, code: FailureCode, message: str) -> Task:
    ended = deployment.now_of(task)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.message) == (code, message)
    assert not deployment.queue.messages, "its message has served its purpose"
    assert deployment.telemetry.counts["TasksFailed", code.value] == 1
    return ended


NOT_STARTED = (
    "The task was not started within its queueTimeout: it waited 300 s for a worker, or for one of its "
    "agent's slots."
)


class TestAnswers:
    def test_a_finished_turn_completes_the_task(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.clock.advance(2)
        deployment.model.then(after(deployment.clock, 20, answer("生成的报告")))
        assert deployment.work() == []
        ended = deployment.now_of(task)
        assert ended.status is Status.COMPLETED
        assert output_of(ended) == {"result": "生成的报告"}
        assert ended.usage == ANSWER_USAGE
        assert (ended.started_at, ended.completed_at) == (task.created_at + 2_000, task.created_at + 22_000)
        assert (ended.attempt, ended.fence, ended.held_by, ended.due_at) == (1, 1, None, None)
        assert not deployment.queue.messages
        counts = deployment.telemetry.counts
        assert (counts["TasksCompleted"], counts["InputTokens"], counts["OutputTokens"]) == (1, 10, 5)
        assert deployment.telemetry.durations == {"QueueWaitMs": [2_000], "RunTimeMs": [20_000]}
        assert not deployment.telemetry.problems

    def test_the_request_is_that_of_the_pinned_revision(self, deployment: Deployment) -> None:
        deployment.submit("Report?", context={"language": "de"})
        deployment.registry.apply(agent(model="other", system_prompt="Changed.", max_tokens=7))
        deployment.registry.disable("writer")
        deployment.work()
        (request,) = deployment.model.requests
        assert (request.prompt.model, request.prompt.system, request.max_tokens) == (
            "claude-test-1",
            "You write reports.",
            1_000,
        )
        assert request.messages == [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": '<context>\n{\n "language": "de"\n}\n</context>'},
                    {"type": "text", "text": "Report?"},
                ],
            }
        ]

    @pytest.mark.parametrize(
        ("size", "place"), [(4_000, "items/{}/OUTPUT-1#"), (20_000, "tasks/{}/output-1.json")]
    )
    def test_longer_texts_go_through_the_payload_store(
        self, deployment: Deployment, size: int, place: str
    ) -> None:
        text = incompressible(size)
        task = deployment.submit(text)
        deployment.model.then(answer(text))
        deployment.work()
        ended = deployment.now_of(task)
        assert ended.output is not None
        assert ended.output.key
        assert ended.output.key.startswith(place.format(task.ref.task_id))
        wire = deployment.shown(task)
        assert wire["output"] == {"result": text}
        assert deployment.model.requests[0].messages[0]["content"][-1]["text"] == text

    @pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
    def test_a_truncated_answer_fails_the_task_and_is_kept_as_partial(
        self, deployment: Deployment, reason: str
    ) -> None:
        task = deployment.submit()
        deployment.model.then(answer("Half of", reason))
        deployment.work()
        ended = assert_failed(
            deployment,
            task,
            FailureCode.OUTPUT_TRUNCATED,
            "The answer was cut off at a limit of the model; raise the agent's maxTokens or ask for less.",
        )
        assert output_of(ended) == {"result": "Half of", "partial": True}
        assert ended.usage == ANSWER_USAGE

    @pytest.mark.parametrize(("category", "shown"), [(None, ""), ("cyber", " (category: cyber)")])
    def test_a_refusal_fails_the_task(self, deployment: Deployment, category: str | None, shown: str) -> None:
        task = deployment.submit()
        deployment.model.then(answer("", "refusal", category))
        deployment.work()
        ended = assert_failed(
            deployment, task, FailureCode.MODEL_REFUSED, f"The model declined to answer{shown}."
        )
        assert ended.output is None

    def test_an_unknown_stop_is_no_success(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(answer("…", "new_reason"))
        deployment.work()
        message = "The model stopped for an unknown reason: new_reason."
        assert_failed(deployment, task, FailureCode.EXECUTION_ERROR, message)

    @pytest.mark.parametrize("code", [FailureCode.EXECUTION_ERROR, FailureCode.AGENT_MISCONFIGURED])
    def test_a_rejected_request_fails_the_task_at_once(
        self, deployment: Deployment, code: FailureCode
    ) -> None:
        task = deployment.submit()
        deployment.model.then(ModelRejected(code, "The model's API answered 400: no."))
        deployment.work()
        ended = assert_failed(deployment, task, code, "The model's API answered 400: no.")
        assert ended.attempt == 1

    def test_an_agent_whose_revision_is_gone_fails_the_task(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.registry.revisions.clear()
        deployment.work()
        assert_failed(
            deployment,
            task,
            FailureCode.AGENT_MISCONFIGURED,
            "Revision 1 of the agent, which this task was created for, is gone.",
        )

    def test_a_context_that_cannot_be_shown_fails_its_task_alone(self, deployment: Deployment) -> None:
        """As one that an earlier release has accepted: 9,000 levels take 80 MB indented."""
        poison, other = deployment.submit("poison", context={}), deployment.submit("other")
        deep = '{"message":"poison","context":' + '{"a":' * 9_000 + "{}" + "}" * 9_001
        stored = replace(deployment.now_of(poison), input=Payload(inline=deep))
        deployment.store.tasks[poison.ref] = stored

        deployment.work()

        ended = deployment.now_of(poison)
        assert (ended.status, ended.attempt) == (Status.FAILED, 1)
        assert ended.failure is not None
        assert ended.failure.message.startswith("The model cannot be shown the message: context: takes more")
        assert deployment.now_of(other).status is Status.COMPLETED

    def test_a_corrupt_message_fails_the_task(self, deployment: Deployment) -> None:
        task = deployment.submit(LARGE)
        key = task.input.key
        assert key is not None
        deployment.payloads.objects[key] = b"{}"
        deployment.work()
        message = f"{key} is not what was stored"
        assert_failed(deployment, task, FailureCode.EXECUTION_ERROR, message)
        assert not deployment.model.requests


class TestRetries:
    def test_overload_waits_as_long_as_the_server_asks(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(ModelBusy("Overloaded.", retry_after=30.0, used=Bill((ModelCall(8),))))
        assert deployment.work() == ["message-1"]
        now = deployment.clock.now()
        waiting = deployment.now_of(task)
        assert (waiting.status, waiting.attempt, waiting.held_by) == (Status.PENDING, 1, None)
        wait = waiting.not_before - now
        assert wait in (30_000, 31_000)
        assert invisible_for(deployment) == wait / 1000
        assert waiting.due_at == waiting.not_before + DISPATCH_GRACE_MS
        assert waiting.usage == Usage(input_tokens=8, cost_usd=Decimal("0.000024"))
        assert deployment.telemetry.counts["TaskRetries"] == 1

        deployment.clock.advance(wait / 1000)
        assert deployment.work() == []
        ended = deployment.now_of(task)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 2)
        assert ended.usage == Usage(18, 5, turns=1, cost_usd=Decimal("0.000129"))
        assert deployment.telemetry.durations["QueueWaitMs"] == [0]

    def test_a_message_that_comes_back_too_early_waits_on(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(ModelBusy("Overloaded.", retry_after=30.0))
        deployment.work()
        deployment.queue.put(task.ref)
        waiting = deployment.now_of(task)
        deployment.clock.advance(0.5)
        assert deployment.work() == ["message-2"]
        assert deployment.now_of(task) == waiting
        back_at = deployment.queue.messages[1].visible_at
        assert waiting.not_before <= back_at < waiting.not_before + 1_000

    def test_the_third_overload_is_the_end(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(*[ModelBusy("Overloaded.", used=Bill((ModelCall(1),)))] * 3)
        waits = []
        for _ in range(2):
            assert deployment.work() == ["message-1"]
            waits.append(invisible_for(deployment))
            deployment.clock.advance(invisible_for(deployment))
        assert deployment.work() == []
        assert waits[0] in (1, 2)
        assert waits[1] in (2, 3)
        ended = assert_failed(
            deployment, task, FailureCode.MODEL_OVERLOADED, "Overloaded. (Attempt 3 of 3, the last.)"
        )
        assert ended.usage == Usage(input_tokens=3, cost_usd=Decimal("0.000009"))

    def test_a_retry_that_would_come_too_late_fails_at_once(self, deployment: Deployment) -> None:
        task = deployment.submit(timeout_ms=60_000)
        deployment.model.then(ModelBusy("Overloaded.", retry_after=60.0))
        deployment.work()
        ended = deployment.now_of(task)
        assert ended.status is Status.FAILED
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.MODEL_OVERLOADED
        assert ended.failure.message.startswith("Overloaded. (The next try, in 6")
        assert ended.completed_at == task.created_at

    def test_an_unexpected_error_is_tried_again_and_tells_only_its_kind(self, deployment: Deployment) -> None:
        task = deployment.submit()
        secret = ValueError("sk-secret-in-an-error")
        deployment.model.then(*[secret] * 3)
        for _ in range(3):
            deployment.work()
            deployment.clock.advance(5)
        reason = "The worker met an unexpected error (ValueError). (Attempt 3 of 3, the last.)"
        assert_failed(deployment, task, FailureCode.EXECUTION_ERROR, reason)
        assert deployment.telemetry.errors == [secret] * 3

    @pytest.mark.parametrize("point", ["registry.revision", "payloads.get"])
    def test_what_the_task_needs_being_unreachable_is_tried_again(
        self, deployment: Deployment, point: str
    ) -> None:
        task = deployment.submit(LARGE)
        points = Failpoints()
        points.fail(point, (StoreUnavailable if "registry" in point else PayloadUnavailable)("down"))
        assert deployment.work(points) == ["message-1"]
        assert deployment.now_of(task).status is Status.PENDING
        deployment.clock.advance(10)
        deployment.work()
        ended = deployment.now_of(task)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)

    def test_work_that_does_not_end_in_the_functions_time_is_given_back(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(hang)
        assert deployment.work(seconds=100) == ["message-1"]
        assert deployment.clock.now() == task.created_at + (100 - SHUTDOWN_MARGIN_SECONDS) * 1_000
        assert deployment.model.cancelled == 1
        assert deployment.now_of(task).status is Status.PENDING
        deployment.clock.advance(2)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED

    def test_an_invocation_without_time_gives_everything_back(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(after(deployment.clock, 0.1, answer()))
        assert deployment.work(seconds=5) == ["message-1"]
        assert deployment.now_of(task).status is Status.PENDING
        assert deployment.model.bought == 0


class TestEndsFromOutside:
    def test_a_silent_model_ends_at_the_deadline(self, deployment: Deployment) -> None:
        task = deployment.submit(timeout_ms=100_000)
        deployment.model.then(hang)
        assert deployment.work() == []
        ended = assert_failed(
            deployment, task, FailureCode.TIMEOUT, "The task did not finish within its timeout of 100 s."
        )
        assert ended.completed_at is not None
        assert 0 <= ended.completed_at - ended.deadline <= 5
        assert deployment.model.cancelled == 1

    @pytest.mark.parametrize(("back_after", "status"), [(9.4, Status.COMPLETED), (10.2, Status.FAILED)])
    def test_an_answer_counts_only_if_it_is_saved_before_the_deadline(
        self, deployment: Deployment, back_after: float, status: Status
    ) -> None:
        task = deployment.submit(timeout_ms=10_000)
        deployment.model.then(after(deployment.clock, 9, answer()))
        points = Failpoints()
        points.down("store.finish", StoreUnavailable("down"))
        deployment.clock.later(back_after, lambda: points.up("store.finish"))
        deployment.work(points)
        ended = deployment.now_of(task)
        assert ended.status is status
        assert ended.usage == ANSWER_USAGE, "what was bought is billed all the same"
        assert not deployment.queue.messages
        if ended.failure:
            assert ended.failure.code is FailureCode.TIMEOUT

    def test_a_cancel_stops_the_model_within_one_heartbeat(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(hang)
        deployment.clock.later(20, lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
        assert deployment.work() == []
        assert deployment.clock.now() == task.created_at + 22_000, "the fifth beat"
        assert deployment.model.cancelled == 1
        assert deployment.now_of(task).status is Status.CANCELED
        assert deployment.store.finishes[task.ref] == 1
        assert not deployment.queue.messages

    def test_a_cancel_in_the_moment_of_completion_wins_if_it_is_first(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.before("store.finish", lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
        assert deployment.work(points) == []
        ended = deployment.now_of(task)
        assert ended.status is Status.CANCELED
        assert output_of(ended) == {"result": "Done.", "partial": True}, "what was bought is not thrown away"
        assert ended.usage == ANSWER_USAGE
        assert deployment.store.finishes[task.ref] == 1
        assert not deployment.queue.messages

    def test_a_task_past_its_deadline_is_settled_and_not_executed(self, deployment: Deployment) -> None:
        task = deployment.submit(queue_timeout_ms=300_000)
        deployment.clock.advance(300)
        assert deployment.work() == []
        assert_failed(deployment, task, FailureCode.QUEUE_TIMEOUT, NOT_STARTED)
        assert not deployment.model.requests
        assert not deployment.queue.messages

    def test_a_task_whose_last_worker_died_is_given_up(self, deployment: Deployment) -> None:
        task = deployment.submit()
        for _ in range(3):
            points = Failpoints()
            points.fail("model.turn", Crash("in mid-call"))
            with pytest.raises(Crash):
                deployment.work(points)
            deployment.clock.advance(LEASE_SECONDS)
        assert deployment.work() == []
        assert_failed(
            deployment,
            task,
            FailureCode.WORKER_LOST,
            "The worker was lost 3 times while executing this task; no attempts are left.",
        )

    def test_a_deleted_task_is_forgotten(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.store.delete(task.ref)
        assert deployment.work() == []
        assert not deployment.queue.messages

    @pytest.mark.parametrize("lost", [False, True])
    def test_a_partial_output_is_added_once(self, deployment: Deployment, lost: bool) -> None:
        task = deployment.submit()
        deployment.model.then(Partly("So far", hang))
        deployment.clock.later(20, lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
        points = Failpoints()
        points.fail("store.add_partial_output", StoreUnavailable("down"), after=lost)
        assert deployment.work(points) == []
        ended = deployment.now_of(task)
        assert output_of(ended) == {"result": "So far", "partial": True}
        assert ended.usage == Usage(10, 2, cost_usd=Decimal("0.00006"))
        assert [change.method for change in deployment.store.changes].count("add_partial_output") == 1
        assert (ended.status, ended.held_by) == (Status.CANCELED, None)

    def test_a_worker_that_overslept_the_deadline_does_not_end_anothers_task(
        self, deployment: Deployment
    ) -> None:
        """It wakes at the deadline, when a second worker holds the task and has paid for more."""
        task = deployment.submit(timeout_ms=100_000)
        deployment.model.then(Partly("Stale", hang), Partly("Fresh", hang))
        (message,) = deployment.queue.messages
        early, late = deployment.queue.deliver(message), deployment.queue.deliver(message)
        freeze = Freeze(deployment.clock, 5, 95.001)

        async def overtake() -> None:
            await deployment.clock.sleep(50)
            await deployment.invoke([late])

        deployment.together(deployment.invoke([early], freeze=freeze), overtake())
        ended = deployment.now_of(task)
        assert ended.failure is not None
        assert (ended.failure.code, ended.fence) == (FailureCode.TIMEOUT, 2)
        assert output_of(ended) == {"result": "Fresh", "partial": True}


class TestSlots:
    @pytest.mark.parametrize("step", ENDS_OF_A_CLAIM)
    def test_whatever_ends_a_claim_frees_the_slot_at_once(self, deployment: Deployment, step: str) -> None:
        tools = ("ask_user", "call_agent")
        deployment.registry.apply(agent(max_concurrent_tasks=1, allowed_tools=tools))
        deployment.registry.apply(agent("helper"))
        deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
        first = deployment.submit("first", timeout_ms=30_000)
        deployment.clock.advance(0.001)
        second = deployment.submit("second")
        deployment.model.on("first", ENDS_OF_A_CLAIM[step])
        tasks = deployment.tasks()
        if step == "canceled":
            deployment.clock.later(20, lambda: tasks.cancel("demo", "writer", first.ref.task_id))
        assert not {"message-2"} & set(deployment.work()), "it needs no message while it waits"
        assert deployment.now_of(second).status is Status.PENDING
        (holder,) = deployment.slot_store.holders(Scope("writer"))
        assert holder == second.ref.task_id, "the next in line has it"
        assert [m.ref for m in deployment.queue.messages if m.message_id > "message-2"][-1:] == [second.ref]
        deployment.work()
        assert deployment.now_of(second).status is Status.COMPLETED
        assert not deployment.slot_store.holders(Scope("writer"))

    def test_a_worker_that_died_before_it_freed_its_slot_is_made_up_for(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.fail("slots.free", Crash("after the end"))
        with pytest.raises(Crash):
            deployment.work(points)
        assert deployment.now_of(task).status is Status.COMPLETED
        assert deployment.slot_store.holders(Scope("writer"))
        deployment.clock.advance(LEASE_SECONDS)
        assert deployment.work() == []
        assert not deployment.slot_store.holders(Scope("writer"))

    def test_a_canceled_task_keeps_its_slot_until_its_worker_has_noticed(
        self, deployment: Deployment
    ) -> None:
        deployment.registry.apply(agent(max_concurrent_tasks=1))
        first = deployment.submit("first")
        deployment.clock.advance(0.001)
        second = deployment.submit("second")
        deployment.model.on("first", hang)
        seen: list[int] = []
        deployment.clock.later(20, lambda: deployment.tasks().cancel("demo", "writer", first.ref.task_id))
        deployment.clock.later(21, lambda: seen.append(len(deployment.model.under_way)))
        deployment.clock.later(21, lambda: seen.append(len(deployment.queue.messages)))
        deployment.work()
        assert seen == [1, 1], "its call of the model still runs, so the next one is not called yet"
        deployment.work()
        assert deployment.now_of(second).status is Status.COMPLETED

    def test_without_the_slots_no_task_is_begun(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.down("slots", StoreUnavailable("down"))
        assert deployment.work(points) == ["message-1"]
        assert invisible_for(deployment) == UNREADABLE_SECONDS
        assert deployment.now_of(task) == task
        assert not deployment.model.requests


class TestOtherAgents:
    @pytest.fixture(autouse=True)
    def team(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=("call_agent",)))
        deployment.registry.apply(agent("helper"))
        deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))

    def test_the_tasks_of_all_turns_are_counted_in_whichever_worker(self, deployment: Deployment) -> None:
        task = deployment.submit()
        call = ("call_agent", {"agent": "helper", "message": "Help."})
        turns = [uses(call, prefix=f"call-{n}") for n in range(CHILDREN_BY_DEPTH[0] + 1)]
        deployment.model.on("Write a report.", *turns)
        for _ in range(2 * CHILDREN_BY_DEPTH[0] + 1):
            deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED
        children = [task for task in deployment.store.tasks.values() if task.parent]
        assert len(children) == CHILDREN_BY_DEPTH[0]
        last = deployment.model.requests[-1].messages[-1]["content"][0]
        assert last["content"].startswith(f"This task has called {CHILDREN_BY_DEPTH[0]} agents")

    def test_a_stale_worker_starts_nothing(self, deployment: Deployment) -> None:
        """Wherever it stands still after its reply, until another worker has bought a turn of its own."""
        for calls in range(12):
            task = deployment.submit(f"Report {calls}.")
            call = ("call_agent", {"agent": "helper", "message": f"Help {calls}."})
            seconds = iter((5, 60))

            def delegate(prefix: str, call: Any = call, seconds: Iterator[int] = seconds) -> Step:
                return after(deployment.clock, next(seconds), uses(call, prefix=prefix))

            deployment.model.plan(f"Report {calls}.", delegate)
            message = deployment.queue.messages[-1]
            early, late = deployment.queue.deliver(message), deployment.queue.deliver(message)

            async def overtake(late: Delivery = late) -> None:
                await deployment.clock.sleep(60)
                await deployment.invoke([late])

            freeze = Freeze(deployment.clock, 5, 80, calls)
            deployment.together(deployment.invoke([early], freeze=freeze), overtake())
            deployment.clock.run(deployment.invoke(deployment.queue.receive()))
            deployment.clock.run(deployment.invoke(deployment.queue.receive()))
            children = [child for child in deployment.store.tasks.values() if child.parent]
            mine = [child for child in children if child.parent and child.parent.ref == task.ref]
            assert len(mine) == 1, f"after {calls} calls"


class TestHandOver:
    def hand_over(self, deployment: Deployment, points: Failpoints) -> Task:
        deployment.registry.apply(agent(allowed_tools=("report_progress",)))
        task = deployment.submit()
        first = uses(("report_progress", {"step": "Half"}))
        deployment.model.then(after(deployment.clock, 30, first), answer("Done."))
        deployment.work(points, seconds=80)
        return deployment.now_of(task)

    def test_it_is_no_attempt_and_keeps_the_slot(self, deployment: Deployment) -> None:
        task = self.hand_over(deployment, Failpoints())
        assert (task.status, task.attempt, task.fence) == (Status.PENDING, 0, 1)
        assert list(deployment.slot_store.holders(Scope("writer"))) == [task.ref.task_id]
        assert [message.message_id for message in deployment.queue.messages] == ["message-2"]
        deployment.work()
        ended = deployment.now_of(task)
        assert (ended.status, ended.attempt, ended.fence) == (Status.COMPLETED, 1, 2)
        assert ended.usage.turns == deployment.model.bought == 2

    @pytest.mark.parametrize("lost", [False, True])
    def test_a_send_that_fails_costs_time_and_nothing_else(self, deployment: Deployment, lost: bool) -> None:
        points = Failpoints()
        points.fail("queue.send", QueueUnavailable("down"), after=lost)
        task = self.hand_over(deployment, points)
        assert (task.status, task.attempt) == (Status.PENDING, 0)
        for _ in range(3):
            deployment.clock.advance(LEASE_SECONDS)
            deployment.work()
        ended = deployment.now_of(task)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)
        assert deployment.model.bought == 2
        assert not deployment.queue.messages
        assert not deployment.slot_store.holders(Scope("writer"))

    def test_a_release_whose_answer_is_lost_is_one_hand_over(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.fail("store.release", StoreUnavailable("answer lost"), after=True)
        task = self.hand_over(deployment, points)
        assert (task.status, task.attempt) == (Status.PENDING, 0)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED


class TestOutages:
    def test_a_bought_answer_is_kept_while_the_store_is_down(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        deployment.model.then(after(deployment.clock, 3, answer("Bought.")))
        deployment.clock.later(2, lambda: table_down(points))
        deployment.clock.later(15, lambda: table_up(points))
        assert deployment.work(points) == []
        assert deployment.now_of(task).status is Status.COMPLETED
        assert len(deployment.model.requests) == 1

    def test_a_bought_answer_is_kept_while_the_payload_store_is_down(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(answer(LARGE))
        points = Failpoints()
        points.down("payloads", PayloadUnavailable("down"))
        deployment.clock.later(15, lambda: points.up("payloads"))
        assert deployment.work(points) == []
        assert deployment.now_of(task).status is Status.COMPLETED
        assert len(deployment.model.requests) == 1

    def test_an_outage_until_the_deadline_ends_in_a_timeout_and_buys_no_second_answer(
        self, deployment: Deployment
    ) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.before("store.finish", lambda: table_down(points))
        assert deployment.work(points) == ["message-1"]
        assert deployment.now_of(task).status is Status.RUNNING
        assert deployment.sweep().timed_out == 1
        assert deployment.work() == []
        assert_failed(
            deployment, task, FailureCode.TIMEOUT, "The task did not finish within its timeout of 300 s."
        )
        assert len(deployment.model.requests) == 1

    def test_a_completion_whose_answer_is_lost_is_recorded_once(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.fail("store.finish", StoreUnavailable("answer lost"), after=True)
        assert deployment.work(points) == []
        assert deployment.now_of(task).status is Status.COMPLETED
        assert deployment.store.finishes[task.ref] == 1
        assert len(deployment.model.requests) == 1
        assert deployment.telemetry.counts["TasksCompleted"] == 1
        assert not deployment.queue.messages

    def test_a_release_whose_answer_is_lost_is_one_release(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(ModelBusy("Overloaded.", retry_after=20.0))
        points = Failpoints()
        points.fail("store.release", StoreUnavailable("answer lost"), after=True)
        assert deployment.work(points) == ["message-1"]
        assert [change.method for change in deployment.store.changes].count("release") == 1
        assert 19 <= invisible_for(deployment) <= 31
        deployment.clock.advance(31)
        deployment.work()
        assert deployment.now_of(task).attempt == 2

    def test_a_claim_whose_answer_is_lost_runs_out_and_is_followed_by_another(
        self, deployment: Deployment
    ) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.fail("store.claim", StoreUnavailable("answer lost"), after=True)
        assert deployment.work(points) == ["message-1"]
        assert invisible_for(deployment) == UNREADABLE_SECONDS
        deployment.clock.advance(1)
        early = deployment.queue.deliver(deployment.queue.messages[0])
        assert deployment.clock.run(deployment.invoke([early])) == ["message-1"]
        assert invisible_for(deployment) == LEASE_SECONDS - 1
        deployment.clock.advance(LEASE_SECONDS - 1)
        deployment.work()
        assert (deployment.now_of(task).status, deployment.now_of(task).attempt) == (Status.COMPLETED, 2)
        assert len(deployment.model.requests) == 1

    def test_an_outage_of_the_queue_changes_nothing_for_the_task(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.down("queue", QueueUnavailable("down"))
        deployment.model.then(after(deployment.clock, 40, answer()))
        assert deployment.work(points) == []
        assert deployment.now_of(task).status is Status.COMPLETED
        assert set(deployment.telemetry.names()) == {
            "visibility timeout not changed",
            "message not settled",
        }

    def test_a_worker_cut_off_from_the_store_stops_and_writes_nothing(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        deployment.clock.later(1, lambda: table_down(points))
        deployment.model.then(hang)
        assert deployment.work(points) == ["message-1"]
        assert deployment.model.cancelled == 1
        held = deployment.now_of(task)
        lease = deployment.workers.lease(held.held_by or "")
        assert lease is not None
        assert deployment.clock.now() < lease.until, "nobody else can have had it"
        deployment.clock.advance(LEASE_SECONDS)
        deployment.work()
        assert (deployment.now_of(task).status, deployment.now_of(task).fence) == (Status.COMPLETED, 2)


class TestBatches:
    def test_ten_tasks_are_worked_on_at_once_and_each_alone(self, deployment: Deployment) -> None:
        clock, model = deployment.clock, deployment.model
        deployment.registry.apply(agent(max_concurrent_tasks=10))
        tasks = {name: deployment.submit(name) for name in ("broken", "hangs", "canceled", "busy", "refused")}
        tasks |= {f"good-{n}": deployment.submit(f"good-{n}") for n in range(5)}
        model.on("broken", ValueError("a bug"))
        model.on("hangs", hang)
        model.on("canceled", hang)
        model.on("busy", ModelBusy("Overloaded."))
        model.on("refused", answer("", "refusal"))
        for n in range(5):
            model.on(f"good-{n}", after(clock, 2, answer(f"Answer {n}.")))
        clock.later(20, lambda: deployment.tasks().cancel("demo", "writer", tasks["canceled"].ref.task_id))
        seen: list[int] = []
        clock.later(2.5, lambda: seen.append(len(deployment.queue.messages)))

        kept = deployment.work()

        status = {name: deployment.now_of(task).status for name, task in tasks.items()}
        assert status == {
            "broken": Status.PENDING,
            "hangs": Status.FAILED,
            "canceled": Status.CANCELED,
            "busy": Status.PENDING,
            "refused": Status.FAILED,
        } | {f"good-{n}": Status.COMPLETED for n in range(5)}
        assert len(kept) == 2
        assert seen == [4], "the messages of finished tasks are deleted at once"
        for n in range(5):
            ended = deployment.now_of(tasks[f"good-{n}"])
            assert output_of(ended) == {"result": f"Answer {n}."}
            assert ended.completed_at == ended.created_at + 2_000

    def test_a_crash_brings_only_the_unfinished_back(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(max_concurrent_tasks=10))
        tasks = [deployment.submit(f"task-{n}") for n in range(10)]
        for n in range(10):
            deployment.model.on(f"task-{n}", answer() if n < 7 else hang)
        points = Failpoints()
        deployment.clock.later(31, points.die)
        with pytest.raises(Crash):
            deployment.work(points, seconds=60)
        assert len(deployment.queue.messages) == 3
        deployment.clock.advance(LEASE_SECONDS)
        assert deployment.work() == []
        assert {deployment.now_of(task).status for task in tasks} == {Status.COMPLETED}
        assert [deployment.now_of(task).attempt for task in tasks] == [1] * 7 + [2] * 3

    def test_a_message_twice_in_one_batch_is_executed_once(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.queue.put(task.ref)
        deployment.model.then(after(deployment.clock, 5, answer()))
        assert deployment.work() == [], "the copy is not needed: the other message brings back a lost task"
        assert len(deployment.model.requests) == 1
        assert deployment.store.finishes[task.ref] == 1
        assert not deployment.queue.messages

    def test_the_same_delivery_twice_in_one_batch_is_executed_once(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(after(deployment.clock, 20, answer()))
        (delivery,) = deployment.queue.receive()
        deployment.clock.run(deployment.invoke([delivery, delivery]))
        assert deployment.now_of(task).status is Status.COMPLETED
        assert len(deployment.model.requests) == 1

    def test_two_workers_with_the_same_message_execute_it_once(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(after(deployment.clock, 60, answer()))
        (message,) = deployment.queue.messages
        first, second = deployment.queue.deliver(message), deployment.queue.deliver(message)
        deployment.together(deployment.invoke([first]), deployment.invoke([second]))
        assert deployment.now_of(task).status is Status.COMPLETED
        assert len(deployment.model.requests) == 1
        assert deployment.now_of(task).attempt == 1

    def test_a_message_that_names_no_task_goes_to_the_dead_letter_queue(self, deployment: Deployment) -> None:
        deployment.queue.put(None)
        task = deployment.submit()
        for _ in range(deployment.queue.max_receives + 1):
            deployment.work()
        assert not deployment.queue.messages
        assert [message.ref for message in deployment.dead.messages] == [None]
        assert deployment.now_of(task).status is Status.COMPLETED

    def test_an_empty_batch_is_no_work(self, deployment: Deployment) -> None:
        assert deployment.work() == []


class TestStaleWorkers:
    @pytest.mark.parametrize("large", [False, True])
    def test_a_worker_that_slept_through_its_lease_writes_nothing(
        self, deployment: Deployment, large: bool
    ) -> None:
        """It is cut off with its bought answer, a second one finishes, then it tries to write."""
        task = deployment.submit()
        stale, fresh = ("x" * 20_000, "y" * 20_000) if large else ("Stale.", "Fresh.")
        deployment.model.then(answer(stale), answer(fresh))
        cut_off = Failpoints()
        cut_off.down("store.finish", StoreUnavailable("cut off"))

        second: list[asyncio.Future[list[str]]] = []

        def overtake() -> None:
            # as if the first had been frozen for so long that its lease ran out
            lease = deployment.workers.lease(deployment.now_of(task).held_by or "")
            assert lease is not None
            deployment.workers.break_lease(lease)
            (message,) = deployment.queue.messages
            second.append(asyncio.ensure_future(deployment.invoke([deployment.queue.deliver(message)])))

        deployment.clock.later(0.1, overtake)
        deployment.clock.later(0.2, lambda: cut_off.up("store.finish"))
        deployment.work(cut_off)
        assert second[0].result() == []
        wire = deployment.shown(task)
        assert wire["output"] == {"result": fresh}
        assert deployment.now_of(task).fence == 2
        assert deployment.store.finishes[task.ref] == 1
        assert cut_off.calls["store.finish"] == 2, "the stale worker did try"
