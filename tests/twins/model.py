"""A model that answers by script."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelReply, ModelRequest

type Step = ModelReply | BaseException | Callable[[], Awaitable[ModelReply]]


def answer(
    text: str = "Done.", stop_reason: str = "end_turn", refusal_category: str | None = None
) -> ModelReply:
    """A finished turn of 10 input and 5 output tokens."""
    usage = Usage(input_tokens=10, output_tokens=5, turns=1)
    return ModelReply(text, stop_reason, usage, refusal_category)


def after(clock: Clock, seconds: float, step: Step) -> Step:
    """The same step, so much later."""

    async def wait() -> ModelReply:
        await clock.sleep(seconds)
        return await _play(step)

    return wait


async def hang() -> ModelReply:
    """Never answers, as a silent stream."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@dataclass
class ScriptedModel:
    """``Model`` that plays the steps of a message, or else the common ones, then ``answer()`` for ever.

    ``requests`` are all calls, ``bought`` those that ended with an answer, ``cancelled`` those given up.
    """

    steps: list[Step] = field(default_factory=list)
    by_message: dict[str, list[Step]] = field(default_factory=dict)
    requests: list[ModelRequest] = field(default_factory=list)
    bought: int = 0
    cancelled: int = 0

    def then(self, *steps: Step) -> None:
        self.steps += steps

    def on(self, message: str, *steps: Step) -> None:
        """Play these for the task whose message this is."""
        self.by_message.setdefault(message, []).extend(steps)

    async def turn(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        steps = self.by_message.get(request.messages[-1]["content"][-1]["text"], self.steps)
        try:
            reply = await _play(steps.pop(0) if steps else answer())
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.bought += 1
        return reply


async def _play(step: Step) -> ModelReply:
    if isinstance(step, BaseException):
        raise step
    return step if isinstance(step, ModelReply) else await step()
