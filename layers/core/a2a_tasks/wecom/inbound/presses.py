"""Buttons that people press on cards."""

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
from a2a_tasks.wecom.inbound.people import People
from a2a_tasks.wecom.inbound.speaker import without_first_line
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say


@dataclass(frozen=True)
class Press:
    """A press on a button. ``response_url`` takes the answer to what follows from it, if WeCom gave one."""

    chat: Chat
    card_id: str
    key: str
    correlation_id: str
    response_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Pressed:
    """What the card says now. ``for_all``: to everybody who sees it, else to who has pressed."""

    title: str
    label: str
    for_all: bool = True


@dataclass(frozen=True)
class Presses:
    """A card may be pressed by those whose conversation it belongs to, and once: a question is answered by
    the first answer, whoever gives it and however. All that is done may be done again."""

    asking: InboundMessages
    tasks: Tasks
    people: People
    telemetry: Telemetry

    def press(self, press: Press) -> Pressed | None:
        """None where the card stays as it is. Raises ``StoreUnavailable``, ``PayloadUnavailable`` and
        ``SealingUnavailable``; then a press has had no effect, or has it when it comes again."""
        chat, ref = press.chat, CardRef.from_card_id(press.card_id)
        if press.key == DONE or ref is None:
            return None
        found = self.tasks.store.get(TaskRef(chat.connection.agent_id or "", ref.task_id))
        # a card's id is no secret: it opens no other project's task, and none of another chat
        if found is None or found.project_id != chat.connection.project_id:
            return self._told(press, Phrase.CARD_OLD)
        if not _is_of(chat, found):
            return self._told(press, Phrase.CARD_OF_OTHERS, for_all=False)
        # before anything is done with it: the card may be older than the deadline
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
            self.telemetry.event("press not taken", code=refused.code, correlation_id=press.correlation_id)
            sentence = refusal_sentence(chat.language, refused.code)
            return Pressed(sentence, say(chat.language, Phrase.CARD_REFUSED), for_all=False)

    def _choose(self, press: Press, ref: CardRef, task: Task) -> Pressed:
        asked = task.question if task.status is Status.INPUT_REQUIRED else None
        # of an earlier question: it must not answer this one
        if asked is None or question_name(asked.call_id) != ref.name:
            return self._told(press, Phrase.CARD_ANSWERED)
        option = dict(enumerate(asked.options)).get(int(press.key) if press.key.isdecimal() else -1)
        if option is None:
            return self._told(press, Phrase.CARD_OLD)
        # an answer has the agent go on, so it counts like a question
        if (refusal := self.people.refusal(press.chat, None)) is not None:
            return self._told(press, refusal, for_all=False)
        if not self.asking.choose(_message(press, option), task, asked.call_id, ref.name):
            return self._told(press, Phrase.CARD_ANSWERED)
        self.telemetry.count("WecomPresses", code=ref.kind.name)
        phrase = Phrase.CHOSEN_BY if press.chat.chat_id else Phrase.CHOSEN
        label = say(press.chat.language, phrase, option=option, user=press.chat.user_id)
        return Pressed(asked.text, label)

    def _stop(self, press: Press, task: Task) -> Pressed:
        try:
            self.tasks.cancel(task.project_id, task.ref.agent_id, task.ref.task_id)
        except RequestRefused:
            return self._told(press, Phrase.CARD_ENDED)
        self.telemetry.count("WecomPresses", code=CardKind.STOP.name)
        return self._told(press, Phrase.CARD_STOPPED)

    def _ask_again(self, press: Press, task: Task) -> Pressed:
        if (refusal := self.people.refusal(press.chat, None)) is not None:
            return self._told(press, refusal, for_all=False)
        try:
            asked = payload.load(self.tasks.payloads, task.input)
        except PayloadCorrupt:
            # clean-up has begun with the task
            return self._told(press, Phrase.CARD_OLD)
        parts = [_as_written(part) for part in asked.get("parts") or ()]
        message = _message(press, without_first_line(asked["message"]), tuple(filter(None, parts)))
        self.asking.ask(message, is_new=True)
        self.telemetry.count("WecomPresses", code=CardKind.AGAIN.name)
        return self._told(press, Phrase.CARD_ASKED_AGAIN)

    def _told(self, press: Press, phrase: Phrase, *, for_all: bool = True) -> Pressed:
        sentence = say(press.chat.language, phrase)
        return Pressed(sentence, sentence, for_all)


def _message(press: Press, text: str, parts: tuple[dict[str, Any], ...] = ()) -> AcceptedMessage:
    """Named after the card: however often it is pressed, one message comes of it."""
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
    """A part of a message without who wrote it; None for one that says nothing else."""
    if "text" not in part:
        return part
    text = without_first_line(part["text"])
    return {**part, "text": text} if text else None


def _is_of(chat: Chat, task: Task) -> bool:
    """Whether a task belongs to one of the chat's conversations."""
    every = context_id(chat.connection, chat.key, 0).removesuffix("0")
    generation = (task.context_id or "").removeprefix(every)
    return generation.isdecimal() and task.context_id == f"{every}{generation}"
