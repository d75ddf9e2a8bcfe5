"""Message Batches of the stand-in, as the real SDK sees them."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from local.standin.client import StandInClient
from tests.integration.standin.sdk import MODEL, post, stream, text_of, user

pytestmark = pytest.mark.anyio
BATCHES = "/v1/messages/batches"


def requests_for(**prompts: str) -> list[Any]:
    return [
        {"custom_id": name, "params": {"model": MODEL, "max_tokens": 99, "messages": [user(prompt)]}}
        for name, prompt in prompts.items()
    ]


async def create(claude: AsyncAnthropic, **prompts: str) -> MessageBatch:
    return await claude.messages.batches.create(requests=requests_for(**prompts))


async def results(claude: AsyncAnthropic, batch: MessageBatch) -> dict[str, MessageBatchIndividualResponse]:
    return {line.custom_id: line async for line in await claude.messages.batches.results(batch.id)}


def answers(lines: dict[str, MessageBatchIndividualResponse]) -> dict[str, str]:
    """What became of each request: the text of its message, or else the type of its result."""
    return {
        name: text_of(line.result.message) if line.result.type == "succeeded" else line.result.type
        for name, line in lines.items()
    }


async def test_each_request_is_answered_by_its_own_directive(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    standin.hold_batches()
    batch = await create(
        claude,
        good="[[standin: say=ok]]",
        overloaded="[[standin: err=529]]",
        late="[[standin: expire]]",
        broken="[[standin: eof]]",
        unknown="[[standin: dance]]",
    )
    assert batch.processing_status == "in_progress"
    assert (batch.request_counts.processing, batch.results_url, batch.ended_at) == (5, None, None)
    assert (batch.expires_at - batch.created_at).total_seconds() == 24 * 3_600

    standin.release_batches()
    ended = await claude.messages.batches.retrieve(batch.id)
    assert (ended.processing_status, ended.ended_at is None) == ("ended", False)
    counts = ended.request_counts
    assert (counts.processing, counts.succeeded, counts.errored, counts.expired) == (0, 1, 3, 1)
    lines = await results(claude, batch)
    assert answers(lines) == {
        "good": "ok",
        "overloaded": "errored",
        "late": "expired",
        "broken": "errored",
        "unknown": "errored",
    }
    good, overloaded = lines["good"].result, lines["overloaded"].result
    assert good.type == "succeeded"
    assert (good.message.stop_reason, good.message.usage.service_tier) == ("end_turn", "batch")
    assert overloaded.type == "errored"
    assert overloaded.error.error.type == "overloaded_error"


async def test_results_come_in_an_order_of_their_own(claude: AsyncAnthropic, standin: StandInClient) -> None:
    names = [f"task-{number}" for number in range(20)]
    batch = await create(claude, **{name: f"[[standin: say={name}]]" for name in names})
    standin.release_batches()

    lines = await results(claude, batch)
    assert sorted(lines) == sorted(names)
    assert list(lines) != names
    assert answers(lines) == {name: name for name in names}


async def test_a_batch_ends_after_the_time_it_was_told(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    usual = await create(claude, a="[[standin: say=ok]]")
    standin.end_batches_after(0)
    at_once = await create(claude, a="[[standin: say=ok]]")
    slow = await create(claude, a="[[standin: say=ok; delay=60]]")

    batches = [await claude.messages.batches.retrieve(batch.id) for batch in (usual, at_once, slow)]
    assert [batch.processing_status for batch in batches] == ["in_progress", "ended", "in_progress"]
    with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
        await claude.messages.batches.results(usual.id)


async def test_cancelling_spares_what_is_already_processed(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    standin.hold_batches()
    batch = await create(claude, done="[[standin: say=ok; delay=0]]", open="[[standin: say=never]]")
    canceling = await claude.messages.batches.cancel(batch.id)
    assert (canceling.processing_status, canceling.cancel_initiated_at is None) == ("canceling", False)
    assert (await claude.messages.batches.cancel(batch.id)).processing_status == "canceling"

    standin.release_batches()
    ended = await claude.messages.batches.retrieve(batch.id)
    assert (ended.request_counts.succeeded, ended.request_counts.canceled) == (1, 1)
    assert answers(await results(claude, batch)) == {"done": "ok", "open": "canceled"}
    assert [call.custom_id for call in standin.calls()] == ["done"]
    with pytest.raises(anthropic.BadRequestError, match="has ended"):
        await claude.messages.batches.cancel(batch.id)


async def test_a_canceled_batch_that_is_not_held_ends_by_itself(claude: AsyncAnthropic) -> None:
    batch = await create(claude, a="[[standin: say=never]]")

    assert (await claude.messages.batches.cancel(batch.id)).processing_status == "canceling"
    assert (await claude.messages.batches.retrieve(batch.id)).processing_status == "ended"


async def test_batches_are_listed_newest_first_in_pages(claude: AsyncAnthropic) -> None:
    created = [(await create(claude, a="[[standin: say=ok]]")).id for _ in range(5)]
    newest_first = list(reversed(created))

    page = await claude.messages.batches.list(limit=2)
    assert ([batch.id for batch in page.data], page.has_more) == (newest_first[:2], True)
    assert [batch.id async for batch in claude.messages.batches.list(limit=2)] == newest_first
    newer = await claude.messages.batches.list(before_id=created[1], limit=2)
    assert ([batch.id for batch in newer.data], newer.has_more) == ([created[3], created[2]], True)
    with pytest.raises(anthropic.BadRequestError, match="limit"):
        await claude.messages.batches.list(limit=0)
    with pytest.raises(anthropic.BadRequestError, match="after_id"):
        await claude.messages.batches.list(after_id="msgbatch_none")


async def test_only_a_batch_that_has_ended_can_be_deleted(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    batch = await create(claude, a="[[standin: say=ok]]")
    with pytest.raises(anthropic.BadRequestError, match="before it has ended"):
        await claude.messages.batches.delete(batch.id)
    standin.release_batches()

    assert (await claude.messages.batches.delete(batch.id)).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        await claude.messages.batches.retrieve(batch.id)
    assert [record.is_deleted for record in standin.batches()] == [True]


async def test_a_batch_whose_answer_is_lost_exists_all_the_same(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    standin.lose_next_batch_answer()
    with pytest.raises(anthropic.APIConnectionError):
        await create(claude, first="[[standin: say=ok]]")
    second = await create(claude, second="[[standin: say=ok]]")

    listed = [batch.id async for batch in claude.messages.batches.list()]
    assert len(listed) == 2
    assert listed[0] == second.id
    assert [(record.custom_ids, record.is_answered, record.status) for record in standin.batches()] == [
        (["first"], False, "in_progress"),
        (["second"], True, "in_progress"),
    ]


async def test_creations_are_refused_as_told(claude: AsyncAnthropic, standin: StandInClient) -> None:
    standin.refuse_batches(400, "poison")
    with pytest.raises(anthropic.BadRequestError):
        await create(claude, first="hello", second="poison")
    await create(claude, first="hello")
    standin.refuse_batches(402)
    with pytest.raises(anthropic.APIStatusError, match="credit balance"):
        await create(claude, first="hello")
    standin.accept_batches()
    await create(claude, first="poison")

    assert [record.custom_ids for record in standin.batches()] == [["first"], ["first"]]


async def test_a_step_is_used_up_by_a_batch_as_by_a_call(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    prompt = "[[standin: err=529 | expire | say=third]]"
    standin.end_batches_after(0)
    outcomes = [answers(await results(claude, await create(claude, a=prompt)))["a"] for _ in range(2)]

    assert outcomes == ["errored", "expired"]
    assert text_of(await stream(claude, user(prompt))) == "third"
    assert [(call.step, call.outcome, call.custom_id) for call in standin.calls()] == [
        (1, "error 529", "a"),
        (2, "expired", "a"),
        (3, "completed", None),
    ]
    assert standin.concurrency().max_open == 1
    assert standin.requests(0).body["messages"] == [user(prompt)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"custom_id": "a b"}, "requests.1.custom_id: String should match pattern"),
        ({"custom_id": ""}, "requests.1.custom_id: String should match pattern"),
        ({"custom_id": "x" * 65}, "requests.1.custom_id: String should have at most 64 characters"),
        ({"custom_id": "a"}, "requests.1.custom_id: 'a' is not unique within the batch"),
        ({"custom_id": None}, "requests.1.custom_id: Field required"),
        ({"params": None}, "requests.1.params: Field required"),
    ],
)
async def test_a_batch_that_the_api_would_refuse_is_refused(
    standin: StandInClient, changes: dict[str, Any], message: str
) -> None:
    first, second = requests_for(a="[[standin: say=ok]]", b="[[standin: say=ok]]")
    status, refused = await post(standin, {"requests": [first, second | changes]}, path=BATCHES)

    assert status == 400
    assert message in refused["error"]["message"]
    assert standin.batches() == []


async def test_wrong_parameters_show_in_the_result_of_their_request(
    claude: AsyncAnthropic, standin: StandInClient
) -> None:
    good, hot, streaming, beta = requests_for(
        good="[[standin: say=ok]]", hot="hi", streaming="hi", beta="[[standin: say=managed]]"
    )
    hot["params"]["temperature"] = 1
    streaming["params"]["stream"] = True
    beta["params"]["context_management"] = {"edits": []}
    standin.end_batches_after(0)
    batch = await claude.messages.batches.create(requests=[good, hot, streaming, beta])
    with_beta = await claude.beta.messages.batches.create(
        requests=[beta], betas=["context-management-2025-06-27"]
    )

    assert answers(await results(claude, batch)) == {
        "good": "ok",
        "hot": "errored",
        "streaming": "errored",
        "beta": "errored",
    }
    assert answers(await results(claude, with_beta))["beta"] == "managed"  # type: ignore[arg-type]


async def test_results_are_json_lines(claude: AsyncAnthropic, standin: StandInClient) -> None:
    standin.end_batches_after(0)
    created = await create(claude, a="[[standin: say=ok]]", b="[[standin: say=ok]]")
    batch = await claude.messages.batches.retrieve(created.id)
    assert batch.results_url is not None
    async with httpx2.AsyncClient(headers={"authorization": "Bearer sk-ant-test"}) as client:
        answer = await client.get(batch.results_url)

    assert answer.headers["content-type"] == "application/x-jsonl"
    assert {json.loads(line)["custom_id"] for line in answer.text.splitlines()} == {"a", "b"}
