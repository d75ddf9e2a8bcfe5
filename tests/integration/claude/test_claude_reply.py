"""What comes back from a turn: exactly what may be sent back, whatever blocks the API invents."""

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.pricing.table import TABLE
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import Draft, ModelBusy, ModelRejected, ModelReply
from tests.integration.claude.claude_model import Opened, asked, assistant, result_of, run, turn, user
from tests.integration.claude.scripted_claude import (
    Answer,
    ScriptedClaude,
    message,
    running_script,
    stream,
    text,
)


@pytest.fixture
def script() -> Iterator[ScriptedClaude]:
    with running_script() as running:
        yield running


type Sent = tuple[dict[str, Any], list[dict[str, Any]]]


def json_pieces(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def answered(script: ScriptedClaude, *blocks: Sent, **end: Any) -> ModelReply:
    script.will(message(*blocks, **end))
    return turn(asked(), script.url)


WHOLE_BLOCKS: list[dict[str, Any]] = [
    {"type": "redacted_thinking", "data": "ErUB"},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "caller": {"type": "direct"},
        "content": [
            {
                "type": "web_search_result",
                "url": "u",
                "title": "t",
                "encrypted_content": "e",
                "page_age": None,
            }
        ],
    },
    {
        "type": "web_fetch_tool_result",
        "tool_use_id": "srvtoolu_2",
        "content": {
            "type": "web_fetch_result",
            "url": "https://example.com",
            "retrieved_at": "2026-11-01T00:00:00Z",
            "content": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "页"},
                "title": None,
            },
        },
    },
    {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_3",
        "content": {
            "type": "bash_code_execution_result",
            "stdout": "1\n",
            "stderr": "",
            "return_code": 0,
            "content": [],
        },
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_4",
        "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
    },
    {
        "type": "mcp_tool_result",
        "tool_use_id": "mcptoolu_1",
        "is_error": False,
        "content": [{"type": "text", "text": "found", "annotations": {"audience": ["user"]}}],
    },
    {
        "type": "mcp_tool_listing",
        "mcp_server_name": "wiki",
        "tools": [{"name": "search", "description": "d", "input_schema": {"type": "object", "b": 1, "a": 2}}],
    },
    {"type": "container_upload", "file_id": "file_1"},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_5",
        "content": [{"type": "of 2027", "z": 0.5}],
    },
    {"type": "block_of_2027", "b": None, "a": [1, {"x": True}]},
]


@pytest.mark.parametrize("block", WHOLE_BLOCKS, ids=lambda block: block["type"])
def test_a_block_that_comes_whole_comes_back_as_it_was_sent(
    script: ScriptedClaude, block: dict[str, Any]
) -> None:
    assert json.dumps(answered(script, (block, [])).content) == json.dumps([block])


def test_thinking_keeps_its_signature(script: ScriptedClaude) -> None:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    deltas: list[dict[str, Any]] = [
        {"type": "thinking_delta", "thinking": "Let me", "estimated_tokens": None},
        {"type": "thinking_delta", "thinking": " see.", "estimated_tokens": 3},
        {"type": "signature_delta", "signature": "EqQB"},
    ]

    reply = answered(script, (block, deltas), text("Yes."))

    assert reply.content[0] == {"type": "thinking", "thinking": "Let me see.", "signature": "EqQB"}
    assert reply.text == "Yes."


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use", "tool_use_of_2027"])
def test_a_tool_calls_input_is_put_together(script: ScriptedClaude, kind: str) -> None:
    block = {"type": kind, "id": "toolu_1", "name": "Write", "input": {}, "caller": {"type": "direct"}}
    pieces = json_pieces("", '{"z": 1.5, "a": [12345678901', '234567890, "\\u6d4b', '"], "n": null}')

    (content,) = answered(script, (block, pieces), stop_reason="tool_use").content

    assert content == block | {"input": {"z": 1.5, "a": [12345678901234567890, "测"], "n": None}}
    assert list(content["input"]) == ["z", "a", "n"]


