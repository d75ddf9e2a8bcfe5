"""The state kept between the calls of a conversation, and the step that each call gets from it."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from local.standin.directive import DirectiveError, find_steps
from local.standin.errors import ApiError
from local.standin.replies.reply import Reply
from local.standin.replies.usage import InputUsage
from local.standin.request.fallbacks import sent_back
from local.standin.request.messages_request import MessagesRequest
from local.standin.request.prefixes import after_reply
from local.standin.step import Step

UNSCRIPTED_SECONDS = 2.0
_KEPT_CONVERSATIONS = 10_000


@dataclass(slots=True)
class Conversation:
    """State of the calls that share their first user text.

    `spent`: how many calls used up a step, by the number of replies in their request. `resumable`: digests of
    requests that end with a reply that paused. `cached`: digests of the prefixes in the prompt cache.
    """

    spent: Counter[int] = field(default_factory=Counter)
    resumable: set[str] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)

    def position_of(self, request: MessagesRequest) -> int:
        """The step that the request gets, counted from 0: the same for the same request.

        In addition to the replies, only calls that used up a step count, and of those only the ones that were
        not longer than this: a late repetition of a request gets the same step as before.
        """
        turns = request.turns
        return turns + sum(calls for length, calls in self.spent.items() if length <= turns)

    def check_replies(self, request: MessagesRequest) -> None:
        """Raise ApiError 400 if a reply ends the request or follows a reply, unless that one paused."""
        roles = [message["role"] for message in request.messages]
        for index, (role, following) in enumerate(zip(roles, [*roles[1:], None], strict=True)):
            if role != "assistant" or following in ("user", "system"):
                continue
            if request.prefixes[index + 1].digest in self.resumable:
                continue
            if following == "assistant":
                raise ApiError.invalid(
                    f"messages.{index + 1}: an assistant message may follow another only where that one "
                    "stopped with pause_turn or compaction"
                )
            raise _prefilled()
        if roles[-1] == "system":
            raise _prefilled()


@dataclass(frozen=True, slots=True)
class Turn:
    """One call and its place in its conversation; `number` is its step, counted from 1."""

    conversation: Conversation
    request: MessagesRequest
    step: Step
    number: int
    usage: InputUsage

    def reply(self) -> Reply:
        """The model's reply. Raises ApiError if the response is an error."""
        if self.step.failure is not None:
            raise ApiError.from_failure(self.step.failure)
        reply = Reply.to_request(self.request, self.step)
        prefix = self.request.prefixes[-1]
        if self.request.cache_ttl is not None:
            self.conversation.cached.add(prefix.digest)
        if reply.continues:
            blocks = sent_back([block.to_json() for block in reply.blocks])
            self.conversation.resumable.add(after_reply(prefix, blocks).digest)
        return reply


class Conversations:
    """The most recently called conversations.

    `unscripted_seconds`: how long the answer to a message without steps takes; 0 for at once.
    """

    def __init__(self) -> None:
        self.unscripted_seconds = UNSCRIPTED_SECONDS
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()

    def next_turn(self, request: MessagesRequest, service_tier: str = "standard") -> Turn:
        """Take the step that a request gets. Raises ApiError 400 if it does not fit the previous calls."""
        conversation = self._conversations.setdefault(request.conversation, Conversation())
        self._conversations.move_to_end(request.conversation)
        if len(self._conversations) > _KEPT_CONVERSATIONS:
            self._conversations.popitem(last=False)
        conversation.check_replies(request)
        steps = steps_of(request) or (Step(delay=self.unscripted_seconds or None),)
        position = min(conversation.position_of(request), len(steps) - 1)
        step = steps[position]
        if step.follows:
            step = next(iter(_steps_in(request.last_tool_result)), step)
        # Counted only now: a refused request must not use up a step.
        if step.is_spent_by_its_call:
            conversation.spent[request.turns] += 1
        usage = InputUsage.of(request, step, conversation.cached, service_tier)
        return Turn(conversation, request, step, position + 1, usage)

    def reset(self) -> None:
        """Forget all conversations."""
        self._conversations.clear()
        self.unscripted_seconds = UNSCRIPTED_SECONDS


def steps_of(request: MessagesRequest) -> tuple[Step, ...]:
    """The steps of the directive in the first user text. Raises ApiError 400 if it cannot be parsed."""
    return _steps_in(request.first_user_text)


def _steps_in(text: str) -> tuple[Step, ...]:
    try:
        return find_steps(text)
    except DirectiveError as error:
        raise ApiError.invalid(str(error)) from error


def _prefilled() -> ApiError:
    return ApiError.invalid(
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message."
    )
