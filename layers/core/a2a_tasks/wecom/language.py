"""The languages in which people are told things."""

import re
from enum import StrEnum

_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class Language(StrEnum):
    """A language of the phrases; its value is stored."""

    ZH = "zh"
    EN = "en"


def language_of(text: str) -> Language:
    """By the script that somebody writes in; Chinese where that says nothing, as in ``/new``."""
    says_nothing = text.startswith("/") or not any(character.isalpha() for character in text)
    return Language.ZH if says_nothing or _CHINESE.search(text) else Language.EN
