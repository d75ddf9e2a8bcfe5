"""A task's updates as the ``StreamResponse`` objects of A2A 1.0, §3.1.2 and §3.1.6 of its specification."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a import view
from a2a_tasks.conversations.follow import FollowUpdate
from a2a_tasks.domain.history.event import EventType
from a2a_tasks.domain.task import Status, Task

type StreamResults = Callable[[Task], tuple[Mapping[str, Any] | None, Sequence[Mapping[str, Any]]]]
"""A task's output and saved artifacts, as ``view.artifacts_view`` takes them."""


@dataclass
class StreamResponses:
    """One stream. It begins with the task, continues with its changes in order, and ends with all results and
    the final status.

    Progress updates of the model are shown as status updates. Its text becomes the artifact ``result`` as it
    is generated: appended to, replaced if a turn is retried, and finally replaced by the result. If the task
    cannot start soon, the last response says when to subscribe again.
    """

    results: StreamResults
    said: str = ""
    progress: str = ""

    def of(
        self, first: Mapping[str, Any], updates: Iterable[FollowUpdate | None]
    ) -> Iterator[dict[str, Any] | None]:
        """The responses of a stream. ``first`` is the task as ``view.task_view`` shows it. None is a
        keep-alive."""
        yield {"task": dict(first)}
        for update in updates:
            if update is None:
                yield None
                continue
            yield from self._progress(update)
            yield from self._draft(update)
            yield from self._changes(update)
            if update.idle_ms is not None:
                yield {"statusUpdate": view.idle_event(update.task, update.idle_ms)}

    def _progress(self, update: FollowUpdate) -> Iterator[dict[str, Any]]:
        if update.progress is None:
            return
        self.progress = self.progress[: update.progress.offset] + update.progress.text
        paragraphs = self.progress.split("\n\n")
        yield {"statusUpdate": view.progress_event(update.task, len(paragraphs), paragraphs[-1])}

    def _draft(self, update: FollowUpdate) -> Iterator[dict[str, Any]]:
        if update.text is None:
            return
        # anything else replaces the whole text: a turn was restarted, or this is the first piece
        appends = update.text.offset == len(self.said) > 0
        self.said = self.said[: update.text.offset] + update.text.text
        text = update.text.text if appends else self.said
        artifact = {"artifactId": view.RESULT, "name": view.RESULT, "parts": [{"text": text}]}
        yield _artifact_update(update.task, artifact, append=appends, is_last=False)

    def _changes(self, update: FollowUpdate) -> Iterator[dict[str, Any]]:
        for event in update.events:
            if event.type is EventType.ARTIFACT:
                continue  # artifacts are sent together at the end, because links expire
            if event.details.get("status") in (Status.COMPLETED, Status.FAILED, Status.CANCELED):
                output, artifacts = self.results(update.task)
                for artifact in view.artifacts_view(output, artifacts):
                    yield _artifact_update(update.task, artifact, append=False, is_last=True)
            yield {"statusUpdate": view.status_event(update.task, event)}


def _artifact_update(
    task: Task, artifact: Mapping[str, Any], *, append: bool, is_last: bool
) -> dict[str, Any]:
    update = view.update_of(task) | {"artifact": dict(artifact)}
    return {"artifactUpdate": update | {"append": append, "lastChunk": is_last}}
