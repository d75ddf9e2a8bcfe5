"""Cards with buttons. https://developer.work.weixin.qq.com/document/path/101032 (applications: 90236)"""

import re
from dataclasses import dataclass
from typing import Any

MAX_BUTTONS = 6
TITLE_CHARACTERS = 36
TEXT_CHARACTERS = 112
BUTTON_CHARACTERS = 10
"""Recommended length of a button's text; WeCom's clients may truncate longer ones."""
_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")


@dataclass(frozen=True)
class Button:
    """``key`` is returned when the button is pressed."""

    key: str
    text: str


@dataclass(frozen=True)
class Card:
    """A card with one to six buttons. ``card_id`` (WeCom's ``task_id``) names it, once for each connection;
    it comes back with a press. Letters, digits and ``_-@``, at most 128."""

    card_id: str
    title: str
    buttons: tuple[Button, ...]
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """The card's JSON. Raises ``ValueError`` for values that WeCom would reject."""
        if not _ID.fullmatch(self.card_id):
            raise ValueError("a card's id has 1 to 128 letters, digits and _-@")
        if not 1 <= len(self.buttons) <= MAX_BUTTONS or not all(b.key and b.text for b in self.buttons):
            raise ValueError(f"a card has 1 to {MAX_BUTTONS} buttons, each with a key and a text")
        if not self.title:
            raise ValueError("a card has a title")
        shown: dict[str, Any] = {
            "card_type": "button_interaction",
            "main_title": {"title": shortened(self.title, TITLE_CHARACTERS)},
            "button_list": [
                {"text": shortened(button.text, BUTTON_CHARACTERS), "key": button.key, "style": 1}
                for button in self.buttons
            ],
            "task_id": self.card_id,
        }
        return shown | ({"sub_title_text": shortened(self.text, TEXT_CHARACTERS)} if self.text else {})


def shortened(text: str, characters: int) -> str:
    """One line of at most this many characters, with a mark if it is truncated."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"
