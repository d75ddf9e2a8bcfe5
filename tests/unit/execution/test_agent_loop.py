"""The agent loop: turns, tools, questions, other agents and budgets, and what is recorded of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, FailureCode, RequestRefused
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import Budget, Lane, Progress, Status, Task, TaskRef
from a2a_tasks.domain.tools.service import CHILDREN_BY_DEPTH, MAX_DEPTH
from a2a_tasks.domain.usage import Usage
from a2a_tasks.execution.agent_loop import HAND_OVER_SECONDS, INTERRUPTED
from a2a_tasks.execution.model import structured
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.tasks.finalization import FOLLOW_UP_SECONDS
from tests.twins.deployment import MAX_WAIT_MS, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.faults.slow import Slow
from tests.twins.model import USAGE, Partly, after, answer, hang, uses

ALL_TOOLS = (
    "Read",
    "Write",
    "Edit",
    "Glob",
    "Grep",
    "save_artifact",
    "report_progress",
    "ask_user",
    "call_agent",
    "TodoWrite",
)


@pytest.fixture
def with_tools(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(allowed_tools=ALL_TOOLS))
    return deployment


def output_of(deployment: Deployment, task: Task) -> dict[str, Any]:
    output: dict[str, Any] = deployment.shown(task)["output"]
    return output


def results(deployment: Deployment, call: int = -1) -> list[dict[str, Any]]:
    """The tool results that a request carried to the model last."""
    message = deployment.model.requests[call].messages[-1]
    assert message["role"] == "user"
    content: list[dict[str, Any]] = message["content"]
    return content


def result_texts(deployment: Deployment, call: int = -1) -> list[str]:
    return [block["content"] for block in results(deployment, call)]


def assert_each_request_extends_the_one_before(deployment: Deployment) -> None:
    for earlier, later in pairwise(deployment.model.requests):
        assert later.prompt == earlier.prompt
        assert later.messages[: len(earlier.messages)] == earlier.messages


class TestTurns:
    def test_tools_are_answered_until_the_model_is_done(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(
            uses(
                ("Write", {"file_path": "notes.md", "content": "one\n"}),
                ("Read", {"file_path": "notes.md"}),
                text="I take notes. ",
            ),
            uses(("Glob", {"pattern": "*"}), prefix="second"),
            answer("All done."),
        )
        with_tools.work()
        ended = with_tools.now_of(task)
        assert (ended.status, ended.attempt, ended.turns) == (Status.COMPLETED, 1, 2)
        assert output_of(with_tools, task) == {"result": "All done."}
        assert ended.usage == Usage(30, 15, turns=3, cost_usd=Decimal("0.000315"))
        assert [block["tool_use_id"] for block in results(with_tools, 1)] == ["call-1", "call-2"]
        assert "one" in result_texts(with_tools, 1)[1]
        assert "notes.md" in result_texts(with_tools, 2)[0]
        assert_each_request_extends_the_one_before(with_tools)

    def test_a_paused_turn_goes_on_with_the_same_conversation(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(answer("Searching…", "pause_turn"), answer("Found."))
        with_tools.work()
        assert output_of(with_tools, task) == {"result": "Found."}
        assert with_tools.model.requests[1].messages[1:] == [
            {"role": "assistant", "content": [{"type": "text", "text": "Searching…"}]}
        ]
        assert with_tools.now_of(task).turns == 1

    def test_the_turns_are_limited(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=ALL_TOOLS, max_turns=3))
        task = deployment.submit()
        deployment.model.then(
            *(uses(("Glob", {"pattern": "*"}), text=f"Turn {n}.", prefix=f"t{n}") for n in range(5))
        )
        deployment.work()
        ended = deployment.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.MAX_TURNS_EXCEEDED
        assert deployment.model.bought == 3
        assert output_of(deployment, task) == {"result": "Turn 2.", "partial": True}

    def test_a_truncated_turn_runs_no_tool(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        reply = uses(("Write", {"file_path": "a", "content": "half"}), text="Half")
        with_tools.model.then(replace(reply, stop_reason="max_tokens"))
        with_tools.work()
        ended = with_tools.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.OUTPUT_TRUNCATED
        assert not with_tools.records.records(task.ref.task_id)

    def test_the_sandbox_of_code_execution_is_used_again(self, with_tools: Deployment) -> None:
        with_tools.submit()
        first = uses(("Glob", {"pattern": "*"}))
        with_tools.model.then(replace(first, container="container_1"), answer())
        with_tools.work()
        assert [request.container for request in with_tools.model.requests] == [None, "container_1"]

    def test_progress_is_the_turn_and_the_tool(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        seen: list[dict[str, Any]] = []

        def look() -> None:
            seen.append(with_tools.shown(task)["progress"])

        with_tools.clock.later(1, look)
        with_tools.clock.later(11, look)
        with_tools.model.then(
            after(with_tools.clock, 5, uses(("Grep", {"pattern": "x"}))),
            after(with_tools.clock, 20, answer()),
        )
        with_tools.work()
        assert seen == [{"turn": 1}, {"turn": 2, "tool": "Grep"}]

    def test_structured_output_is_validated(self, deployment: Deployment) -> None:
        schema = {
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
            "additionalProperties": False,
        }
        deployment.registry.apply(agent(output_schema=schema))
        deployment.model.then(answer('{"n": 3}'), answer('{"n": "x"}'), answer("no JSON"))
        good, bad, worse = (deployment.submit() for _ in range(3))
        deployment.work()
        assert deployment.model.requests[0].prompt.output_schema == schema
        outputs = [output_of(deployment, task) for task in (good, bad, worse)]
        assert {"result": '{"n": 3}', "data": {"n": 3}} in outputs
        failures = [deployment.now_of(task).failure for task in (good, bad, worse)]
        assert [failure.code for failure in failures if failure] == [FailureCode.EXECUTION_ERROR] * 2
        assert sum(output.get("partial", False) for output in outputs) == 2

    def test_an_answer_is_validated_beside_the_event_loop(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A schema of a thousand parts takes most of a second, and the lease is of all tasks."""
        beside: list[bool] = []
        validated: list[bool] = []
        validate = structured.parse

        class Threads(Freeze):
            async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
                beside.append(True)
                try:
                    return call(*args, **kwargs)
                finally:
                    beside.pop()

        def parse(text: str, schema: dict[str, Any]) -> Any:
            validated.append(bool(beside))
            return validate(text, schema)

        monkeypatch.setattr(structured, "parse", parse)
        deployment.registry.apply(agent(output_schema={"type": "object", "additionalProperties": False}))
        deployment.model.then(answer("{}"))
        deployment.submit()
        threads = Threads(deployment.clock, start=0, seconds=0)
        deployment.clock.run(deployment.invoke(deployment.queue.receive(), freeze=threads))
        assert validated == [True]

    def test_an_answer_that_is_being_validated_is_not_bought_again(self, deployment: Deployment) -> None:
        """The function's time is nearly over meanwhile."""
        task = deployment.submit()
        deployment.model.then(after(deployment.clock, 55, answer()))
        slow = Slow(deployment.clock, {"_ended": 10})
        deployment.clock.run(deployment.invoke(deployment.queue.receive(), seconds=80, freeze=slow))
        assert slow.delayed == {"_ended"}
        assert deployment.now_of(task).status is Status.COMPLETED
        assert deployment.model.bought == 1


