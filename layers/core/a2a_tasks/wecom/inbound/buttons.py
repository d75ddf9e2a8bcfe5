"""Handles presses of buttons on cards."""

from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.wecom.cards import DONE, CardKind, CardRef, question_name
from a2a_tasks.wecom.inbound.chat import Chat, context_id
from a2a_tasks.wecom.inbound.messages import AcceptedMessage, InboundMessages
from a2a_tasks.wecom.inbound.speaker import without_first_line
from a2a_tasks.wecom.inbound.user_limits import UserLimits
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say


@dataclass(frozen=True)
class ButtonPress:
    """A press of a button. ``response_url`` takes the answer of what it starts, if WeCom sent one."""

    chat: Chat
    card_id: str
    key: str
    correlation_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CardUpdate:
    """The card's new text. ``for_all``: for everyone who sees the card, otherwise only for the user who
    pressed."""

    title: str
    label: str
    for_all: bool = True


@dataclass(frozen=True)
class ButtonHandler:
    """Only users whose conversation it belongs to may press a card, and only once: a question takes the first
    answer, by button or by message. All actions are idempotent."""

    asking: InboundMessages
    tasks: Tasks
    user_limits: UserLimits
    telemetry: Telemetry

    def press(self, press: ButtonPress) -> CardUpdate | None:
        """Returns None if the card stays as it is. Raises ``StoreUnavailable``, ``PayloadUnavailable`` and
        ``SealingUnavailable``: the press must then be sent again."""
        chat, ref = press.chat, CardRef.from_card_id(press.card_id)
        if press.key == DONE or ref is None:
            return None
        found = self.tasks.store.get(TaskRef(chat.connection.agent_id or "", ref.task_id))
        # a card's id is not a secret: it must not give access to tasks of other projects or chats
        if found is None or found.project_id != chat.connection.project_id:
            return self._card_update(press, Phrase.CARD_OLD)
        if not _is_of(chat, found):
            return self._card_update(press, Phrase.CARD_OF_OTHERS, for_all=False)
        # checked first, because the card may be older than the deadline
        task = self.tasks.finalizer.expire_if_overdue(found)
        try:
            match ref.kind:
                case CardKind.ASK:
                    return self._choose(press, ref, task)
                case CardKind.STOP:
                    return self._stop(press, task)
                case CardKind.AGAIN:
                    return self._ask_again(press, task)
        except RequestRefused as refused:
            self.telemetry.event(
                "button press rejected", code=refused.code, correlation_id=press.correlation_id
            )
            sentence = refusal_sentence(chat.language, refused.code)
            return CardUpdate(sentence, say(chat.language, Phrase.CARD_REFUSED), for_all=False)

    def _choose(self, press: ButtonPress, ref: CardRef, task: Task) -> CardUpdate:
        asked = task.question if task.status is Status.INPUT_REQUIRED else None
        # a card of an earlier question must not answer this one
        if asked is None or question_name(asked.call_id) != ref.name:
            return self._card_update(press, Phrase.CARD_ANSWERED)
        option = dict(enumerate(asked.options)).get(int(press.key) if press.key.isdecimal() else -1)
        if option is None:
            return self._card_update(press, Phrase.CARD_OLD)
        # an answer makes the agent continue, so it counts like a question
        if (refusal := self.user_limits.refusal(press.chat, None)) is not None:
            return self._card_update(press, refusal, for_all=False)
        if not self.asking.choose(_message(press, option), task, asked.call_id, ref.name):
            return self._card_update(press, Phrase.CARD_ANSWERED)
        self.telemetry.count("WecomPresses", code=ref.kind.name)
        phrase = Phrase.CHOSEN_BY if press.chat.chat_id else Phrase.CHOSEN
        label = say(press.chat.language, phrase, option=option, user=press.chat.user_id)
        return CardUpdate(asked.text, label)

    def _stop(self, press: ButtonPress, task: Task) -> CardUpdate:
        try:
            self.tasks.cancel(task.project_id, task.ref.agent_id, task.ref.task_id)
        except RequestRefused:
            return self._card_update(press, Phrase.CARD_ENDED)
        self.telemetry.count("WecomPresses", code=CardKind.STOP.name)
        return self._card_update(press, Phrase.CARD_STOPPED)

    def _ask_again(self, press: ButtonPress, task: Task) -> CardUpdate:
        if (refusal := self.user_limits.refusal(press.chat, None)) is not None:
            return self._card_update(press, refusal, for_all=False)
        try:
            asked = payload.load(self.tasks.payloads, task.input)
        except PayloadCorrupt:
            # clean-up has deleted the task's texts
            return self._card_update(press, Phrase.CARD_OLD)
        parts = [_as_written(part) for part in asked.get("parts") or ()]
        message = _message(press, without_first_line(asked["message"]), tuple(filter(None, parts)))
        self.asking.ask(message, is_new=True)
        self.telemetry.count("WecomPresses", code=CardKind.AGAIN.name)
        return self._card_update(press, Phrase.CARD_ASKED_AGAIN)

    def _card_update(self, press: ButtonPress, phrase: Phrase, *, for_all: bool = True) -> CardUpdate:
        sentence = say(press.chat.language, phrase)
        return CardUpdate(sentence, sentence, for_all)


def _message(press: ButtonPress, text: str, parts: tuple[dict[str, Any], ...] = ()) -> AcceptedMessage:
    """The key is derived from the card, so that repeated presses produce one message."""
    return AcceptedMessage(
        chat=press.chat,
        message_key=press.card_id,
        text=text,
        streams=False,
        correlation_id=press.correlation_id,
        response_url=press.response_url,
        parts=parts,
    )


def _as_written(part: dict[str, Any]) -> dict[str, Any] | None:
    """A message part without the speaker line; None if nothing else is left."""
    if "text" not in part:
        return part
    text = without_first_line(part["text"])
    return {**part, "text": text} if text else None


def _is_of(chat: Chat, task: Task) -> bool:
    """Whether a task belongs to one of the chat's conversations."""
    every = context_id(chat.connection, chat.key, 0).removesuffix("0")
    generation = (task.context_id or "").removeprefix(every)
    return generation.isdecimal() and task.context_id == f"{every}{generation}"
