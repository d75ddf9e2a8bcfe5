"""Models that stand in: the real worker and SDK, against the stand-in."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.agents.model_capabilities import FALLBACK_BETA, thinking_of
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import by_model
from a2a_tasks.ports.model import ModelRequest
from local.standin.client import StandInClient
from tests.integration.claude.claude_model import asked, assistant, result_of, turn, user
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.stored_task import new_task
from tests.integration.support.worker import Worker

SONNET, OPUS, OPUS_4_8 = "claude-sonnet-5-5", "claude-opus-5-5", "claude-opus-4-8"
READ = {"name": "Read", "description": "Reads.", "input_schema": {"type": "object"}}


def agent_of(worker: Worker, fallbacks: dict[str, Any], **changes: Any) -> None:
    worker.account.add_agent(AGENT, PROJECT, fallbacks=fallbacks, **changes)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr("a2a_tasks.execution.model.pacing.Pacing.seconds_to_wait", lambda *_: 0)
    monkeypatch.setattr("a2a_tasks.execution.outcomes.SWITCH_SECONDS", 0)


def worked(worker: Worker, message: str, **changes: Any) -> Task:
    task = worker.accept(message, agent_revision=2, **changes)
    worker.work()
    return worker.now(task)


def request(steps: str, *more: dict[str, Any], fallbacks: Any = "default") -> ModelRequest:
    thinking = thinking_of(SONNET, Backend.CLAUDE_API)
    betas = [*thinking.betas, FALLBACK_BETA]
    text = f"[[standin: {steps}]]"
    return asked(text, *more, tools=[READ], thinking=thinking.settings, betas=betas, fallbacks=fallbacks)


def test_after_a_refusal_another_model_answers_and_is_billed(worker: Worker, claude: StandInClient) -> None:
    agent_of(worker, {"onRefusal": [OPUS_4_8]})

    done = worked(worker, "[[standin: say=Half. ; decline=bio; say=Rest.]]")

    assert (done.status, done.failure) == (Status.COMPLETED, None)
    assert worker.output(done) == {"result": "Half.Rest."}
    used = {entry.model: entry.usage for entry in done.spent}
    assert (used[SONNET].turns, used[OPUS_4_8].turns) == (0, 1)
    assert used[SONNET].output_tokens > 0
    sent = claude.requests(0)
    assert sent.body["fallbacks"] == [{"model": OPUS_4_8}]
    assert FALLBACK_BETA in sent.headers["anthropic-beta"]


@pytest.mark.parametrize(("category", "is_billed"), [("cyber", False), ("", False), ("frontier_llm", True)])
def test_a_refusal_before_any_output_is_billed_for_some_reasons(
    claude: StandInClient, category: str, is_billed: bool
) -> None:
    reply = turn(request(f"decline={category}; say=Hello"), claude.base_url)

    models = [call.model for call in reply.usage.calls]
    assert models == ([SONNET, OPUS_4_8] if is_billed else [OPUS_4_8])
    assert (reply.text, reply.content[0]["type"]) == ("Hello", "fallback")


def test_where_everybody_refuses_the_task_is_refused(worker: Worker) -> None:
    agent_of(worker, {"onRefusal": [OPUS_4_8]})

    done = worked(worker, "[[standin: decline=bio; decline=cyber; say=Rest]]")

    assert done.failure is not None
    assert done.failure.code is FailureCode.MODEL_REFUSED
    assert "category: cyber" in done.failure.message


def test_a_turn_that_was_taken_over_goes_back_as_the_api_wants_it(claude: StandInClient) -> None:
    steps = (
        'think=Hm; say=Half. ; tool=Read:{"file_path": "lost"}; decline=bio; update=Reading.; '
        'tool=Read:{"file_path": "a"} | say=Done.'
    )
    first = turn(request(steps), claude.base_url)
    answered = user(result_of(first.tool_uses[0], "1"))

    second = turn(request(steps, assistant(first.content), answered), claude.base_url)

    assert [block["type"] for block in first.content] == ["text", "fallback", "thinking", "tool_use"]
    assert [call["input"] for call in first.tool_uses] == [{"file_path": "a"}]
    assert (second.text, second.dropped_thinking) == ("Done.", ("model_binding_mismatch",))


def test_a_turn_of_a_stand_in_is_told(worker: Worker) -> None:
    agent_of(worker, {"onRefusal": "default"}, allowedTools=["Read"])

    done = worked(worker, '[[standin: decline=cyber; tool=Read:{"file_path": "a"} | say=Done.]]')

    assert done.status is Status.COMPLETED
    turns = [dict(event.details) for event in done.events if event.type == "turn"]
    assert turns == [{"turn": 1, "tools": ["Read"], "model": OPUS_4_8}]


def test_an_overloaded_model_is_followed_by_the_next_in_mid_task(
    worker: Worker,
    claude: StandInClient,
    impatient: None,  # noqa: ARG001
) -> None:
    agent_of(worker, {"onOverload": ["opus"]}, allowedTools=["Read"])
    steps = 'think=Hm; tool=Read:{"file_path": "a"} | err=529 | sse_err=overloaded_error | say=Done.'

    done = worked(worker, f"[[standin: {steps}]]", max_attempts=5)

    assert (done.status, worker.output(done)) == (Status.COMPLETED, {"result": "Done."})
    assert [call.model for call in claude.calls()] == [SONNET, SONNET, SONNET, OPUS]
    before, after = (claude.requests(number).body for number in (2, 3))
    assert before["messages"] == after["messages"]
    assert {model: used.turns for model, used in by_model(done.spent).items()} == {SONNET: 1, OPUS: 1}
    assert (done.attempt, done.model, done.overloads) == (1, OPUS, 0)


def test_a_limit_of_the_account_is_no_overload(
    worker: Worker,
    claude: StandInClient,
    impatient: None,  # noqa: ARG001
) -> None:
    agent_of(worker, {"onOverload": ["opus"]})

    done = worked(worker, "[[standin: err=429; repeat=3 | say=Done.]]", max_attempts=5)

    assert done.status is Status.COMPLETED
    assert {call.model for call in claude.calls()} == {SONNET}


@pytest.mark.parametrize(
    ("backend", "model"), [(Backend.CLAUDE_ON_AWS, SONNET), (Backend.CLAUDE_API, "claude-sonnet-5")]
)
def test_fallbacks_are_asked_for_where_they_are(worker: Worker, backend: Backend, model: str) -> None:
    agent_of(worker, {"onRefusal": "default"}, model=model)
    agent = worker.account.registry.agent(AGENT)
    assert agent is not None
    prompts = replace(worker.module.executor.loop.prompts, backend=backend)

    prompt = prompts.of(new_task(0, model=model), agent)

    assert (prompt.fallbacks, FALLBACK_BETA in prompt.betas) == (None, False)
