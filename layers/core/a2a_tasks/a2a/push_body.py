"""Bodies of push notifications."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.a2a import view
from a2a_tasks.a2a.artifacts import InlineBudget, saved_views
from a2a_tasks.a2a.v03 import objects as v03
from a2a_tasks.domain.task import Progress, Status, Task
from a2a_tasks.domain.webhooks.push import Notification, PushFormat
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.tasks.results import Results

MAX_BYTES = 20_000
"""Upper limit of a body, as the Standard Webhooks specification advises. Receivers read the task for the
rest."""
SHORT = 1_000
"""Characters of a question or a failure in a body that would be too large otherwise."""
OMITTED = {"artifactsOmitted": True}


@dataclass(frozen=True)
class NotificationBodies:
    """Renders notifications in the receiver's format."""

    results: Results

    def body(self, task: Task, notification: Notification, form: PushFormat) -> bytes:
        """The task if it has ended or asks a question, else its new status; at most ``MAX_BYTES``.

        Retries get the same body as far as possible: later changes are left out. Artifacts that do not fit
        are left out, which the metadata says. Raises ``PayloadUnavailable``.
        """
        then = _as_notified(task, notification)
        for shown in self._views(then):
            body = _encoded(shown, form)
            if len(body) <= MAX_BYTES:
                return body
        # always fits: the status alone shows that there is a result to fetch
        return _of_status(_shortened(then), form)

    def _views(self, task: Task) -> Iterator[dict[str, Any]]:
        """Views of a task, the fullest first: with results, with URLs instead of saved contents, without
        results."""
        if not task.is_terminal and task.question is None:
            return
        with suppress(PayloadCorrupt):  # the texts were deleted: the end of the task is still reported
            output = self.results.output(task)
            # links instead of contents if these do not fit; they are new in each attempt, because they expire
            for budget in (InlineBudget(MAX_BYTES), InlineBudget(0)):
                yield view.task_view(task, output, saved_views(self.results, task.artifacts, budget))
        bare = view.task_view(task, None)
        if task.output is not None or task.artifacts:
            bare["metadata"] = bare.get("metadata", {}) | OMITTED
        yield bare


def _as_notified(task: Task, notification: Notification) -> Task:
    """The task as of the notification. One that has changed since only has its status."""
    is_final = task.is_terminal and task.status is notification.status
    is_asking = task.status is Status.INPUT_REQUIRED and task.updated_at == notification.at
    if is_final or (is_asking and notification.status is Status.INPUT_REQUIRED):
        return task
    # later changes have their own notifications; this one must be the same in each attempt
    then = replace(task, status=notification.status, updated_at=notification.at)
    return replace(then, progress=Progress(), question=None, failure=None)


def _shortened(task: Task) -> Task:
    """A copy whose question and failure message are cut to what a notification has room for."""
    question, failure = task.question, task.failure
    return replace(
        task,
        question=None if question is None else replace(question, text=question.text[:SHORT]),
        failure=None if failure is None else replace(failure, message=failure.message[:SHORT]),
    )


def _encoded(task_view: Mapping[str, Any], form: PushFormat) -> bytes:
    if form is PushFormat.A2A_0_3:
        return view.to_bytes(v03.task_view(task_view))
    return view.to_bytes({"task": task_view})


def _of_status(task: Task, form: PushFormat) -> bytes:
    if form is PushFormat.A2A_0_3:  # only supports tasks as bodies
        return _encoded(view.task_view(task, None), form)
    return view.to_bytes({"statusUpdate": view.status_update(task)})