def test_a_tool_call_without_input_has_an_empty_one(script: ScriptedClaude) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "TodoRead", "input": {}}

    assert answered(script, (block, json_pieces("")), stop_reason="tool_use").tool_uses == [block]


def test_deltas_of_a_later_kind_are_not_lost(script: ScriptedClaude) -> None:
    block = {"type": "image_of_2027", "data": ""}
    deltas: list[dict[str, Any]] = [
        {"type": "image_delta", "data": "AAAA", "width": 3},
        {"type": "text_delta", "text": "x"},
    ]

    reply = answered(script, (block, deltas))

    assert reply.content == [{"type": "image_of_2027", "data": "AAAA", "width": 3, "text": "x"}]


def test_events_of_a_later_kind_are_passed_over(script: ScriptedClaude) -> None:
    usage = {"input_tokens": 3, "output_tokens": 1}
    start = {"type": "message", "id": "m", "role": "assistant", "model": "m", "content": [], "usage": usage}
    script.will(
        stream(
            {"type": "message_start", "message": start},
            {"type": "event_of_2027", "index": 9},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        )
    )

    reply = turn(asked(), script.url)

    assert (reply.content, reply.text, reply.stop_reason) == ([], "", "end_turn")
    assert reply.usage == Bill((ModelCall(3, 2),), turns=1)


def test_compaction_comes_back_without_fields_that_were_not_sent(script: ScriptedClaude) -> None:
    block = {"type": "compaction", "content": None, "signature": "S"}

    reply = answered(script, (block, [{"type": "compaction_delta", "content": "So far: …"}]), text("Go on."))

    assert reply.content[0] == {"type": "compaction", "content": "So far: …", "signature": "S"}


def test_citations_come_back_without_what_the_api_refuses(script: ScriptedClaude) -> None:
    citation = {"type": "char_location", "cited_text": "c", "document_index": 0, "document_title": None}
    citation |= {"start_char_index": 0, "end_char_index": 1}
    found = {"type": "web_search_result_location", "url": "u", "title": None, "encrypted_index": "i"}
    found |= {"cited_text": "c"}
    block, deltas = text("As", " said")
    deltas[1:1] = [
        {"type": "citations_delta", "citation": citation | {"file_id": None}},
        {"type": "citations_delta", "citation": found},
    ]

    reply = answered(script, (block | {"citations": []}, deltas))

    assert reply.content == [{"type": "text", "text": "As said", "citations": [citation, found]}]


def test_text_blocks_without_text_are_left_out(script: ScriptedClaude) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}

    reply = answered(
        script, text(), text("\n\n"), (call, json_pieces('{"path": "a"}')), stop_reason="tool_use"
    )

    assert [block["type"] for block in reply.content] == ["tool_use"]


def test_the_text_is_all_text_in_order(script: ScriptedClaude) -> None:
    block = {"type": "thinking", "thinking": "hidden", "signature": "S"}

    reply = answered(script, text("One, ", "two"), (block, []), text(", three."))

    assert reply.text == "One, two, three."


def test_what_ends_a_turn_is_handed_on(script: ScriptedClaude) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    container = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}

    reply = answered(script, text("No."), stop_reason="refusal", stop_details=details, container=container)

    assert (reply.stop_reason, reply.refusal_category, reply.container) == ("refusal", "cyber", "container_1")


def test_a_stop_reason_of_a_later_kind_is_handed_on(script: ScriptedClaude) -> None:
    reply = answered(script, text("Hm."), stop_reason="reason_of_2027")

    assert (reply.stop_reason, reply.refusal_category, reply.container) == ("reason_of_2027", None, None)


def test_a_call_that_was_cut_off_by_max_tokens_is_no_call(script: ScriptedClaude) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {}}

    reply = answered(
        script,
        text("Writing."),
        (call, json_pieces('{"path": "a", "content": "hal')),
        stop_reason="max_tokens",
    )

    assert reply.tool_uses == []
    assert reply.content == [{"type": "text", "text": "Writing."}]