class TestResuming:
    def test_a_saved_turn_is_not_bought_again(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(
            uses(("Write", {"file_path": "a.txt", "content": "kept"})),
            Crash("the process dies during the second turn"),
            uses(("Read", {"file_path": "a.txt"}), prefix="later"),
            answer("Done."),
        )
        with pytest.raises(Crash):
            with_tools.work()
        with_tools.clock.advance(46)
        with_tools.work()
        ended = with_tools.now_of(task)
        assert (ended.status, ended.attempt, ended.fence) == (Status.COMPLETED, 2, 2)
        assert with_tools.model.bought == 3
        assert "kept" in result_texts(with_tools)[0]
        assert_each_request_extends_the_one_before(with_tools)
        assert [spent.attempt for spent in ended.spent] == [1, 2]

    def test_a_once_tool_is_reported_as_interrupted(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(uses(("Write", {"file_path": "a", "content": "x"})), answer())
        points = Failpoints()
        points.fail("payloads.put", Crash("between the tool and its result"))
        with pytest.raises(Crash):
            with_tools.work(points)
        with_tools.clock.advance(46)
        with_tools.work()
        assert with_tools.now_of(task).status is Status.COMPLETED
        (result,) = results(with_tools)
        assert (result["content"], result["is_error"]) == (INTERRUPTED, True)

    def test_an_outage_of_the_payload_store_repeats_no_edit(self, with_tools: Deployment) -> None:
        with_tools.submit()
        with_tools.model.then(
            uses(
                ("Write", {"file_path": "a", "content": "one"}),
                ("Edit", {"file_path": "a", "old_string": "one", "new_string": "one one"}),
                ("Read", {"file_path": "a"}),
            ),
            answer(),
        )
        points = Failpoints()
        points.fail("payloads.put", PayloadUnavailable("down"), call=2)
        with_tools.work(points)
        assert "one one" in result_texts(with_tools)[2]
        assert not [block for block in results(with_tools) if block.get("is_error")]

    def test_an_edit_of_the_agent_changes_nothing_under_way(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(uses(("Glob", {"pattern": "*"})), ModelBusy("Overloaded."), answer("Done."))
        with_tools.work()
        with_tools.registry.apply(agent(system_prompt="Changed.", allowed_tools=("Read",)))
        with_tools.clock.advance(60)
        with_tools.work()
        assert with_tools.now_of(task).status is Status.COMPLETED
        assert_each_request_extends_the_one_before(with_tools)

    def test_the_prompt_is_kept_as_it_was_first_sent(self, with_tools: Deployment) -> None:
        """A newer release may describe its tools otherwise; a conversation keeps the old words."""
        task = with_tools.submit()
        with_tools.model.then(uses(("Glob", {"pattern": "*"})), ModelBusy("Overloaded."), answer())
        with_tools.work()
        written, record = with_tools.records.by_task[task.ref.task_id]["PROMPT"]
        document = json.loads(record.payload.inline or with_tools.payloads.get(record.payload.key or ""))
        prompt = json.loads(document["prompt"])
        assert prompt["system"] == "You write reports."
        assert sorted(tool["name"] for tool in prompt["tools"]) == sorted(ALL_TOOLS)
        assert written == 1

    def test_a_worker_without_time_hands_over(self, with_tools: Deployment) -> None:
        with_tools.registry.apply(agent(allowed_tools=ALL_TOOLS, max_turns=50, timeout_ms=1_800_000))
        task = with_tools.submit()
        with_tools.model.then(
            *(
                after(with_tools.clock, 20, uses(("Glob", {"pattern": "*"}), prefix=f"t{n}"))
                for n in range(40)
            ),
            answer("At last."),
        )
        invocations = 0
        while not with_tools.now_of(task).is_terminal:
            with_tools.work(seconds=180)
            invocations += 1
            assert invocations < 20
        ended = with_tools.now_of(task)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)
        assert ended.fence == invocations > 4
        assert with_tools.model.bought == 41
        assert with_tools.model.cancelled == 0
        assert ended.usage.turns == 41
        assert_each_request_extends_the_one_before(with_tools)

    def test_a_turn_that_began_late_is_no_failed_attempt(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(
            after(with_tools.clock, 30, uses(("Glob", {"pattern": "*"}))),
            after(with_tools.clock, 100, answer("too late")),
            after(with_tools.clock, 100, answer("in time")),
        )
        with_tools.work(seconds=HAND_OVER_SECONDS + 40)
        assert (with_tools.now_of(task).status, with_tools.now_of(task).attempt) == (Status.PENDING, 0)
        with_tools.work()
        assert (with_tools.now_of(task).attempt, output_of(with_tools, task)) == (1, {"result": "in time"})


class TestStopping:
    def test_cancel_keeps_the_text_so_far_and_what_it_cost(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(Partly("It is a long st", hang))
        with_tools.clock.later(5, lambda: with_tools.tasks().cancel("demo", "writer", task.ref.task_id))
        with_tools.work()
        ended = with_tools.now_of(task)
        assert ended.status is Status.CANCELED
        assert output_of(with_tools, task) == {"result": "It is a long st", "partial": True}
        assert ended.usage == Usage(10, 2, turns=0, cost_usd=Decimal("0.00006"))
        assert with_tools.model.cancelled == 1
        assert ended.held_by is None

    def test_the_deadline_keeps_the_text_so_far(self, with_tools: Deployment) -> None:
        task = with_tools.submit(timeout_ms=20_000)
        with_tools.model.then(uses(("Glob", {"pattern": "*"}), text="First I look."), hang)
        with_tools.work()
        ended = with_tools.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.TIMEOUT
        assert output_of(with_tools, task) == {"result": "First I look.", "partial": True}

    def test_a_reader_that_times_it_out_loses_no_text(self, with_tools: Deployment) -> None:
        """The task is settled by a reader a moment before its worker does so."""
        task = with_tools.submit(timeout_ms=20_000)
        with_tools.model.then(Partly("Half", hang))
        with_tools.clock.later(20, lambda: with_tools.shown(task))
        with_tools.work()
        assert output_of(with_tools, task) == {"result": "Half", "partial": True}


class TestTools:
    def test_a_tool_that_is_not_allowed_does_not_exist(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=("Read",)))
        deployment.submit()
        deployment.model.then(uses(("Write", {"file_path": "a", "content": "x"})), answer())
        deployment.work()
        (result,) = results(deployment)
        assert (result["content"], result["is_error"]) == ("There is no tool Write.", True)

    def test_one_task_cannot_see_anothers_files(self, with_tools: Deployment) -> None:
        for name in ("one", "two"):
            with_tools.submit(f"Task {name}.")
            with_tools.model.on(
                f"Task {name}.",
                after(with_tools.clock, 1, uses(("Write", {"file_path": f"{name}.txt", "content": name}))),
                after(with_tools.clock, 1, uses(("Glob", {"pattern": "**"}), prefix="look")),
                answer(),
            )
        with_tools.work()
        for request in with_tools.model.requests[-2:]:
            name = request.messages[0]["content"][0]["text"].removeprefix("Task ").removesuffix(".")
            (result,) = request.messages[-1]["content"]
            assert f"{name}.txt" in result["content"]
            assert result["content"].count(".txt") == 1

    @pytest.mark.parametrize(
        ("arguments", "stored"),
        [
            ({"content": "# 报告"}, "# 报告".encode()),
            ({"base64": "AAEC"}, b"\x00\x01\x02"),
            ({"data": {"n": [1, None]}}, b'{"n": [1, null]}'),
        ],
    )
    def test_artifacts_are_kept_with_the_task(
        self, with_tools: Deployment, arguments: dict[str, Any], stored: bytes
    ) -> None:
        task = with_tools.submit()
        call = ("save_artifact", {"name": "报告.md", "media_type": "text/markdown"} | arguments)
        with_tools.model.then(uses(call), answer("Done."))
        with_tools.work()
        (artifact,) = with_tools.now_of(task).artifacts
        assert with_tools.payloads.objects[artifact.key or ""] == stored
        output = output_of(with_tools, task)
        assert output["result"] == "Done."
        (shown,) = output["artifacts"]
        assert shown.pop("url").startswith("https://payloads.example/")
        assert shown == {
            "artifactId": "call-1",
            "name": "报告.md",
            "mediaType": "text/markdown",
            "sizeBytes": len(stored),
        }

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"name": "a", "media_type": "b"}, "exactly one"),
            ({"name": "a", "media_type": "b", "content": "x", "data": 1}, "exactly one"),
            ({"media_type": "b", "content": "x"}, "name must be"),
            ({"name": "a", "media_type": "b", "base64": "%%%"}, "not valid base64"),
            ({"name": "a", "media_type": "b", "url": "https://example.com"}, "artifactHosts is empty"),
            ({"name": "../\x1b", "media_type": "b", "content": "x"}, "name must be a file name"),
            ({"name": "a", "media_type": "b", "content": 5}, "must be a text"),
            ("not an object", "name must be"),
        ],
    )
    def test_the_model_is_told_what_is_wrong_with_an_artifact(
        self, with_tools: Deployment, arguments: Any, problem: str
    ) -> None:
        task = with_tools.submit()
        with_tools.model.then(uses(("save_artifact", arguments)), answer())
        with_tools.work()
        (result,) = results(with_tools)
        assert problem in result["content"]
        assert result["is_error"] is True
        assert with_tools.now_of(task).artifacts == ()

    def test_reported_progress_is_shown_and_never_invented(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(
            uses(
                ("report_progress", {"step": "读资料", "percent": 40}),
                ("report_progress", {"step": "x", "percent": 140}),
                ("TodoWrite", {"todos": [{"content": "Sum up", "status": "in_progress"}]}),
            ),
            after(with_tools.clock, 10, answer()),
        )
        seen: list[Progress] = []
        with_tools.clock.later(5, lambda: seen.append(with_tools.now_of(task).progress))
        with_tools.work()
        assert seen == [Progress("report_progress", "Sum up", None)]
        assert "percent must be" in result_texts(with_tools)[1]


class TestQuestions:
    def ask(self, deployment: Deployment, **changes: Any) -> Task:
        """A task whose agent has asked, forty seconds after its start."""
        task = deployment.submit(**changes)
        deployment.model.then(
            after(deployment.clock, 40, uses(("ask_user", {"question": "Which year?"}))),
            answer("Done for 2026."),
        )
        deployment.work()
        return deployment.now_of(task)

    def test_a_question_waits_without_a_worker(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        assert asking.status is Status.INPUT_REQUIRED
        assert not with_tools.queue.messages
        wire = with_tools.shown(asking)
        assert (wire["status"], wire["question"]) == ("input_required", "Which year?")

    def test_the_answer_is_the_tools_result_and_the_clock_stood_still(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        with_tools.clock.advance(3 * 3600)
        resumed = with_tools.answerer().answer(asking, "2026")
        assert resumed.status is Status.PENDING
        assert resumed.deadline - with_tools.clock.now() == 300_000 - 40_000
        with_tools.work()
        ended = with_tools.now_of(asking)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)
        assert result_texts(with_tools) == ["2026"]
        assert_each_request_extends_the_one_before(with_tools)

    def test_nobody_answers(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        with_tools.clock.advance(MAX_WAIT_MS / 1000 - 60)
        with_tools.sweep()
        assert with_tools.now_of(asking).status is Status.INPUT_REQUIRED
        with_tools.clock.advance(61)
        with_tools.sweep()
        ended = with_tools.now_of(asking)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.TIMEOUT
        assert "not answered" in ended.failure.message

    def test_no_number_of_questions_outlives_the_payloads(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        asks = [uses(("ask_user", {"question": f"{n}?"}), prefix=f"q{n}") for n in range(40)]
        with_tools.model.then(*asks)
        for _ in asks:
            with_tools.work()
            asking = with_tools.now_of(task)
            if asking.is_terminal:
                break
            with_tools.clock.advance(max(0, asking.deadline - with_tools.clock.now() - 1_000) / 1000)
            with_tools.answerer().answer(asking, "yes")
        else:
            raise AssertionError("it asks for ever")
        lived = (with_tools.now_of(task).completed_at or 0) - task.created_at
        assert LONGEST_LIFE_MS - 24 * 3_600_000 < lived <= LONGEST_LIFE_MS

    def test_only_the_first_answer_counts(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        points = Failpoints()
        points.before("store.resume", lambda: with_tools.answerer().answer(asking, "2026"))
        with pytest.raises(RequestRefused) as refused:
            with_tools.answerer(points).answer(asking, "1999")
        assert refused.value.code is ErrorCode.TASK_NOT_WAITING
        with_tools.work()
        kept = result_texts(with_tools)
        assert kept in (["2026"], ["1999"])

    def test_an_answer_that_died_halfway_may_be_given_again(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        points = Failpoints()
        points.fail("store.resume", Crash("before the task is pending again"))
        with pytest.raises(Crash):
            with_tools.answerer(points).answer(asking, "2026")
        assert with_tools.answerer().answer(asking, "2026").status is Status.PENDING
        with_tools.work()
        assert result_texts(with_tools) == ["2026"]

    def test_the_same_answer_again_is_no_mistake(self, with_tools: Deployment) -> None:
        """Its own answer may have been lost on the way back; by then the task may have gone on, or ended."""
        asking = self.ask(with_tools)
        with_tools.answerer().answer(asking, "2026")
        assert with_tools.answerer().answer(with_tools.now_of(asking), "2026").status is Status.PENDING
        with_tools.work()
        assert with_tools.answerer().answer(with_tools.now_of(asking), "2026").status is Status.COMPLETED
        with pytest.raises(RequestRefused):
            with_tools.answerer().answer(with_tools.now_of(asking), "1999")
        assert with_tools.model.bought == 2

    def test_a_task_that_does_not_ask_takes_no_answer(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with pytest.raises(RequestRefused) as refused:
            with_tools.answerer().answer(task, "2026")
        assert refused.value.code is ErrorCode.TASK_NOT_WAITING

    def test_a_waiting_task_can_be_canceled(self, with_tools: Deployment) -> None:
        asking = self.ask(with_tools)
        with_tools.tasks().cancel("demo", "writer", asking.ref.task_id)
        with pytest.raises(RequestRefused):
            with_tools.answerer().answer(asking, "2026")
        assert with_tools.now_of(asking).status is Status.CANCELED

    def test_two_questions_at_once_are_asked_one_by_one(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        with_tools.model.then(
            uses(("ask_user", {"question": "One?"}), ("ask_user", {"question": "Two?"})), answer()
        )
        with_tools.work()
        with_tools.answerer().answer(with_tools.now_of(task), "1")
        with_tools.work()
        assert result_texts(with_tools) == ["1", "Ask one question at a time."]

    def test_a_question_may_have_options_and_be_answered_otherwise(self, with_tools: Deployment) -> None:
        options = ["Beijing", " Shang\nhai ", "Beijing"]
        with_tools.model.then(uses(("ask_user", {"question": "Where?", "options": options})), answer())
        task = with_tools.submit()
        with_tools.work()

        asked = with_tools.now_of(task).question
        with_tools.answerer().answer(with_tools.now_of(task), "Shenzhen")
        with_tools.work()

        assert asked is not None
        assert (asked.text, asked.options) == ("Where?", ("Beijing", "Shang hai"))
        assert asked.with_options == "Where?\n1. Beijing\n2. Shang hai"
        assert result_texts(with_tools) == ["Shenzhen"]

    @pytest.mark.parametrize(
        "options",
        ["Yes", [1, 2], ["Yes", " "], ["Yes"], ["Yes", "Yes"], list("abcdefg"), ["Yes", "N" * 101]],
    )
    def test_options_that_no_chat_could_show_are_for_the_model_to_mend(
        self, with_tools: Deployment, options: Any
    ) -> None:
        with_tools.model.then(uses(("ask_user", {"question": "?", "options": options})), answer())
        task = with_tools.submit()

        with_tools.work()

        assert result_texts(with_tools)[0].startswith("options must be ")
        assert with_tools.now_of(task).status is Status.COMPLETED


class TestOtherAgents:
    @pytest.fixture
    def team(self, with_tools: Deployment) -> Deployment:
        with_tools.registry.apply(agent("helper", system_prompt="You help."))
        with_tools.registry.put_project(
            ProjectSettings("demo", callable_agents=frozenset({"helper", "writer"}))
        )
        return with_tools

    def delegate(self, team: Deployment, *messages: str, **changes: Any) -> Task:
        """A task whose agent has called the helper with these messages."""
        task = team.submit(**changes)
        calls = [("call_agent", {"agent": "helper", "message": message}) for message in messages]
        team.model.on("Write a report.", uses(*calls), answer("Summed up."))
        team.work()
        return team.now_of(task)

    def children(self, team: Deployment) -> list[Task]:
        return [task for ref, task in team.store.tasks.items() if ref.agent_id == "helper"]

    def run_all(self, team: Deployment) -> None:
        for _ in range(20):
            if not team.queue.messages:
                return
            visible = min(message.visible_at for message in team.queue.messages)
            team.clock.advance(max(0, visible - team.clock.now()) / 1000)
            team.work()
        raise AssertionError("the queue does not become empty")

    def test_the_parent_waits_without_a_worker_and_goes_on(self, team: Deployment) -> None:
        parent = self.delegate(team, "Part one.", "Part two.")
        assert (parent.status, len(parent.awaits)) == (Status.PENDING, 2)
        assert {message.ref.agent_id for message in team.queue.messages if message.ref} == {"helper"}
        team.model.on("Part one.", answer("First part."))
        team.model.on("Part two.", answer("Second part."))
        self.run_all(team)
        ended = team.now_of(parent)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)
        assert result_texts(team) == ["First part.", "Second part."]
        assert ended.usage.turns == 4
        for child in self.children(team):
            assert (child.depth, child.deadline) == (1, parent.deadline)

    def test_a_child_that_fails_is_an_error_for_the_model(self, team: Deployment) -> None:
        self.delegate(team, "Part one.")
        team.model.on("Part one.", ModelRejected(FailureCode.EXECUTION_ERROR, "Too large."))
        self.run_all(team)
        (result,) = results(team)
        assert result["is_error"] is True
        assert "Too large." in result["content"]

    def test_a_lost_wake_up_is_found_by_the_sweeper(self, team: Deployment) -> None:
        parent = self.delegate(team, "Part one.")
        points = Failpoints()
        points.fail("store.wake", Crash("before the parent is woken"))
        with pytest.raises(Crash):
            team.work(points)
        assert self.children(team)[0].status is Status.COMPLETED
        team.queue.messages.clear()
        team.clock.advance(61)
        assert team.sweep().resent == 1
        self.run_all(team)
        assert team.now_of(parent).status is Status.COMPLETED

    def test_canceling_the_parent_cancels_its_children(self, team: Deployment) -> None:
        parent = self.delegate(team, "Part one.")
        team.tasks().cancel("demo", "writer", parent.ref.task_id)
        assert [child.status for child in self.children(team)] == [Status.CANCELED]

    @pytest.mark.parametrize("way", ["by its message", "by canceling again"])
    def test_children_of_a_canceled_task_are_canceled_though_who_canceled_it_died(
        self, team: Deployment, way: str
    ) -> None:
        parent = self.delegate(team, "Part one.")
        points = Failpoints()
        points.fail("store.finish", Crash("right after the write"), after=True)
        with pytest.raises(Crash):
            team.tasks(points).cancel("demo", "writer", parent.ref.task_id)
        assert team.now_of(parent).status is Status.CANCELED
        assert [child.status for child in self.children(team)] == [Status.PENDING]
        if way == "by its message":
            team.queue.messages[:] = [each for each in team.queue.messages if each.ref == parent.ref]
            team.clock.advance(FOLLOW_UP_SECONDS)
            team.work()
        else:
            team.tasks().cancel("demo", "writer", parent.ref.task_id)
        assert [child.status for child in self.children(team)] == [Status.CANCELED]

    def test_a_queue_that_is_out_keeps_nobody_from_canceling(self, team: Deployment) -> None:
        parent = self.delegate(team, "Part one.")
        points = Failpoints()
        points.down("queue.send", QueueUnavailable("down"))
        team.tasks(points).cancel("demo", "writer", parent.ref.task_id)
        assert [child.status for child in self.children(team)] == [Status.CANCELED]

    @pytest.mark.parametrize("point", ["queue.send", "store.release"])
    def test_canceling_a_parent_that_still_runs_cancels_its_children_too(
        self, team: Deployment, point: str
    ) -> None:
        task = team.submit()
        team.model.on("Write a report.", uses(("call_agent", {"agent": "helper", "message": "Help."})))
        points = Failpoints()
        points.before(point, lambda: team.tasks().cancel("demo", "writer", task.ref.task_id))
        team.work(points)
        assert [child.status for child in self.children(team)] == [Status.CANCELED]

    def test_a_crash_starts_no_child_twice(self, team: Deployment) -> None:
        task = team.submit()
        team.model.on(
            "Write a report.", uses(("call_agent", {"agent": "helper", "message": "Part."})), answer()
        )
        points = Failpoints()
        points.fail("store.create", Crash("after the child is stored"), after=True)
        with pytest.raises(Crash):
            team.work(points)
        team.clock.advance(46)
        team.sweep()
        self.run_all(team)
        assert len(self.children(team)) == 1
        assert team.now_of(task).status is Status.COMPLETED

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"agent": "stranger", "message": "x"}, "may not be called"),
            ({"agent": "helper", "message": " "}, "must be texts"),
            ({"agent": "helper", "message": "\u200b"}, "that are not blank"),
            ({"agent": 7, "message": "x"}, "must be texts"),
        ],
    )
    def test_calls_that_may_not_be(self, team: Deployment, arguments: dict[str, Any], problem: str) -> None:
        team.submit()
        team.model.then(uses(("call_agent", arguments)), answer())
        team.work()
        assert problem in result_texts(team)[0]
        assert not self.children(team)

    def test_an_agent_may_be_called_as_soon_as_it_is_allowed(self, team: Deployment) -> None:
        budgets = team.budgets()
        team.registry.put_project(ProjectSettings("demo"))
        assert not budgets.settings("demo").callable_agents
        team.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
        assert not budgets.settings("demo").callable_agents, "what was read is kept for a while"
        allowed = budgets.settings("demo", lambda kept: "helper" in kept.callable_agents)
        assert allowed.callable_agents == {"helper"}

    def test_a_disabled_agent_is_an_error_for_the_model(self, team: Deployment) -> None:
        team.registry.disable("helper")
        team.submit()
        team.model.then(uses(("call_agent", {"agent": "helper", "message": "x"})), answer())
        team.work()
        assert "disabled" in result_texts(team)[0]

    def test_depth_and_fan_out_are_bounded(self, team: Deployment) -> None:
        deep = team.submit()
        team.store.tasks[deep.ref] = replace(deep, depth=MAX_DEPTH)
        team.model.then(uses(("call_agent", {"agent": "helper", "message": "x"})), answer())
        team.work()
        assert "deep" in result_texts(team)[0]
        too_many = CHILDREN_BY_DEPTH[0] + 1
        self.delegate(team, *(f"Part {n}." for n in range(too_many)))
        assert len(self.children(team)) == CHILDREN_BY_DEPTH[0]

    def test_children_share_the_budget(self, team: Deployment) -> None:
        """Each has an equal part of what the starter has left, and the starter keeps one."""
        budget = Budget(Decimal("0.01"), 1_000)
        parent = self.delegate(team, *(f"Part {n}." for n in range(4)), budget=budget)
        left = Budget(Decimal("0.01") - Decimal("0.000105"), 1_000 - 15)
        shares = [child.budget for child in self.children(team)]
        assert shares == [Budget(Decimal("0.001979"), 197)] * 4
        assert sum(share.cost_usd or 0 for share in shares) * 5 <= (left.cost_usd or 0) * 4
        assert parent.usage.turns == 1
        assert parent.usage.tokens == 15, "what is reserved is not shown as used"
        self.run_all(team)
        ended = team.now_of(parent)
        assert (ended.status, ended.usage.turns, ended.usage.tokens) == (Status.COMPLETED, 6, 6 * 15)
        assert not any(entry.reserved for entry in ended.spent), "what they left is the starter's again"

    def test_a_share_is_written_down_before_its_task_is_made(self, team: Deployment) -> None:
        parent = team.submit(budget=Budget(tokens=1_000))
        call = ("call_agent", {"agent": "helper", "message": "Part."})
        team.model.on("Write a report.", uses(call), answer())
        points = Failpoints()
        points.fail("store.create", Crash("before the child is stored"))
        with pytest.raises(Crash):
            team.work(points)
        assert [entry.usage.tokens for entry in team.now_of(parent).spent if entry.reserved] == [492]
        team.clock.advance(46)
        team.sweep()
        self.run_all(team)
        (child,) = self.children(team)
        assert child.budget == Budget(tokens=492)
        assert team.now_of(parent).usage.turns == 3

    def test_a_task_with_nothing_left_starts_no_other(self, team: Deployment) -> None:
        team.submit(budget=Budget(tokens=16))
        calls = [("call_agent", {"agent": "helper", "message": "Part."})] * 2
        team.model.on("Write a report.", uses(*calls), answer())
        team.work()
        assert self.children(team) == []
        assert result_texts(team) == ["Nothing is left of this task's budget for another agent."] * 2

    def test_one_request_makes_no_more_than_144_others(self, team: Deployment) -> None:
        call = ("call_agent", {"agent": "writer", "message": "Write a report."})
        for depth, most in enumerate((16, 4, 1)):
            task = team.submit()
            team.store.tasks[task.ref] = replace(task, depth=depth)
            team.model.steps = [uses(*[call] * 17)]
            before = len(team.store.tasks)
            team.work()
            assert len(team.store.tasks) - before == most
            team.queue.messages.clear()

    def test_a_started_task_counts_as_pending_like_any_other(self, team: Deployment) -> None:
        team.registry.apply(agent("helper", max_pending_tasks=2))
        calls = [("call_agent", {"agent": "helper", "message": f"Part {n}."}) for n in range(3)]
        parent = team.submit(budget=Budget(tokens=3_000))
        team.model.on("Write a report.", uses(*calls), answer())
        team.work()
        assert len(self.children(team)) == 2
        assert sum(entry.reserved for entry in team.now_of(parent).spent) == 2, "nothing for the third"
        self.run_all(team)
        assert "maxPendingTasks" in result_texts(team)[2]
        assert team.now_of(parent).status is Status.COMPLETED

    def test_a_started_task_whose_creation_was_not_answered_is_not_refused(self, team: Deployment) -> None:
        team.registry.apply(agent("helper", max_pending_tasks=1))
        parent = team.submit()
        call = ("call_agent", {"agent": "helper", "message": "Part."})
        team.model.on("Write a report.", uses(call), answer())
        points = Failpoints()
        points.fail("store.create", StoreUnavailable("answer lost"), after=True)
        team.work(points)
        assert len(self.children(team)) == 1
        self.run_all(team)
        assert team.now_of(parent).status is Status.COMPLETED
        assert result_texts(team) == ["Done."]


class TestMoney:
    def test_a_task_over_its_budget_ends_with_what_it_has(self, with_tools: Deployment) -> None:
        task = with_tools.submit(budget=Budget(tokens=20))
        with_tools.model.then(
            uses(("Glob", {"pattern": "*"}), text="One. "),
            uses(("Glob", {"pattern": "*"}), text="Two.", prefix="b"),
            answer(),
        )
        with_tools.work()
        ended = with_tools.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.BUDGET_EXCEEDED
        assert output_of(with_tools, task) == {"result": "Two.", "partial": True}
        assert with_tools.model.bought == 2

    def test_the_last_answer_is_capped_by_what_is_left(self, with_tools: Deployment) -> None:
        cost = Budget(Decimal("0.0015"))
        task = with_tools.submit(budget=cost)
        with_tools.model.then(answer("Half", "max_tokens"))
        with_tools.work()
        assert with_tools.model.requests[0].max_tokens == 100
        ended = with_tools.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.BUDGET_EXCEEDED

    @pytest.mark.parametrize(
        ("options", "budget", "max_uses"),
        [
            ({}, Budget(Decimal("1.009")), 100),
            ({"maxUses": 3}, Budget(Decimal(1)), 3),
            ({"maxUses": 300}, Budget(Decimal(1)), 100),
            ({}, Budget(Decimal("0.001")), 1),
            ({}, Budget(tokens=1_000), None),
        ],
    )
    def test_a_request_searches_no_more_than_its_budget_pays_for(
        self, deployment: Deployment, options: dict[str, Any], budget: Budget, max_uses: int | None
    ) -> None:
        tools = ("WebFetch", "WebSearch")
        deployment.registry.apply(agent(allowed_tools=tools, tool_options={"WebSearch": options}))
        deployment.submit(budget=budget)
        deployment.work()
        fetch, search = deployment.model.requests[0].prompt.tools
        assert search.get("max_uses") == max_uses
        assert "max_uses" not in fetch

    def test_searches_use_up_the_budget(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(allowed_tools=("WebSearch",)))
        task = deployment.submit(budget=Budget(Decimal("0.05")))
        paused = replace(answer("So far.", "pause_turn"), usage=replace(USAGE, web_searches=5))
        deployment.model.then(paused, answer("never bought"))
        deployment.work()
        ended = deployment.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.BUDGET_EXCEEDED
        assert ended.usage == Usage(10, 5, turns=1, cost_usd=Decimal("0.050105"), web_searches=5)

    def test_a_cost_limit_without_a_price_is_refused_by_the_worker(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(model="claude-unknown"))
        task = deployment.submit(budget=Budget(Decimal(1)))
        deployment.work()
        ended = deployment.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.AGENT_MISCONFIGURED
        assert not deployment.model.requests

    def test_the_agents_budget_bounds_the_tasks(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(max_cost_usd=Decimal("0.5"), max_task_tokens=100))
        task = deployment.submit(budget=Budget(Decimal(2), 50))
        assert task.budget == Budget(Decimal("0.5"), 50)

    def test_a_project_stops_at_its_budget_for_the_day(self, with_tools: Deployment) -> None:
        with_tools.registry.put_project(ProjectSettings("demo", daily_tokens=15))
        first = with_tools.submit()
        second = with_tools.submit()
        with_tools.model.then(uses(("Glob", {"pattern": "*"})), answer("never bought"))
        with_tools.work()
        codes = [with_tools.now_of(task).failure for task in (first, second)]
        assert {failure.code for failure in codes if failure} == {FailureCode.BUDGET_EXCEEDED}
        with pytest.raises(RequestRefused) as refused:
            with_tools.submit()
        assert refused.value.code is ErrorCode.BUDGET_EXCEEDED
        assert refused.value.retry_after == 24 * 3600
        with_tools.clock.advance(24 * 3600)
        assert with_tools.submit().status is Status.PENDING

    def test_a_counter_that_does_not_answer_costs_no_turn(self, deployment: Deployment) -> None:
        deployment.registry.put_project(ProjectSettings("demo", daily_tokens=1_000))
        task = deployment.submit()
        points = Failpoints()
        points.down("spend.add_spend", StoreUnavailable("Throttled."))
        assert deployment.work(points) == ["message-1"], "it comes again, for the count"
        assert deployment.now_of(task).status is Status.COMPLETED
        assert deployment.spend.by_day == {}
        deployment.clock.advance(61)
        assert deployment.work() == []
        assert [usage.tokens for usage in deployment.spend.by_day.values()] == [15]
        assert deployment.model.bought == 1

    def test_a_turn_that_was_cut_off_by_a_cancel_counts_as_the_most_that_it_may_be(
        self, deployment: Deployment
    ) -> None:
        deployment.registry.put_project(ProjectSettings("demo", daily_tokens=10_000))
        task = deployment.submit()
        deployment.model.then(Partly("So f", after(deployment.clock, 100, answer())))
        points = Failpoints()
        points.before("workers.renew", lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
        deployment.work(points)
        assert deployment.now_of(task).status is Status.CANCELED
        assert deployment.now_of(task).usage.tokens == 10 + 1_000
        assert [usage.tokens for usage in deployment.spend.by_day.values()] == [10 + 1_000]

    def test_the_end_of_a_workers_time_lets_a_finished_turn_be_saved(self, with_tools: Deployment) -> None:
        task = with_tools.submit()
        glob = uses(("Glob", {"pattern": "*"}))
        with_tools.model.then(after(with_tools.clock, 9, glob), answer())
        points = Failpoints()
        for call in (1, 2):
            points.fail("records.put_record", StoreUnavailable("Throttled."), call=call)
        with_tools.work(points, seconds=30)  # of which it works for ten
        assert with_tools.now_of(task).turns == 1
        with_tools.work()
        assert with_tools.now_of(task).status is Status.COMPLETED
        assert with_tools.model.bought == 2, "and no turn is bought twice"

    def test_usage_is_told_by_attempt_and_model(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.model.then(ModelBusy("Cut off.", used=Bill((ModelCall(10, 1),))), answer())
        deployment.work()
        deployment.clock.advance(60)
        deployment.work()
        usage = deployment.shown(task)["usage"]
        assert (usage["inputTokens"], usage["outputTokens"], usage["turns"]) == (20, 6, 1)
        assert [(entry["attempt"], entry["outputTokens"]) for entry in usage["byAttempt"]] == [(1, 1), (2, 5)]
        assert [entry["model"] for entry in usage["byModel"]] == ["claude-test-1"]


class TestBatchLane:
    def test_a_worker_leaves_batch_tasks_alone(self, deployment: Deployment) -> None:
        task = deployment.submit(lane=Lane.BATCH)
        assert not deployment.queue.messages
        deployment.queue.put(TaskRef("writer", task.ref.task_id), "stray")
        deployment.work()
        assert deployment.now_of(task).status is Status.PENDING
        assert not deployment.model.requests
