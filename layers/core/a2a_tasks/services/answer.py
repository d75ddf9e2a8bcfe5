"""Answer an agent's question, so that its task goes on."""

import hashlib
from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.record_keys import CALL, call_key
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queue import TaskSender
from a2a_tasks.ports.tasks import Record, RecordStore, Refused, TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services import payload
from a2a_tasks.services.ending import Ending


@dataclass(frozen=True)
class Answerer:
    """The answer is kept first, as the result of the tool call that asked; then the task is pending again.

    A crash in between leaves a task that still asks, with its answer kept: the same answer again completes
    it, another one is refused.
    """

    store: TaskStore
    records: RecordStore
    payloads: PayloadStore
    queue: TaskSender
    ending: Ending
    telemetry: Telemetry

    def answer(self, task: Task, message: str) -> Task:
        """Give the answer; the task as it goes on.

        The answer that was given last may be given again: its own answer may have been lost. Raises
        ``RequestRefused`` (TASK_NOT_WAITING) where the task does not ask, or was answered otherwise;
        ``StoreUnavailable`` and ``PayloadUnavailable``: then the same call may be made again.
        """
        task = self.ending.settled(task)
        if task.status is not Status.INPUT_REQUIRED or task.question is None:
            if self._last_answer(task) == message:
                return task
            raise RequestRefused(
                ErrorCode.TASK_NOT_WAITING, f"The task is {task.status} and does not wait for an answer."
            )
        call_id = task.question.call_id
        document = {"state": "done", "text": message, "isAnswer": True}
        # named after what it says, so that a second answer cannot replace the text of the first
        digest = hashlib.sha256(message.encode()).hexdigest()[:16]
        saved = payload.save(self.payloads, task.ref.task_id, f"answer-{call_id}-{digest}", document)
        record = Record(call_key(task.turns, call_id), saved)
        earlier = self.records.put_record_once(task.ref.task_id, task.fence, record)
        result = self.store.resume(task.ref, call_id, self.ending.clock.now())
        if not isinstance(result, Refused):
            self._announce(result.task)
        kept = message if earlier is None else payload.load(self.payloads, earlier.payload)["text"]
        if kept != message or (isinstance(result, Refused) and not _goes_on(result.current)):
            raise RequestRefused(
                ErrorCode.TASK_NOT_WAITING, "The question has been answered already, or the task has ended."
            )
        current = result.current if isinstance(result, Refused) else result.task
        return current or task

    def _last_answer(self, task: Task) -> str | None:
        """What the task was answered last, if it ever asked."""
        for record in reversed(self.records.records(task.ref.task_id)):
            if CALL in record.key:
                document = payload.load(self.payloads, record.payload)
                if document.get("isAnswer"):
                    return str(document["text"])
        return None

    def _announce(self, task: Task) -> None:
        try:
            self.queue.send(task)
        except QueueUnavailable as error:
            self.telemetry.problem("task not announced; the sweeper will", task, reason=str(error))
        self.telemetry.event("question answered", task)


def _goes_on(task: Task | None) -> bool:
    """An earlier try, whose answer was lost, has already let the task go on."""
    return task is not None and not task.is_terminal
