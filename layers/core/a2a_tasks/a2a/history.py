"""What was said in a task: the caller's message, and the questions and answers since."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from a2a_tasks.a2a import messages, view
from a2a_tasks.domain.record_keys import call_id_of
from a2a_tasks.domain.task import Question, Task
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.tasks import RecordStore
from a2a_tasks.tasks import payload

MAX_BYTES = 3 * 1024 * 1024
"""Of a history: an answer of Lambda is at most 6 MB, and there is the task's result beside it."""


@dataclass(frozen=True)
class History:
    """Raises ``StoreUnavailable``, ``PayloadUnavailable`` and ``PayloadCorrupt``."""

    records: RecordStore
    payloads: PayloadStore

    def of(self, task: Task, length: int | None = None) -> list[dict[str, Any]] | None:
        """The newest ``Message`` objects, in their order, as far as there is room for them; None for a length
        of 0, as the protocol has it."""
        if length == 0:
            return None
        document = payload.load(self.payloads, task.input)
        found = [messages.of_user(task, document["message"], document, f"{task.ref.task_id}-message")]
        for key in task.answered:
            found += self._exchange(task, key)
        return _newest(found if length is None else found[-length:])

    def _exchange(self, task: Task, key: str) -> list[dict[str, Any]]:
        """A question and its answer; a question that an earlier release kept nowhere is left out."""
        record = self.records.record(task.ref.task_id, key)
        if record is None:
            return []
        document, call_id = payload.load(self.payloads, record.payload), call_id_of(key)
        asked = Question(call_id, document["question"]) if "question" in document else None
        answer = messages.of_user(task, document["text"], document, f"{task.ref.task_id}-{call_id}-answer")
        return ([view.question_view(task, asked)] if asked else []) + [answer]


def _newest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the oldest for which there is no room."""
    sizes = accumulate(len(view.to_bytes(message)) for message in reversed(found))
    return found[len(found) - sum(size <= MAX_BYTES for size in sizes) :]
