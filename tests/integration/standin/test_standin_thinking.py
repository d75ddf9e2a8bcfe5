"""What thinking shows, and which of its blocks are taken back, by the real SDK."""

from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types.beta import BetaMessage

from local.standin.client import StandInClient
from tests.integration.standin.sdk import MODEL, post, replay, stream_beta, user

UPDATES_BETA = "thinking-display-updates-2026-08-18"
BINDING_BETA = "thinking-binding-controls-2026-08-01"
UPDATES = {"type": "adaptive", "display": "updates"}
DROPPING = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
QUESTION = user("[[standin: think=Hm; update=Reading the notes.; say=a; stop=pause_turn | say=Done]]")

pytestmark = pytest.mark.anyio


def thoughts(message: BetaMessage) -> list[str]:
    return [block.thinking for block in message.content if block.type == "thinking"]


@pytest.mark.parametrize(
    ("model", "display", "shown"),
    [
        ("claude-opus-5-5", None, ["", ""]),
        ("claude-opus-5-5", "omitted", ["", ""]),
        ("claude-opus-5-5", "updates", ["", "Reading the notes."]),
        ("claude-opus-5-5", "summarized", ["Hm", "Reading the notes."]),
        ("claude-opus-4-6", None, ["Hm", "Reading the notes."]),
    ],
)
async def test_thinking_shows_what_the_request_asks_for(
    claude: AsyncAnthropic, model: str, display: str | None, shown: list[str]
) -> None:
    settings = {} if display is None else {"thinking": {"type": "adaptive", "display": display}}
    message = await stream_beta(claude, QUESTION, model=model, betas=[UPDATES_BETA], **settings)

    assert thoughts(message) == shown


@pytest.mark.parametrize(
    ("model", "thinking", "beta", "problem"),
    [
        (MODEL, UPDATES, "", "thinking.adaptive.display: Input should be 'summarized' or 'omitted'"),
        ("claude-haiku-5-5", UPDATES, UPDATES_BETA, "'updates' is not supported on claude-haiku-5-5"),
        (MODEL, DROPPING, "", "thinking.adaptive.block_binding: Extra inputs are not permitted"),
        (MODEL, {"type": "sometimes"}, "", "thinking: Input tag 'sometimes'"),
        (
            MODEL,
            {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "maybe"}},
            BINDING_BETA,
            "prefix_mismatch_behavior: Input should be 'error' or 'drop_block'",
        ),
    ],
)
async def test_settings_need_their_beta_and_a_model_that_has_them(
    standin: StandInClient, model: str, thinking: dict[str, Any], beta: str, problem: str
) -> None:
    body = {"model": model, "max_tokens": 10, "messages": [QUESTION], "thinking": thinking}

    status, answer = await post(standin, body, beta)

    assert (status, problem in answer["error"]["message"]) == (400, True), answer


async def test_behind_a_changed_prefix_thinking_is_dropped_where_the_request_has_it_so(
    claude: AsyncAnthropic,
) -> None:
    first = await stream_beta(claude, QUESTION, system="Be brief.")
    changed: dict[str, Any] = {"system": "Be long.", "betas": [BINDING_BETA]}

    with pytest.raises(anthropic.BadRequestError, match="bound to a different conversation"):
        await stream_beta(claude, QUESTION, replay(first), user("Go on"), **changed)
    second = await stream_beta(claude, QUESTION, replay(first), user("Go on"), thinking=DROPPING, **changed)

    assert [entry.to_dict() for entry in second.input_transformations or []] == [
        {"type": "thinking_dropped", "path": f"messages.1.content.{n}", "reason": "prefix_binding_mismatch"}
        for n in (0, 1)
    ]


async def test_another_models_thinking_is_dropped_without_being_asked(claude: AsyncAnthropic) -> None:
    first = await stream_beta(claude, QUESTION)

    second = await stream_beta(
        claude, QUESTION, replay(first), user("Go on"), model="claude-sonnet-5-5", betas=[BINDING_BETA]
    )

    assert {entry.reason for entry in second.input_transformations or []} == {"model_binding_mismatch"}


@pytest.mark.parametrize(("model", "is_bound"), [("claude-sonnet-5-5", True), ("claude-opus-5-5", False)])
async def test_some_models_thinking_is_bound_to_the_account(
    standin: StandInClient, model: str, is_bound: bool
) -> None:
    def client(organization: str) -> AsyncAnthropic:
        return AsyncAnthropic(base_url=standin.base_url, api_key=f"sk-ant-test@{organization}")

    async with client("one") as one, client("two") as other:
        first = await stream_beta(one, QUESTION, model=model)
        second = await stream_beta(
            other, QUESTION, replay(first), user("Go on"), model=model, betas=[BINDING_BETA]
        )

    reasons = {entry.reason for entry in second.input_transformations or []}
    assert reasons == ({"organization_binding_mismatch"} if is_bound else set())


async def test_a_signature_that_is_none_is_refused_whatever_the_settings(claude: AsyncAnthropic) -> None:
    forged = {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "forged"}]}

    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        await stream_beta(claude, QUESTION, forged, user("Go on"), thinking=DROPPING, betas=[BINDING_BETA])
