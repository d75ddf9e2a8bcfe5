"""What was said in a conversation before a task, as its agent is reminded of it.

It is read from the conversation's tasks themselves: from each that has completed, what was asked and what was
answered. What failed or was canceled was never answered, so the agent does not know of it.
"""

import json
import zlib
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.execution.turn import opening_of
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore, TaskStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.results import UNTRUSTED

MAX_TASKS = 100
"""As many earlier tasks of a conversation count; one read of the store brings them all."""
MAX_PAGES = 10
"""So many times as many that wait behind a task are passed over to find those that went before it."""
MAX_BYTES = 256 * 1024
"""Of the messages as JSON, without files: about half of a context window of 200,000 tokens, whatever the
language."""
MAX_EXCHANGE_BYTES = MAX_BYTES // 2
SHORTENED = 20_000
"""Characters that are left of each side of an exchange that would leave no room for others."""
MAX_FILE_BYTES = 2 * 1024 * 1024
"""Of the files in them as base64. An older one is only named."""
BEGINNINGS = 16
"""A history that is too long begins at one exchange in so many."""


@dataclass(frozen=True)
class Exchange:
    """What was asked and answered in a task, as messages of the Messages API; ``size`` and ``file_bytes`` are
    what they take of a history. ``is_untrusted`` if content from outside may have had a part in it."""

    task_id: str
    messages: list[dict[str, Any]]
    size: int
    file_bytes: int
    is_untrusted: bool


@dataclass(frozen=True)
class History:
    """User and assistant messages in turn. ``is_untrusted`` if content from outside may have had a part in
    them."""

    messages: list[dict[str, Any]]
    is_untrusted: bool = False


@dataclass(frozen=True)
class Histories:
    """All methods raise ``StoreUnavailable`` and ``PayloadUnavailable``."""

    contexts: ContextStore
    store: TaskStore
    payloads: PayloadStore

    def before(self, task: Task) -> History:
        """What was said, in the order in which the answers were given: so it only ever grows at its end, and
        what the model has cached of it stays good."""
        if task.context is None:
            return History([])
        before = self.contexts.newest(task.context, task.ref.task_id, MAX_TASKS)
        earlier = [*self._answered(task, before), *self._gone_first(task)]
        is_cut = len(before) >= MAX_TASKS or len(earlier) > MAX_TASKS
        earlier.sort(key=lambda other: (other.completed_at or 0, other.ref.task_id))
        exchanges: list[Exchange] = []
        size, room = 0, MAX_FILE_BYTES
        for other in reversed(payload.at_hand(self.payloads, earlier[-MAX_TASKS:])):
            exchange = self._exchange(other, room)
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

    def _gone_first(self, task: Task) -> list[Task]:
        """Those with later ids that were answered all the same, the newest: ids are only as good as the
        clocks that made them, and the task may have been told to wait."""
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
        return [other for other in self.store.get_all(refs) if _counts(other, task)]

    def _exchange(self, task: Task, room: int) -> Exchange | None:
        """None where there is nothing to remember: no answer was given, clean-up has begun with the task, or
        what was asked cannot be shown."""
        try:
            asked = payload.load(self.payloads, task.input)
            blocks = opening_of(asked)["content"]
            output = payload.load(self.payloads, task.output) if task.output else {}
        except (PayloadCorrupt, RequestRefused):
            return None
        text = output.get("result", "")
        if is_blank(text):  # which the Messages API refuses
            return None
        file_bytes = sum(_file_bytes(block) for block in blocks)
        if file_bytes > room:
            file_bytes, blocks = 0, [_named(block) if _file_bytes(block) else block for block in blocks]
        blocks = [_named(block) if _is_linked(block) else block for block in blocks]
        messages = _messages(blocks, text)
        if _size(messages) - file_bytes > MAX_EXCHANGE_BYTES:
            messages = _messages(_shortened(blocks), text.strip()[:SHORTENED])
        is_untrusted = output.get(UNTRUSTED, False)
        return Exchange(task.ref.task_id, messages, _size(messages) - file_bytes, file_bytes, is_untrusted)


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
    """The same with the beginnings of its texts, as far as there is room for them: first for the message,
    which comes last, then for its context, and then for files."""
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
    """Of a file that the message brought with it; the model reads it at a price of its own."""
    source = block.get("source", {})
    return len(source["data"]) if source.get("type") == "base64" else 0


def _is_linked(block: dict[str, Any]) -> bool:
    return bool(block.get("source", {}).get("type") == "url")


def _named(block: dict[str, Any]) -> dict[str, Any]:
    """In place of a file that would take too much, or that may not be at its address any more: the service
    would refuse every later message for it."""
    name = block["source"].get("url") or block.get("title") or block["source"]["media_type"]
    return {"type": "text", "text": f"(A file that was shown here: {name})"}


def _from_a_beginning(exchanges: list[Exchange]) -> list[Exchange]:
    """Where a history begins whose beginning is left out: at an exchange that the next ones begin at too,
    since one that began an exchange later each time would find nothing in the model's cache."""
    for n, exchange in enumerate(exchanges[: len(exchanges) // 2]):
        if zlib.crc32(exchange.task_id.encode()) % BEGINNINGS == 0:
            return exchanges[n:]
    return exchanges
