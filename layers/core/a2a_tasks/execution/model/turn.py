"""One turn of the model: its request, and the meaning of its reply."""

from collections.abc import Mapping
from typing import Any

from a2a_tasks.access.cost_limits import OVER_BUDGET
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.errors import Failure, FailureCode, RequestRefused
from a2a_tasks.execution.model import structured
from a2a_tasks.execution.results import Failed, Finished
from a2a_tasks.ports.model import ModelReply
from a2a_tasks.tasks import content

COMPLETE_STOPS = frozenset({"end_turn", "stop_sequence"})
CONTINUED_STOPS = frozenset({"tool_use", "pause_turn", "compaction"})
"""The conversation continues, with tool results or with the same request again."""
TRUNCATED_STOPS = frozenset({"max_tokens", "model_context_window_exceeded"})


def opening_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The first message from a task's input ``{"message", "context"?, "parts"?}``. The context comes
    first, marked as such. ``parts`` replaces ``message``, which is its text.

    Raises ``RequestRefused`` for content that the model cannot read, which may be in tasks accepted by an
    earlier release.
    """
    blocks = content.blocks_of(document.get("parts") or [{"text": document["message"]}])
    if context := document.get("context"):
        text = f"<context>\n{content.context_text(context)}\n</context>"
        blocks.insert(0, {"type": "text", "text": text})
    return {"role": "user", "content": blocks}


def not_shown(refused: RequestRefused) -> Failure:
    """The failure of a task for which ``opening_of`` raised."""
    return Failure(FailureCode.EXECUTION_ERROR, f"The model cannot be shown the message: {refused.message}.")


def result_of(agent: AgentRevision, reply: ModelReply, max_tokens: int) -> Finished | Failed:
    """How a task ends with its last reply. ``max_tokens`` was the request's limit."""
    if reply.stop_reason not in COMPLETE_STOPS:
        # the task's budget cut the answer, not the agent's limit; the failure must say which of them to raise
        is_capped = reply.stop_reason == "max_tokens" and max_tokens < agent.max_tokens
        return Failed(OVER_BUDGET if is_capped else _failure_of(reply), reply.text)
    output: dict[str, Any] = {"result": reply.text}
    if agent.output_schema is not None:
        data = structured.parse(reply.text, agent.output_schema)
        if isinstance(data, Failure):
            return Failed(data, reply.text)
        output["data"] = data
    return Finished(output)


def _failure_of(reply: ModelReply) -> Failure:
    """The failure that an incomplete reply means."""
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
