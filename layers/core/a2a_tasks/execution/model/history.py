"""Earlier messages of a conversation, which a task's agent sees.

They are read from the conversation's completed tasks: the message and the answer of each. Failed and
canceled tasks have no answer, so the agent does not see them.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.execution.model.turn import opening_of
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore, TaskStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.office_texts import OfficeTexts
from a2a_tasks.tasks.results import UNTRUSTED

MAX_TASKS = 100
"""Earlier tasks that are considered; one batch read returns them all."""
MAX_PAGES = 10
"""Pages of waiting tasks that are skipped to find those that ran earlier."""
MAX_BYTES = 256 * 1024
"""Limit of the messages as JSON, without files: about half a context window of 200,000 tokens in any
language."""
MAX_EXCHANGE_BYTES = MAX_BYTES // 2
SHORTENED = 20_000
"""Characters left of each side of an exchange that would leave no room for others."""
MAX_FILE_BYTES = 2 * 1024 * 1024
"""Limit of files in the messages, as base64. Older files are only named."""
BEGINNINGS = 16
"""A truncated history starts at an exchange whose position is a multiple of this."""


@dataclass(frozen=True)
class TaskMessages:
    """Message and answer of one task, as messages of the Messages API."""

    task_id: str
    messages: list[dict[str, Any]]
    size: int
    """Bytes in the history."""
    file_bytes: int
    """Bytes of files in the history."""
    is_untrusted: bool
    """Content from outside may have influenced it."""


@dataclass(frozen=True)
class History:
    """Alternating user and assistant messages."""

    messages: list[dict[str, Any]]
    is_untrusted: bool = False
    """Content from outside may have influenced them."""


@dataclass(frozen=True)
class Histories:
    """Reads histories. All methods raise ``StoreUnavailable`` and ``PayloadUnavailable``."""

    contexts: ContextStore
    store: TaskStore
    payloads: PayloadStore
    office: OfficeTexts

    def before(self, task: Task) -> History:
        """The history in the order of the answers, so that it only grows at its end and the prompt cache
        stays valid."""
        if task.context is None:
            return History([])
        before = self.contexts.newest(task.context, task.ref.task_id, MAX_TASKS)
        earlier = [*self._answered(task, before), *self._answered_before(task)]
        is_cut = len(before) >= MAX_TASKS or len(earlier) > MAX_TASKS
        earlier.sort(key=lambda other: (other.completed_at or 0, other.ref.task_id))
        exchanges: list[TaskMessages] = []
        size, room = 0, MAX_FILE_BYTES
        # newest first, so that the oldest are left out when space runs out
        for other in reversed(payload.with_inlined(self.payloads, earlier[-MAX_TASKS:])):
            exchange = self._messages_of(other, room)
            if exchange is None:
                continue
            size, room = size + exchange.size, room - exchange.file_bytes
            if size > MAX_BYTES:
                is_cut = True
                break
            exchanges.insert(0, exchange)
        kept = _from_a_beginning(exchanges) if is_cut else exchanges
        messages = [message for exchange in kept for message in exchange.messages]
        return History(messages, any(exchange.is_untrusted for exchange in kept))

    def _answered_before(self, task: Task) -> list[Task]:
        """Newest tasks with later ids that were answered earlier nevertheless: ids depend on the clocks
        that made them, and this task may have been delayed."""
        found: list[Task] = []
        before = AFTER_ALL
        for _ in range(MAX_PAGES):
            page = self.contexts.newest(task.context, before, MAX_TASKS) if task.context else []
            later = [task_id for task_id in page if task_id > task.ref.task_id]
            found += self._answered(task, later)
            if len(later) < MAX_TASKS or len(found) >= MAX_TASKS:
                break
            before = later[0]
        return found

    def _answered(self, task: Task, task_ids: list[str]) -> list[Task]:
        refs = [TaskRef(task.ref.agent_id, task_id) for task_id in task_ids]
        # a consistent read: the previous task has just ended, and its answer must be found
        return [other for other in self.store.get_all(refs) if _counts(other, task)]

    def _messages_of(self, task: Task, room: int) -> TaskMessages | None:
        """None if there is nothing to show: no answer, clean-up has begun, or the model cannot read the
        message."""
        try:
            asked = self.office.readable(task.ref.task_id, payload.load(self.payloads, task.input))
            blocks = opening_of(asked)["content"]
            output = payload.load(self.payloads, task.output) if task.output else {}
        except (PayloadCorrupt, RequestRefused):
            return None
        text = output.get("result", "")
        if is_blank(text):  # the Messages API rejects it
            return None
        file_bytes = sum(_file_bytes(block) for block in blocks)
        if file_bytes > room:
            file_bytes, blocks = 0, [_named(block) if _file_bytes(block) else block for block in blocks]
        blocks = [_named(block) if _is_linked(block) else block for block in blocks]
        messages = _messages(blocks, text)
        if _size(messages) - file_bytes > MAX_EXCHANGE_BYTES:
            messages = _messages(_shortened(blocks), text.strip()[:SHORTENED])
        is_untrusted = output.get(UNTRUSTED, False)
        return TaskMessages(
            task.ref.task_id, messages, _size(messages) - file_bytes, file_bytes, is_untrusted
        )


def _counts(other: Task, task: Task) -> bool:
    return other.status is Status.COMPLETED and other.project_id == task.project_id


def _messages(blocks: list[dict[str, Any]], answer: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": blocks},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]


def _size(messages: list[dict[str, Any]]) -> int:
    return len(json.dumps(messages, ensure_ascii=False).encode())


def _shortened(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The beginnings of the texts, as far as there is room: first for the message, which comes last, then
    for its context, then for files."""
    room, kept = SHORTENED, dict(enumerate(blocks))
    for n in sorted(kept, key=lambda n: ("text" not in blocks[n], -n)):
        source = blocks[n].get("source", {})
        text = blocks[n].get("text") or (source["data"] if source.get("type") == "text" else "")
        beginning = text.strip()[:room]
        room -= len(beginning)
        if text and not beginning:
            del kept[n]
        elif "text" in blocks[n]:
            kept[n] = {"type": "text", "text": beginning}
        elif text:
            kept[n] = blocks[n] | {"source": source | {"data": beginning}}
    return list(kept.values())


def _file_bytes(block: dict[str, Any]) -> int:
    """Size of a file that the message contains; the model bills it separately."""
    source = block.get("source", {})
    return len(source["data"]) if source.get("type") == "base64" else 0


def _is_linked(block: dict[str, Any]) -> bool:
    return bool(block.get("source", {}).get("type") == "url")


def _named(block: dict[str, Any]) -> dict[str, Any]:
    """A placeholder for a file that is too large, or that may no longer be at its address: the API would
    reject every later message because of it."""
    name = block["source"].get("url") or block.get("title") or block["source"]["media_type"]
    return {"type": "text", "text": f"(A file that was shown here: {name})"}


def _from_a_beginning(exchanges: list[TaskMessages]) -> list[TaskMessages]:
    """Where a truncated history starts: at an exchange at which the next histories start too. If the start
    moved with every exchange, the prompt cache would never match."""
    for n, exchange in enumerate(exchanges[: len(exchanges) // 2]):
        if zlib.crc32(exchange.task_id.encode()) % BEGINNINGS == 0:
            return exchanges[n:]
    return exchanges
