"""History of a task: the caller's message, then questions and answers."""

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
"""Upper limit of a history. A Lambda response is limited to 6 MB and also contains the task's result."""


@dataclass(frozen=True)
class TaskHistory:
    """Reads histories. Raises ``StoreUnavailable``, ``PayloadUnavailable`` and ``PayloadCorrupt``."""

    records: RecordStore
    payloads: PayloadStore

    def of(self, task: Task, length: int | None = None) -> list[dict[str, Any]] | None:
        """The newest ``length`` ``Message`` objects in order, as far as they fit. None for a length of 0, as
        the protocol requires."""
        if length == 0:
            return None
        document = payload.load(self.payloads, task.input)
        found = [messages.of_user(task, document["message"], document, f"{task.ref.task_id}-message")]
        # by the keys stored in the task: searching for answers would read all its turns
        for key in task.answered:
            found += self._exchange(task, key)
        return _newest(found if length is None else found[-length:])

    def _exchange(self, task: Task, key: str) -> list[dict[str, Any]]:
        """A question and its answer."""
        record = self.records.record(task.ref.task_id, key)
        if record is None:
            return []
        document, call_id = payload.load(self.payloads, record.payload), call_id_of(key)
        question = view.question_view(task, Question(call_id, document["question"]))
        answer = messages.of_user(task, document["text"], document, f"{task.ref.task_id}-{call_id}-answer")
        return [question, answer]


def _newest(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drops the oldest messages that do not fit."""
    sizes = accumulate(len(view.to_bytes(message)) for message in reversed(found))
    return found[len(found) - sum(size <= MAX_BYTES for size in sizes) :]
