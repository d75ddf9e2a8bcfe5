"""Answers to agents' questions."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.record_keys import CALL, call_key
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.tasks import Record, RecordStore, Refused, TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks import content, payload
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class Answerer:
    """Stores the answer first, as the result of the tool call that asked; then the task becomes pending. A
    crash in between leaves a task that still asks, with its answer stored: the same answer completes it, a
    different one is refused."""

    store: TaskStore
    records: RecordStore
    payloads: PayloadStore
    queue: TaskSender
    finalizer: TaskFinalizer
    telemetry: Telemetry

    def answer(
        self,
        task: Task,
        message: str,
        *,
        call_id: str | None = None,
        answer_id: str | None = None,
        parts: Sequence[Mapping[str, Any]] = (),
        envelope: Mapping[str, Any] | None = None,
    ) -> Task:
        """Answer a task's question. Repeating the last answer is accepted, because its response may have
        been lost.

        Args:
            task: The task that asks.
            message: Text of the answer.
            call_id: The question that the answer is for; None: whichever is open.
            answer_id: Identifies the answer, so that a retry is recognized even if its content differs, for
                example because a file could no longer be fetched.
            parts: As in ``Submission``.
            envelope: As in ``Submission``.

        Returns:
            The task as it continues.

        Raises:
            RequestRefused: ``TASK_NOT_WAITING``: there is no such open question, or it was answered
                differently.
            StoreUnavailable: Calling again is safe.
            PayloadUnavailable: Likewise.
        """
        if parts:
            content.check(parts)
        task = self.finalizer.expire_if_overdue(task)
        document = _document(message, parts, envelope, answer_id)
        is_asking = task.status is Status.INPUT_REQUIRED
        if not is_asking or task.question is None or call_id not in (None, task.question.call_id):
            last = self._last_answer(task, call_id)
            if last is not None and _is_same(last, document):
                return task
            raise RequestRefused(
                ErrorCode.TASK_NOT_WAITING, f"The task is {task.status} and does not wait for an answer."
            )
        call_id = task.question.call_id
        document["question"] = task.question.with_options
        kept = self._store(task, call_id, document)
        # refused if the question is no longer open: answered, canceled or expired
        result = self.store.resume(task.ref, call_id, self.finalizer.clock.now())
        if not isinstance(result, Refused):
            self._announce(result.task)
        if not _is_same(kept, document) or (isinstance(result, Refused) and not _is_resumed(result.current)):
            raise RequestRefused(
                ErrorCode.TASK_NOT_WAITING, "The question has been answered already, or the task has ended."
            )
        return result.current or task

    def _store(self, task: Task, call_id: str, document: dict[str, Any]) -> dict[str, Any]:
        """Of concurrent answers the first one is stored, and returned."""
        # named by its content, so that a different answer cannot replace the text of the first
        digest = hashlib.sha256(_content_of(document).encode()).hexdigest()[:16]
        saved = payload.save_in_item(self.payloads, task.ref.task_id, f"answer-{call_id}-{digest}", document)
        record = Record(call_key(task.turns, call_id), saved)
        earlier = self.records.put_record_once(task.ref.task_id, task.fence, record)
        return document if earlier is None else payload.load(self.payloads, earlier.payload)

    def _last_answer(self, task: Task, call_id: str | None) -> dict[str, Any] | None:
        """The last answer, or the one to that question if it was ever asked."""
        for record in reversed(self.records.records(task.ref.task_id)):
            _, is_call, name = record.key.partition(CALL)
            if is_call and call_id in (None, name):
                document = payload.load(self.payloads, record.payload)
                if document.get("isAnswer"):
                    return document
        return None

    def _announce(self, task: Task) -> None:
        try:
            self.queue.send(task)
        except QueueUnavailable as error:
            self.telemetry.problem(
                "task not announced; the sweeper will announce it", task, reason=str(error)
            )
        self.telemetry.event("question answered", task)


def _document(
    message: str,
    parts: Sequence[Mapping[str, Any]],
    envelope: Mapping[str, Any] | None,
    answer_id: str | None,
) -> dict[str, Any]:
    """An answer as it is stored: the result of the tool call that asked."""
    document: dict[str, Any] = {"state": "done", "text": message, "isAnswer": True}
    document |= {"parts": list(parts)} if parts else {}
    document |= {} if envelope is None else {"envelope": envelope}
    document |= {} if answer_id is None else {"answerId": answer_id}
    return document


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether they are one answer, given twice."""
    return _content_of(one) == _content_of(other) or (
        "answerId" in one and one["answerId"] == other.get("answerId")
    )


def _content_of(document: Mapping[str, Any]) -> str:
    """Content that distinguishes answers."""
    if "parts" not in document:
        return str(document["text"])
    return json.dumps(document["parts"], ensure_ascii=False, sort_keys=True)


def _is_resumed(task: Task | None) -> bool:
    """Whether an earlier call, whose response was lost, has already resumed the task."""
    return task is not None and not task.is_terminal
