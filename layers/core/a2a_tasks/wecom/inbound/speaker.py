"""Adds the speaker to a message for the agent, encoded so that a name cannot act as an instruction."""

import re

from a2a_tasks.wecom.inbound.chat import Chat

MAX_ID = 64
_NOT_IN_IDS = re.compile(r"[^0-9A-Za-z_.@-]")
_OURS = re.compile(r"\A\[sender: [0-9A-Za-z_.@-]{0,64}\]\n?")
_LIKE_OURS = re.compile(r"^(\s*)\[(?=\s*sender\b)", re.IGNORECASE | re.MULTILINE)


def speaker_line(chat: Chat) -> str | None:
    """The line that names the speaker; None if the agent must not see it."""
    if chat.chat_id is None and not chat.connection.names_speaker:
        return None
    return f"[sender: {_NOT_IN_IDS.sub('', chat.user_id)[:MAX_ID]}]"


def without_first_line(text: str) -> str:
    """A message as it was before ``speaker_line`` was put before it."""
    return _OURS.sub("", text)


def without_speakers(text: str) -> str:
    """A text in which no line looks like a speaker line."""
    return _LIKE_OURS.sub(r"\1(", text)
