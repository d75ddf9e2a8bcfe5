"""Billed usage, from the ``usage`` objects of replies (the SDK's ``BetaUsage``)."""

from collections.abc import Iterable, Mapping
from typing import Any

from a2a_tasks.domain.pricing.bill import Bill, ModelCall

_FREE_CODE_TOOLS = ("web_search_", "web_fetch_")
_CODE_TOOLS = frozenset({"code_execution", "bash_code_execution", "text_editor_code_execution"})
_ANSWERS = frozenset({"message", "fallback_message"})
"""Iterations that are included in the totals. Compaction and advisors are billed in addition."""


_BILLED_REFUSALS = frozenset({"bio", "frontier_llm", "reasoning_extraction"})


def charges_for_code(tools: Iterable[Mapping[str, Any]]) -> bool:
    """Whether code execution is billed for a request with these tools; it is free together with web search or
    web fetch (Anthropic's pricing page, "Code execution tool")."""
    return not any(tool.get("type", "").startswith(_FREE_CODE_TOOLS) for tool in tools)


def runs_code(block: Mapping[str, Any]) -> bool:
    """Whether the block is a call of code execution."""
    return block["type"] == "server_tool_use" and block.get("name") in _CODE_TOOLS


def billed(usage: Mapping[str, Any], content: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The usage without attempts that are not billed: refused before any output, unless for a reason that is
    billed (Anthropic's guide "Refusals and fallback", "How refusals are billed")."""
    hops = [block for block in content if block["type"] == "fallback"]
    reasons = {hop["from"]["model"]: (hop.get("trigger") or {}).get("category") for hop in hops}

    def is_billed(entry: Mapping[str, Any]) -> bool:
        if entry["type"] != "message" or entry.get("model") not in reasons or entry.get("output_tokens"):
            return True
        return reasons[entry["model"]] in _BILLED_REFUSALS

    iterations = usage.get("iterations")
    if not reasons or not iterations:
        return usage
    return {**usage, "iterations": [entry for entry in iterations if is_billed(entry)]}


def bill_of(usage: Mapping[str, Any], turns: int, *, code_runs: int = 0) -> Bill:
    """The bill of one reply.

    Each iteration is a call of its own: with its own model after a fallback, and its own prompt, whose length
    determines the price. If no answering iteration is listed, the totals are the one call that answered.
    """
    iterations = usage.get("iterations") or ()
    calls = [_call(entry) for entry in iterations]
    if not any(entry["type"] in _ANSWERS for entry in iterations):
        calls.append(_call(usage))
    return Bill(
        calls=tuple(call for call in calls if call.prompt_tokens or call.output_tokens),
        turns=turns,
        web_searches=(usage.get("server_tool_use") or {}).get("web_search_requests") or 0,
        code_runs=code_runs,
        geo=usage.get("inference_geo"),
    )


def _call(usage: Mapping[str, Any]) -> ModelCall:
    written = usage.get("cache_creation_input_tokens") or 0
    for_an_hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    return ModelCall(
        input_tokens=usage.get("input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
        cache_read_tokens=usage.get("cache_read_input_tokens") or 0,
        cache_write_tokens=max(0, written - for_an_hour),
        cache_write_1h_tokens=for_an_hour,
        model=usage.get("model"),
    )