@pytest.mark.parametrize("given", ['{"path": "a"', "[1]", '{"path": a}'])
@pytest.mark.parametrize("stop_reason", ["tool_use", "pause_turn"])
def test_a_call_whose_input_cannot_be_read_is_bought_again(
    script: ScriptedClaude, given: str, stop_reason: str
) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Write", "input": {}}
    script.will(message((call, json_pieces(given)), stop_reason=stop_reason))

    with pytest.raises(ModelBusy, match="not a JSON object") as raised:
        turn(asked(), script.url)

    assert raised.value.used == Bill((ModelCall(7, 5),))


@pytest.mark.parametrize("levels", [40, 9_000, 100_000])
def test_a_call_with_input_beyond_the_limits_is_not_bought_again(script: ScriptedClaude, levels: int) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "save_artifact", "input": {}}
    given = f'{{"data": {"[" * levels}{"]" * levels}}}'
    script.will(message((call, json_pieces(given)), stop_reason="tool_use"))
    draft = Draft()

    with pytest.raises(ModelRejected, match="answer is nested more than 32 levels deep"):
        turn(asked(), script.url, draft)

    assert draft.usage == Bill((ModelCall(7, 5),)), "it is counted"


def test_what_a_server_tool_has_found_has_the_same_limits(script: ScriptedClaude) -> None:
    deep = json.loads("[" * 40 + "]" * 40)
    block = {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": False, "content": deep}
    script.will(message((block, []), text("Done.")))

    with pytest.raises(ModelRejected, match="answer is nested more than 32 levels deep"):
        turn(asked(), script.url)


def test_the_same_content_twice_is_the_same_bytes(script: ScriptedClaude) -> None:
    blocks: list[Sent] = [(block, []) for block in WHOLE_BLOCKS]
    script.will(message(*blocks, text("Done.")))

    first, second = (turn(asked(), script.url).content for _ in range(2))

    assert json.dumps(first) == json.dumps(second)
    assert json.dumps(json.loads(json.dumps(first))) == json.dumps(first)


def test_a_reply_is_sent_back_byte_for_byte(script: ScriptedClaude) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "S"}
    script.will(message((thinking, []), (call, json_pieces('{"b": 1, "a": 2.0}')), stop_reason="tool_use"))

    async def two_turns(opened: Opened) -> ModelReply:
        reply = await opened.turn(asked())
        result = result_of(reply.tool_uses[0], "file")
        await opened.turn(asked("[[standin: say=done]]", assistant(reply.content), user(result)))
        return reply

    reply = run(two_turns, script.url)

    sent = script.requests[1][2]["messages"][1]["content"]
    assert json.dumps(sent) == json.dumps(reply.content)


def test_a_request_is_left_as_it_was(script: ScriptedClaude) -> None:
    script.will(message(text("Done.")))
    request = asked("Hello", tools=[{"name": "Read", "input_schema": {"type": "object"}}])
    before = copy.deepcopy(request)

    turn(request, script.url)

    assert request == before


def test_usage_is_the_last_that_was_said_of_each_kind(script: ScriptedClaude) -> None:
    usage = {
        "input_tokens": 11,
        "cache_creation_input_tokens": 200,
        "cache_read_input_tokens": 3_000,
        "output_tokens": 40,
        "server_tool_use": {"web_search_requests": 2},
    }

    assert answered(script, text("Done."), usage=usage).usage == Bill((ModelCall(11, 40, 3_000, 200),), 1, 2)


