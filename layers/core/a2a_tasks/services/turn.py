"""A turn of the model: what it is asked for a task, and what an answer means that is not a complete one."""

import json
from collections.abc import Mapping
from typing import Any

from a2a_tasks.domain.agent import AgentRevision
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.ports.model import ModelReply, ModelRequest

COMPLETE_STOPS = frozenset({"end_turn", "stop_sequence"})
TRUNCATED_STOPS = frozenset({"max_tokens", "model_context_window_exceeded"})


def to_request(agent: AgentRevision, model: str, document: Mapping[str, Any]) -> ModelRequest:
    """The request for a task's input ``{"message", "context"?}``; the context comes first, marked as such."""
    blocks = [{"type": "text", "text": document["message"]}]
    if context := document.get("context"):
        text = json.dumps(context, ensure_ascii=False, indent=1)
        blocks.insert(0, {"type": "text", "text": f"<context>\n{text}\n</context>"})
    messages = [{"role": "user", "content": blocks}]
    return ModelRequest(model, agent.system_prompt, messages, agent.max_tokens)


def failure_of(reply: ModelReply) -> Failure:
    """The failure that an answer means which is not a complete one."""
    if reply.stop_reason in TRUNCATED_STOPS:
        return Failure(
            FailureCode.OUTPUT_TRUNCATED,
            "The answer was cut off at a limit of the model; raise the agent's maxTokens or ask for less.",
        )
    if reply.stop_reason == "refusal":
        category = f" (category: {reply.refusal_category})" if reply.refusal_category else ""
        return Failure(FailureCode.MODEL_REFUSED, f"The model declined to answer{category}.")
    return Failure(
        FailureCode.EXECUTION_ERROR, f"The model stopped for an unknown reason: {reply.stop_reason}."
    )
