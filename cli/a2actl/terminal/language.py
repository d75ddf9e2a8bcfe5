"""The languages of output for WeCom administrators."""

import os
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


class Words(NamedTuple):
    """The same in both."""

    zh: str
    en: str

    def in_(self, language: Language) -> str:
        return self.zh if language is Language.ZH else self.en


LanguageOption = Annotated[
    Language | None, typer.Option("--language", help="Language of the output; by default the locale's.")
]


def chosen_language(given: Language | None) -> Language:
    """The given one, else that of the environment's locale."""
    if given is not None:
        return given
    locale = next(
        (value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), ""
    )
    return Language.ZH if locale.lower().startswith("zh") else Language.EN