def test_summaries_of_compaction_are_billed_beside_the_totals(script: ScriptedClaude) -> None:
    counts = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    iterations = [
        counts | {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
        counts | {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
    ]
    usage = {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": iterations}

    calls = (ModelCall(180_000, 3_500), ModelCall(23_000, 1_000))
    assert answered(script, text("Done."), usage=usage).usage == Bill(calls, turns=1)


def test_searches_are_paid_for(script: ScriptedClaude) -> None:
    """500 searches once cost as much as the handful of tokens beside them."""
    usage = {"output_tokens": 40, "server_tool_use": {"web_search_requests": 500, "web_fetch_requests": 9}}

    bill = answered(script, text("Done."), usage=usage).usage

    used = TABLE.usage_of(bill, "claude-opus-5-5")["claude-opus-5-5"]
    assert used == Usage(7, 40, turns=1, web_searches=500, cost_usd=Decimal("5.000828"))


def test_cache_writes_are_told_apart_by_how_long_they_last(script: ScriptedClaude) -> None:
    usage = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 2,
        "inference_geo": "us",
    }

    bill = answered(script, text("Done."), usage=usage).usage

    call = ModelCall(1, 2, cache_write_tokens=200, cache_write_1h_tokens=300)
    assert bill == Bill((call,), turns=1, geo="us")


@pytest.mark.parametrize(
    ("entries", "calls"),
    [
        # a server tool's loop: the totals beside it are their sum
        (["message", "message"], [ModelCall(100, 10, model="m"), ModelCall(100, 10, model="m")]),
        (["message", "fallback_message"], [ModelCall(100, 10, model="m"), ModelCall(100, 10, model="m")]),
        # what the totals leave out
        (["advisor_message"], [ModelCall(100, 10, model="m"), ModelCall(200, 20)]),
        ([], [ModelCall(200, 20)]),
    ],
)
def test_each_iteration_is_a_call_of_its_model(
    script: ScriptedClaude, entries: list[str], calls: list[ModelCall]
) -> None:
    counts = {"input_tokens": 100, "output_tokens": 10, "model": "m"}
    iterations = [counts | {"type": entry} for entry in entries]
    usage = {"input_tokens": 200, "output_tokens": 20, "iterations": iterations}

    assert answered(script, text("Done."), usage=usage).usage == Bill(tuple(calls), turns=1)


CODE = {"type": "code_execution_20260521", "name": "code_execution"}
SEARCH = {"type": "web_search_20260318", "name": "web_search"}


@pytest.mark.parametrize(
    ("tools", "name", "code_runs"),
    [
        ([CODE], "code_execution", 1),
        ([CODE], "bash_code_execution", 1),
        ([CODE], "tool_search_tool_bm25", 0),
        ([CODE, SEARCH], "code_execution", 0),  # free beside web search
    ],
)
def test_code_that_runs_is_paid_for(
    script: ScriptedClaude, tools: list[dict[str, Any]], name: str, code_runs: int
) -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": name, "input": {}}
    script.will(message((call, []), (call, []), text("Done.")))

    assert turn(asked(tools=tools), script.url).usage.code_runs == code_runs


def test_the_draft_is_the_turn_so_far(script: ScriptedClaude) -> None:
    draft = Draft()
    script.will(message(text("Half of ", "it"), stop_reason=None))

    with pytest.raises(ModelBusy, match="cut off") as raised:
        turn(asked(), script.url, draft)

    assert draft == Draft("Half of it", Bill((ModelCall(7, 1),)))
    assert raised.value.used == draft.usage


def test_the_finished_draft_has_the_replys_text(script: ScriptedClaude) -> None:
    draft = Draft()
    script.will(message(text("One, "), text("two.")))

    reply = turn(asked(), script.url, draft)

    assert (draft.text, reply.text) == ("One, two.", "One, two.")
    assert draft.usage == Bill((ModelCall(7, 5),))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome to the hotel's network</html>",
        b'event: message_start\ndata: {"type": "message_st\n\n',
    ],
)
def test_what_is_no_answer_at_all_is_asked_for_again(script: ScriptedClaude, body: bytes) -> None:
    script.will(Answer(body, headers={"content-type": "text/event-stream"}))

    with pytest.raises(ModelBusy, match=r"cut off|cannot be read"):
        turn(asked(), script.url)
