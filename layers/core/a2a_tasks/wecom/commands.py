"""Words that are for us, not for the agent."""

from enum import StrEnum


class Command(StrEnum):
    NEW = "new"  # begin a new conversation
    CANCEL = "cancel"  # end what is under way in this one
    STATUS = "status"  # tell what is under way
    HELP = "help"


_WORDS = {
    "/new": Command.NEW,
    "新对话": Command.NEW,
    "/新对话": Command.NEW,
    "/cancel": Command.CANCEL,
    "取消": Command.CANCEL,
    "/取消": Command.CANCEL,
    "/status": Command.STATUS,
    "状态": Command.STATUS,
    "/状态": Command.STATUS,
    "/help": Command.HELP,
    "帮助": Command.HELP,
    "/帮助": Command.HELP,
}


def command_of(text: str) -> Command | None:
    """The command that a message consists of, if it is one."""
    return _WORDS.get(text.strip().lower())
