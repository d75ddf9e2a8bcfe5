"""What is asked of which model, and where."""

import pytest

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.agents.model_capabilities import (
    BINDING_BETA,
    UPDATES_BETA,
    ModelCapability,
    Thinking,
    has,
    thinking_of,
)
from a2a_tasks.ports.model import Prompt, updates_in

DROPPED = {"prefix_mismatch_behavior": "drop_block"}


@pytest.mark.parametrize(
    ("model", "settings", "betas"),
    [
        (
            "claude-sonnet-5-5",
            {"type": "adaptive", "display": "updates", "block_binding": DROPPED},
            [UPDATES_BETA, BINDING_BETA],
        ),
        ("claude-haiku-5-5", {"type": "adaptive", "block_binding": DROPPED}, [BINDING_BETA]),
        ("claude-fable-5", {"type": "adaptive", "display": "updates"}, [UPDATES_BETA]),
        ("claude-opus-5", None, []),
        ("claude-opus-5-20260701", None, []),
        ("claude-haiku-4-5", None, []),
        ("gpt-6", None, []),
    ],
)
def test_a_request_asks_for_what_its_model_has(
    model: str, settings: dict[str, object] | None, betas: list[str]
) -> None:
    assert thinking_of(model, Backend.CLAUDE_API) == Thinking(settings, betas)
    assert thinking_of(model, Backend.CLAUDE_ON_AWS) == Thinking(settings, betas)
    assert thinking_of(f"anthropic.{model}", Backend.BEDROCK) == Thinking()


def test_the_longest_beginning_of_an_id_decides() -> None:
    assert has(ModelCapability.UPDATES, "claude-opus-5-5-20260901", Backend.CLAUDE_API)
    assert not has(ModelCapability.UPDATES, "claude-opus-50", Backend.CLAUDE_API)


def test_only_anthropics_own_api_asks_another_model_after_a_refusal() -> None:
    serving = [backend for backend in Backend if has(ModelCapability.FALLBACKS, "claude-opus-5", backend)]

    assert serving == [Backend.CLAUDE_API]


def test_a_prompt_that_an_earlier_release_kept_asks_for_nothing() -> None:
    kept = '{"model":"claude-sonnet-5-5","system":"","tools":[],"mcp_servers":[],"effort":null}'

    prompt = Prompt.from_json(kept)

    assert (prompt.thinking, prompt.betas, prompt.shows_updates, prompt.drops_thinking) == (
        None,
        [],
        False,
        False,
    )


def test_updates_are_the_thinking_that_has_a_text() -> None:
    content = [
        {"type": "thinking", "thinking": "", "signature": "S"},
        {"type": "thinking", "thinking": "Reading.\n", "signature": "S"},
        {"type": "text", "text": "The answer."},
        {"type": "thinking", "thinking": "Counting.", "signature": "S"},
        {"type": "redacted_thinking", "data": "D"},
    ]

    assert updates_in(content) == "Reading.\n\nCounting."
