"""Languages of replies in chats."""

from enum import StrEnum


class Language(StrEnum):
    """A language of the phrases; its value is stored."""

    ZH = "zh"
    EN = "en"
