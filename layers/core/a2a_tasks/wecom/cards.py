"""Cards with buttons in chats: when each is shown, and how their ids are encoded.

A question with options has a button for each option, a task that continues after its stream was closed has a
stop button, and a failed task has a button to ask again.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from a2a_tasks.domain import ids
from a2a_tasks.domain.task import Question, Status
from a2a_tasks.wecom.exchange import Exchange
from a2a_tasks.wecom.phrases import Phrase, say
from a2a_tasks.wecom.protocol.cards import BUTTON_CHARACTERS, TITLE_CHARACTERS, Button, Card

DONE = "done"
"""The key of a pressed card's only button."""
NAME_LENGTH = 16


class CardKind(StrEnum):
    """What a card is for."""

    ASK = "ask"
    STOP = "stop"
    AGAIN = "again"


@dataclass(frozen=True)
class CardRef:
    """The parts of a card's id. ``name`` is an exchange's id, or ``question_name`` for a question."""

    kind: CardKind
    task_id: str
    name: str

    @property
    def card_id(self) -> str:
        """As WeCom takes it: letters, digits and ``_-@``."""
        return f"{self.kind}@{self.task_id}@{self.name}"

    @classmethod
    def from_card_id(cls, card_id: str) -> Self | None:
        """None for an id that this service did not create."""
        kind, _, rest = card_id.partition("@")
        task_id, _, name = rest.partition("@")
        if kind not in list(CardKind) or not ids.is_task_id(task_id) or not name:
            return None
        return cls(CardKind(kind), task_id, name)


def question_name(call_id: str) -> str:
    """Name of a question in ids, and of the exchange for an answer by button."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:NAME_LENGTH]


def last_card(exchange: Exchange) -> Card | None:
    """The card that is shown with an exchange's result, if any."""
    end, task_id = exchange.end, exchange.ref.task_id
    if end is None:
        return None
    if end.status is Status.FAILED:
        ref = CardRef(CardKind.AGAIN, task_id, exchange.ref.exchange_id)
        return _with_one_button(exchange, ref, Phrase.AGAIN_TITLE, Phrase.AGAIN)
    if end.status is not Status.INPUT_REQUIRED or not end.options or end.call_id is None:
        return None
    # without the numbered options, which the buttons show
    text = (end.question or "").removesuffix(Question("", "", end.options).with_options)
    ref = CardRef(CardKind.ASK, task_id, question_name(end.call_id))
    return Card(ref.card_id, text, _option_buttons(end.options), text if len(text) > TITLE_CHARACTERS else "")


def stop_card(exchange: Exchange) -> Card:
    """The card beside a stream that closes while the task goes on."""
    ref = CardRef(CardKind.STOP, exchange.ref.task_id, exchange.ref.exchange_id)
    return _with_one_button(exchange, ref, Phrase.STOP_TITLE, Phrase.STOP)


def pressed_card(card_id: str, title: str, label: str) -> Card:
    """The card that replaces a pressed one: its only button shows the choice and has no effect."""
    return Card(card_id, title, (Button(DONE, label),), label if len(label) > BUTTON_CHARACTERS else "")


def _with_one_button(exchange: Exchange, ref: CardRef, title: Phrase, label: Phrase) -> Card:
    button = Button(ref.kind.value, say(exchange.language, label))
    return Card(ref.card_id, say(exchange.language, title), (button,))


def _option_buttons(options: tuple[str, ...]) -> tuple[Button, ...]:
    """Options too long for a button are numbered, as in the question's text."""
    fits = all(len(option) <= BUTTON_CHARACTERS for option in options)
    return tuple(Button(str(n), option if fits else str(n + 1)) for n, option in enumerate(options))
