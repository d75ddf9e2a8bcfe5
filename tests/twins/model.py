"""A model with scripted replies."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import Draft, ModelReply, ModelRequest
from tests.twins.process import Process, current_process

type Step = ModelReply | BaseException | Callable[[], Awaitable[ModelReply]]
type Plan = Callable[[str], "Step | Partly"]
"""Makes the step of a planned turn, from a prefix for ids that differs in every call: a turn that is bought
again is a different one."""
USAGE = Bill((ModelCall(10, 5),), turns=1)
BROKEN_USAGE = Bill((ModelCall(10, 2),))


def answer(
    text: str = "Done.", stop_reason: str = "end_turn", refusal_category: str | None = None
) -> ModelReply:
    """A finished turn of 10 input and 5 output tokens."""
    content = [{"type": "text", "text": text}] if text else []
    return ModelReply(content, text, stop_reason, USAGE, refusal_category)


def uses(*calls: tuple[str, dict[str, Any]], text: str = "", prefix: str = "call") -> ModelReply:
    """A turn that calls tools; their ids are ``<prefix>-1``, ``<prefix>-2`` …"""
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content += [
        {"type": "tool_use", "id": f"{prefix}-{n}", "name": name, "input": arguments}
        for n, (name, arguments) in enumerate(calls, 1)
    ]
    return ModelReply(content, text, "tool_use", USAGE)


def after(clock: Clock, seconds: float, step: Step) -> Step:
    """The same step, delayed."""

    async def wait() -> ModelReply:
        await clock.sleep(seconds)
        return await _play(step)

    return wait


async def hang() -> ModelReply:
    """Never answers, like a silent stream."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Partly:
    """Streams some text, and then plays the next step."""

    text: str
    then: Step
    usage: Bill = BROKEN_USAGE
    updates: str = ""


@dataclass(eq=False)
class Asked:
    """One call: its request, the process that made it, and the reply if there was one."""

    request: ModelRequest
    process: Process | None
    reply: ModelReply | None = None

    @property
    def message(self) -> str:
        """The message of the task that made the call."""
        text: str = self.request.messages[self._opening]["content"][-1]["text"]
        return text

    @property
    def history(self) -> list[dict[str, Any]]:
        """The conversation before that message."""
        return self.request.messages[: self._opening]

    @property
    def turns(self) -> int:
        """How many turns the task had."""
        return sum(message["role"] == "assistant" for message in self.request.messages[self._opening :])

    @property
    def _opening(self) -> int:
        """The position of the task's message: the user messages after it are results of tools."""
        messages = self.request.messages
        return max(n for n, message in enumerate(messages) if _is_said(message))


@dataclass
class ScriptedModel:
    """``Model`` that plays the steps of a message, or else the common ones, then ``answer()`` forever.

    A call that repeats an earlier request, as after a crash between the reply and its saving, plays the next
    step: the model's side is stateless. For a message with plans it plays the one of the requested turn,
    every time. ``requests`` and ``asked`` are all calls, ``bought`` those that ended with an
    answer, ``cancelled`` those given up; ``under_way`` are those that have not ended. ``watchers`` are called
    at the beginning of each.
    """

    steps: list[Step | Partly] = field(default_factory=list)
    by_message: dict[str, list[Step | Partly]] = field(default_factory=dict)
    plans: dict[str, list[Plan]] = field(default_factory=dict)
    watchers: list[Callable[[Asked], object]] = field(default_factory=list)
    requests: list[ModelRequest] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    under_way: list[Asked] = field(default_factory=list)
    bought: int = 0
    cancelled: int = 0

    def then(self, *steps: Step | Partly) -> None:
        self.steps += steps

    def on(self, message: str, *steps: Step | Partly) -> None:
        """Play these steps for the task with this message."""
        self.by_message.setdefault(message, []).extend(steps)

    def plan(self, message: str, *plans: Plan) -> None:
        """Play these for the turns of the task with this message, and ``answer()`` after them."""
        self.plans[message] = list(plans)

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        asked = Asked(request, current_process())
        self.requests.append(request)
        self.asked.append(asked)
        self.under_way.append(asked)
        try:
            for watch in self.watchers:
                watch(asked)
            step = self._step(asked)
            if isinstance(step, Partly):
                draft.text, draft.usage, draft.updates = step.text, step.usage, step.updates
                step = step.then
            reply = await _play(step)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way.remove(asked)
        self.bought += 1
        asked.reply = reply
        return reply

    def _step(self, asked: Asked) -> Step | Partly:
        if asked.message in self.plans:
            plans = self.plans[asked.message]
            return plans[asked.turns](f"call-{len(self.asked)}") if asked.turns < len(plans) else answer()
        steps = self.by_message.get(asked.message, self.steps)
        return steps.pop(0) if steps else answer()


def _is_said(message: dict[str, Any]) -> bool:
    kind: str = message["content"][-1]["type"]
    return message["role"] == "user" and kind == "text"


async def _play(step: Step) -> ModelReply:
    if isinstance(step, BaseException):
        raise step
    return step if isinstance(step, ModelReply) else await step()
