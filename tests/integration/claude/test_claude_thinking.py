"""Thinking on the models that hide it and bind it: the real worker and SDK, against the stand-in."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.agents.model_capabilities import thinking_of
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.model import Draft
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.live_text import snapshot
from local.standin.client import StandInClient
from tests.integration.claude.claude_model import Secrets, asked, assistant, result_of, run, turn, user
from tests.integration.claude.scripted_claude import ScriptedClaude, message, running_script, text
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.worker import Worker

READ = {"name": "Read", "description": "Reads.", "input_schema": {"type": "object"}}
STEPS = '[[standin: think=Hm; update=看笔记。; tool=Read:{"file_path": "a"} | update=Counting.; say=Two.]]'


@pytest.fixture
def script() -> Iterator[ScriptedClaude]:
    with running_script() as script:
        yield script


def settings(model: str, backend: Backend = Backend.CLAUDE_API) -> dict[str, Any]:
    thinking = thinking_of(model, backend)
    return {"thinking": thinking.settings, "betas": thinking.betas}


@pytest.fixture
def reader(worker: Worker) -> Worker:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["Read"])
    return worker


def prompts_of(worker: Worker, task_id: str) -> dict[str, Any]:
    records = worker.module.executor.loop.checkpoints.records.records(task_id)
    document = payload.load(worker.account.payloads, records[0].payload)
    prompt: dict[str, Any] = json.loads(document["prompt"])
    return prompt


def test_updates_are_shown_as_progress_and_are_no_part_of_the_answer(
    reader: Worker, claude: StandInClient
) -> None:
    task = reader.accept(STEPS, live=True, agent_revision=2)
    steps: list[str | None] = []
    checkpoints = reader.module.executor.loop.checkpoints
    advance = type(checkpoints.store).advance

    def noting(store: Any, ref: Any, fence: int, change: Any) -> Any:
        steps.append(change.progress.step if change.progress else None)
        return advance(store, ref, fence, change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(checkpoints.store), "advance", noting)
        reader.work()

    assert reader.now(task).status is Status.COMPLETED
    assert reader.output(task) == {"result": "Two."}
    assert steps[0] == "看笔记。"
    sent = claude.requests(1)
    assert sent.body["thinking"]["display"] == "updates"
    assert "thinking-display-updates-2026-08-18" in sent.headers["anthropic-beta"]
    thinking = [b["thinking"] for b in sent.body["messages"][1]["content"] if b["type"] == "thinking"]
    assert thinking == ["", "看笔记。"], "sent back as it came"


def test_the_settings_are_kept_with_the_prompt_for_all_turns(
    reader: Worker, claude: StandInClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = reader.accept(STEPS, agent_revision=2)
    reader.deliver(remaining_ms=70_000)  # enough for a turn; another worker goes on
    kept = prompts_of(reader, task.ref.task_id)

    monkeypatch.setattr(
        "a2a_tasks.execution.model.prompts.thinking_of", lambda *_: pytest.fail("asked again")
    )
    reader.work()

    first, second = (claude.requests(n) for n in range(2))
    assert reader.now(task).status is Status.COMPLETED
    assert first.body["thinking"] == second.body["thinking"] == kept["thinking"]
    assert first.headers["anthropic-beta"] == second.headers["anthropic-beta"]


def test_the_draft_has_updates_apart_from_the_text(script: ScriptedClaude) -> None:
    def thought(words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        return block, [{"type": "thinking_delta", "thinking": words}]

    draft = Draft()
    script.will(message(thought(""), thought("Reading."), thought("Counting."), text("Two.")))

    turn(asked(**settings("claude-sonnet-5-5")), script.url, draft)

    assert (draft.text, draft.updates) == ("Two.", "Reading.\n\nCounting.")


def test_thinking_that_was_not_asked_for_as_updates_is_not_shown(claude: StandInClient) -> None:
    draft = Draft()

    turn(asked("[[standin: think=secret; say=a]]", model="claude-opus-4-6"), claude.base_url, draft)

    assert (draft.text, draft.updates) == ("a", "")


def test_a_changed_prefix_costs_the_thinking_and_not_the_task(claude: StandInClient) -> None:
    request = asked(STEPS, tools=[READ], **settings("claude-sonnet-5-5"))
    first = turn(request, claude.base_url)
    changed = asked(
        STEPS,
        assistant(first.content),
        user(result_of(first.tool_uses[0], "1, 2")),
        tools=[READ | {"description": "Reads files."}],
        **settings("claude-sonnet-5-5"),
    )

    second = turn(changed, claude.base_url)

    assert (second.text, second.dropped_thinking) == ("Two.", ("prefix_binding_mismatch",))


@pytest.mark.parametrize(
    ("model", "lost"),
    [("claude-sonnet-5-5", ("organization_binding_mismatch",)), ("claude-opus-5-5", ())],
)
def test_a_task_goes_on_under_the_key_of_another_organization(
    claude: StandInClient, model: str, lost: tuple[str, ...]
) -> None:
    secrets = Secrets(key="sk-ant-the-first@one")

    async def two_turns(opened: Any) -> Any:
        first = await opened.turn(asked(STEPS, model=model, tools=[READ], **settings(model)))
        secrets.key = "sk-ant-the-second@two"
        secrets.cached.clear()
        more = (assistant(first.content), user(result_of(first.tool_uses[0], "1, 2")))
        return await opened.turn(asked(STEPS, *more, model=model, tools=[READ], **settings(model)))

    second = run(two_turns, claude.base_url, secrets=secrets)

    assert (second.text, second.dropped_thinking) == ("Two.", lost)


@pytest.mark.parametrize(
    ("backend", "model"),
    [
        (Backend.CLAUDE_API, "claude-haiku-5-5"),
        (Backend.CLAUDE_ON_AWS, "claude-opus-5-5"),
        (Backend.BEDROCK, "anthropic.claude-opus-5-5"),
        (Backend.CLAUDE_API, "claude-opus-5"),
    ],
)
def test_every_backend_takes_the_settings_that_it_gets(
    claude: StandInClient, backend: Backend, model: str
) -> None:
    base_url = f"{claude.base_url}/anthropic" if backend is Backend.BEDROCK else claude.base_url

    reply = turn(asked(model=model, **settings(model, backend)), base_url, backend=backend)

    assert reply.text == "done"


def test_what_is_written_of_a_watched_task_has_the_updates(reader: Worker) -> None:
    task = reader.accept("[[standin: update=Reading.; say=Two.; delay=3]]", live=True, agent_revision=2)

    reader.work()

    seen = snapshot(reader.module.executor.live.store.chunks(task.ref.task_id))
    assert seen.updates.startswith("Rea")
    assert reader.output(task) == {"result": "Two."}
