"""Spans of what a worker does for a task: calls of the model, and tools."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.tracing.span import SpanKind, Value
from a2a_tasks.domain.tracing.task_spans import PROVIDER, attempt_span_id, span_of
from a2a_tasks.domain.tracing.task_trace import span_id
from a2a_tasks.execution.model.transcript import ToolCall
from a2a_tasks.execution.run import TaskRun
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest
from a2a_tasks.ports.telemetry import Telemetry

TOOL_ERROR = "tool_error"
"""The tool ran and returned an error to the model."""
PROVIDERS = {Backend.BEDROCK: "aws.bedrock"}
"""The names that OpenTelemetry has for providers, where it is not Anthropic itself."""


@dataclass
class OpenSpan:
    """A step in progress. Its result is set before its block ends."""

    error: str | None = None
    attributes: dict[str, Value | None] = field(default_factory=dict)
    is_over: bool = False
    """Nothing was done, so there is no span."""


@dataclass(frozen=True)
class RunSpans:
    """Records spans. An exception in a block is the step's error, and passes through."""

    clock: Clock
    telemetry: Telemetry
    backend: Backend

    def turn(self, work: TaskRun, request: ModelRequest) -> AbstractContextManager[OpenSpan]:
        """The span of a call of the model. There is at most one for each turn and claim."""
        prompt, number = request.prompt, len(work.transcript.turns) + 1
        attributes: dict[str, Value | None] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDERS.get(self.backend, PROVIDER),
            "gen_ai.request.model": prompt.model,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.output.type": "json" if prompt.output_schema else None,
            "a2a_tasks.turn": number,
        }
        return self._step(work, f"chat {prompt.model}", ("turn", number), attributes, SpanKind.CLIENT)

    def tool(self, work: TaskRun, call: ToolCall) -> AbstractContextManager[OpenSpan]:
        """The span of a tool that runs in the worker."""
        attributes: dict[str, Value | None] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": call.call_id,
        }
        what = ("tool", call.call_id)
        return self._step(work, f"execute_tool {call.name}", what, attributes, SpanKind.INTERNAL)

    @contextmanager
    def _step(
        self,
        work: TaskRun,
        name: str,
        what: tuple[str | int, ...],
        attributes: dict[str, Value | None],
        kind: SpanKind,
    ) -> Iterator[OpenSpan]:
        task, step, begun_at = work.task, OpenSpan(), self.clock.now()
        try:
            yield step
        except BaseException as error:
            # includes interruptions, so that the trace shows where the work stopped
            step.error = _code_of(error)
            step.is_over = isinstance(error, ModelBusy) and not error.was_called
            raise
        finally:
            task_id = task.ref.task_id
            if not step.is_over:
                span = span_of(
                    task,
                    name,
                    span_id(task_id, *what, task.fence),
                    attempt_span_id(task_id, task.fence),
                    (begun_at, self.clock.now()),
                    attributes | step.attributes,
                    kind=kind,
                    error=step.error,
                )
                self.telemetry.span(span)


def attributes_of(reply: ModelReply) -> dict[str, Value | None]:
    """What a reply used, and why it ended."""
    calls = reply.usage.calls
    return {
        "gen_ai.response.model": calls[-1].model if calls else None,
        "gen_ai.response.finish_reasons": [reply.stop_reason],
        "gen_ai.usage.input_tokens": sum(call.prompt_tokens for call in calls),
        "gen_ai.usage.output_tokens": sum(call.output_tokens for call in calls),
        "gen_ai.usage.cache_read.input_tokens": sum(call.cache_read_tokens for call in calls) or None,
        "gen_ai.usage.cache_creation.input_tokens": sum(
            call.cache_write_tokens + call.cache_write_1h_tokens for call in calls
        )
        or None,
    }


def _code_of(error: BaseException) -> str:
    """A code of few values, without the error's text."""
    match error:
        case ModelBusy():
            return "model_throttled" if error.throttled else "model_unavailable"
        case ModelRejected():
            return error.code.value
        case _:
            return type(error).__name__
