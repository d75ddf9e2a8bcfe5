"""A message and its answer in one call: create a task, or answer an open question, and wait."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import ContextRef, Status, Task
from a2a_tasks.tasks.queries import Tasks, task_of_project
from a2a_tasks.tasks.submission import Submission, Submitter, agent_of_project
from a2a_tasks.webhooks.push_configs import PushConfigs


@dataclass(frozen=True)
class MessageSender:
    """Sends messages to agents. All methods raise ``RequestRefused``, ``StoreUnavailable``,
    ``PayloadUnavailable`` and ``SealingUnavailable``; calling again with the same idempotency key is safe."""

    submitter: Submitter
    answerer: Answerer
    slots: Slots
    tasks: Tasks
    push: PushConfigs

    def send_and_wait(self, submission: Submission, seconds_left: Callable[[], float]) -> Task:
        """Send a message. Returns the task as soon as it has ended or asks, or as it is after
        ``seconds_left``; it continues then."""
        ref = self.begin(submission).ref
        return self.tasks.wait(submission.project_id, ref.agent_id, ref.task_id, max(0.0, seconds_left()))

    def begin(self, submission: Submission) -> Task:
        """The task that handles the message: the conversation's current task if it asks a question,
        otherwise a new one. An idempotency key also covers the question that its request answered, so that
        a retry answers no other one. Raises ``RequestRefused`` (TASK_NOT_WAITING) if another answer came
        first."""
        if submission.context_id is None:
            return self.submitter.submit(submission)
        # read before the key is reserved: the reservation fixes whether the message is an answer or a new
        # task
        asking = asking_task(self.slots, self.tasks, submission)
        if submission.idempotency is not None:
            held = self.submitter.reserve(submission, submission.idempotency, asking)
            # also if that question was answered meanwhile: the same answer is accepted again, and applies to
            # no other question
            if held.call_id is not None:
                task = task_of_project(
                    self.tasks.store.read, submission.project_id, submission.agent_id, held.task_id
                )
                return self._answer(task, submission, held.call_id)
        elif asking is not None and asking.question is not None:
            try:
                return self._answer(asking, submission, asking.question.call_id)
            except RequestRefused as refused:
                if refused.code is not ErrorCode.TASK_NOT_WAITING:
                    raise
                # another answer came first, or the question ended: the message becomes a new task
        return self.submitter.submit(submission)

    def _answer(self, task: Task, submission: Submission, call_id: str) -> Task:
        if submission.push is not None:
            # stored first, so that the change made by the answer is delivered; the id is derived, so a retry
            # replaces it
            task_id = task.ref.task_id
            config = replace(submission.push, config_id=submission.push.config_id or task_id)
            self.push.create(
                submission.project_id, task.ref.agent_id, task_id, config, "pushNotificationConfig"
            )
        return self.answerer.answer(task, submission.message, call_id=call_id)


def asking_task(slots: Slots, tasks: Tasks, submission: Submission) -> Task | None:
    """The current task of the submission's conversation, if it asks a question. Raises ``RequestRefused``
    (AGENT_NOT_FOUND) and ``StoreUnavailable``."""
    agent = agent_of_project(tasks.registry, submission.project_id, submission.agent_id)
    ref = slots.current(ContextRef(agent.agent_id, submission.context_id)) if submission.context_id else None
    task = None if ref is None else tasks.store.get(ref)
    if task is None or task.project_id != submission.project_id:
        return None
    task = tasks.finalizer.expire_if_overdue(task)
    return task if task.status is Status.INPUT_REQUIRED else None
