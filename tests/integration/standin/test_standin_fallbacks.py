"""Server-side fallback as the API answers it, by the real SDK."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic
from anthropic.types.beta import BetaMessage

from local.standin.client import StandInClient
from local.standin.request.fallbacks import sent_back
from tests.integration.standin.sdk import MODEL, post, stream_beta, user

BETA = "server-side-fallback-2026-07-01"

pytestmark = pytest.mark.anyio


def kinds(message: BetaMessage) -> list[str]:
    return [block.type for block in message.content]


def attempts(message: BetaMessage) -> list[tuple[str, str | None]]:
    entries = (entry.to_dict() for entry in message.usage.iterations or [])
    return [(str(entry["type"]), str(entry["model"])) for entry in entries]


async def test_before_any_output_the_fallback_answers_alone(claude: AsyncAnthropic) -> None:
    question = user("[[standin: decline=cyber; say=Hello]]")
    message = await stream_beta(claude, question, fallbacks="default", betas=[BETA])

    assert (message.model, message.stop_reason) == ("claude-opus-4-8", "end_turn")
    assert kinds(message) == ["fallback", "text"]
    assert attempts(message) == [("message", MODEL), ("fallback_message", "claude-opus-4-8")]


async def test_named_models_are_asked_in_order_until_none_is_left(claude: AsyncAnthropic) -> None:
    named: Any = [{"model": "claude-opus-4-8"}, {"model": "claude-sonnet-5"}]
    twice = user("[[standin: say=Half; decline=bio; decline; say=Rest]]")
    message = await stream_beta(claude, twice, fallbacks=named, betas=[BETA])
    assert kinds(message) == ["text", "fallback", "fallback", "text"]
    assert [model for _, model in attempts(message)] == [MODEL, "claude-opus-4-8", "claude-sonnet-5"]

    refused = await stream_beta(claude, twice, fallbacks=named[:1], betas=[BETA])
    assert (refused.stop_reason, kinds(refused)) == ("refusal", ["text", "fallback"])


async def test_without_fallbacks_a_decline_is_a_refusal(claude: AsyncAnthropic) -> None:
    message = await stream_beta(claude, user("[[standin: say=Half; decline=bio; say=Rest]]"))

    assert (message.stop_reason, kinds(message)) == ("refusal", ["text"])
    assert message.stop_details is not None
    assert message.stop_details.category == "bio"


@pytest.mark.parametrize(
    ("changes", "beta", "problem"),
    [
        ({"fallbacks": "default"}, "", "fallbacks: Extra inputs are not permitted"),
        ({"fallbacks": []}, BETA, "fallbacks: Input should be 'default' or a list of 1 to 3 models"),
        ({"fallbacks": [{"model": MODEL}]}, BETA, "fallbacks: models must differ"),
        ({"fallbacks": [{"model": "a", "system": ""}]}, BETA, "fallbacks.0.system: Extra inputs"),
        (
            {"fallbacks": [{"model": "claude-opus-4-8"}], "model": "claude-sonnet-5"},
            BETA,
            "fallbacks: not supported on claude-sonnet-5",
        ),
    ],
)
async def test_fallbacks_must_be_valid(
    standin: StandInClient, changes: dict[str, Any], beta: str, problem: str
) -> None:
    body = {"model": MODEL, "max_tokens": 10, "messages": [user("hi")]} | changes

    status, answer = await post(standin, body, beta)

    assert (status, problem in answer["error"]["message"]) == (400, True), answer


async def test_what_who_declined_has_left_is_not_taken_back(claude: AsyncAnthropic) -> None:
    question = user(
        "[[standin: think=Hm; say=Half; decline=bio; think=Ah; say=Rest; stop=pause_turn | say=Done]]"
    )
    first = await stream_beta(claude, question, fallbacks="default", betas=[BETA])
    content: Any = first.to_dict(mode="json")["content"]

    with pytest.raises(Exception, match="`thinking` before the final `fallback` block must be left out"):
        await stream_beta(claude, question, {"role": "assistant", "content": content}, betas=[BETA])
    kept: Any = {"role": "assistant", "content": sent_back(content)}
    second = await stream_beta(claude, question, kept, fallbacks="default", betas=[BETA])

    assert [block["type"] for block in kept["content"]] == ["text", "fallback", "thinking", "text"]
    assert second.stop_reason == "end_turn"
