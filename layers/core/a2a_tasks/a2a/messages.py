"""Converts A2A messages to task input and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a import view
from a2a_tasks.a2a.errors import A2AError
from a2a_tasks.domain.task import Task
from a2a_tasks.tasks import content
from a2a_tasks.tasks.content import text_of

MAX_TEXT = 100_000
"""Characters of all text parts of a message, as in the REST API. Longer texts must be files."""
OF_THE_TASK = frozenset({"role", "parts", "taskId", "contextId"})
"""Fields that the task already has. The rest of a message is stored as its envelope."""


@dataclass(frozen=True)
class IncomingMessage:
    """A client's message as ``Submission`` takes it."""

    text: str
    parts: tuple[dict[str, Any], ...]
    envelope: dict[str, Any]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "IncomingMessage":
        """From a ``Message``. Raises ``A2AError`` and ``RequestRefused`` if agents cannot read it."""
        content.check(message["parts"], "message.parts")
        text, parts = text_of(message["parts"]), tuple(message["parts"])
        if len(text) > MAX_TEXT:
            problem = (
                f"have {len(text)} characters of text; at most {MAX_TEXT} are taken, so send it as a file"
            )
            raise A2AError.invalid("message.parts", problem)
        envelope = {name: value for name, value in message.items() if name not in OF_THE_TASK}
        return cls(text, () if is_plain(parts, text) else parts, envelope)


def is_plain(parts: tuple[dict[str, Any], ...], text: str) -> bool:
    """Whether the parts contain nothing but the text."""
    return bool(text) and parts == ({"text": text},)


def of_user(task: Task, text: str, document: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    """The stored ``Message``. ``message_id`` is used for one that was not received by A2A."""
    envelope: dict[str, Any] = document.get("envelope", {})
    parts = document.get("parts") or [{"text": text}]
    return view.message(task, "ROLE_USER", message_id, parts) | envelope
