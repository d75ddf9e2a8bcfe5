"""Batches in memory: their records, and the API that processes them."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.batches import (
    Batch,
    BatchMember,
    NotAccepted,
    Preparing,
    QueuedProject,
    QueuedTask,
    RemoteBatch,
    RemoteStatus,
    RequestResult,
    UnprocessedReason,
)
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest
from a2a_tasks.ports.queues import queued_since
from tests.twins.clock import FakeClock

type Outcome = ModelReply | ModelBusy | ModelRejected | UnprocessedReason


class MemoryBatches:
    """``BatchStore``, each method atomic."""

    def __init__(self) -> None:
        self.line: dict[tuple[int, str], QueuedTask] = {}
        self.listed: dict[str, QueuedProject] = {}
        self.open: dict[str, Batch] = {}
        self.abandoned: set[str] = set()
        self.has_split: set[str] = set()
        self.owners: dict[str, str] = {}
        self._tries: dict[tuple[int, str], list[str]] = {}
        self._preparing: dict[tuple[str, str], Preparing] = {}
        self._members: dict[str, tuple[BatchMember, ...]] = {}
        self._lock = threading.RLock()

    def is_in_line(self, task: Task) -> bool:
        return any(task_id == task.ref.task_id for _, task_id in self.line)

    def enqueue(self, task: Task, now: int) -> None:
        entry = QueuedTask(task.ref, queued_since(task), task.project_id)
        with self._lock:
            self.listed[task.project_id] = replace(self.project(task.project_id), seen_at=now)
            self.line[_place(entry)] = entry
            self._tries.setdefault(_place(entry), [])

    def projects(self) -> list[QueuedProject]:
        with self._lock:
            return list(self.listed.values())

    def project(self, project_id: str) -> QueuedProject:
        return self.listed.get(project_id, QueuedProject(project_id, 0))

    def pause(self, project_id: str, refusals: int, until: int) -> None:
        with self._lock:
            self.listed[project_id] = replace(self.project(project_id), refusals=refusals, paused_until=until)

    def forget(self, project: QueuedProject) -> None:
        with self._lock:
            if self.project(project.project_id).seen_at == project.seen_at:
                self.listed.pop(project.project_id, None)

    def waiting(self, project_id: str, now: int, limit: int) -> list[QueuedTask]:
        with self._lock:
            due = [replace(e, tries=len(self._tries[place])) for place, e in sorted(self.line.items())]
        return [e for e in due if e.project_id == project_id and e.since <= now][:limit]

    def is_empty(self, project_id: str) -> bool:
        with self._lock:
            return not any(entry.project_id == project_id for entry in self.line.values())

    def drop(self, entry: QueuedTask) -> None:
        with self._lock:
            self.line.pop(_place(entry), None)
            self._tries.pop(_place(entry), None)

    def count_try(self, entry: QueuedTask, run_id: str) -> int:
        with self._lock:
            runs = self._tries.get(_place(entry), [run_id])
            if run_id in runs[-1:]:
                return 0
            runs.append(run_id)
            return len(runs)

    def note_preparing(self, project_id: str, run_id: str, now: int, entries: Sequence[QueuedTask]) -> None:
        self._preparing[project_id, run_id] = Preparing(run_id, now, tuple(entries))

    def preparing(self, project_id: str) -> list[Preparing]:
        return [found for (of, _), found in self._preparing.items() if of == project_id]

    def end_preparing(self, project_id: str, run_id: str) -> None:
        self._preparing.pop((project_id, run_id), None)

    def begin(self, batch: Batch, members: tuple[BatchMember, ...]) -> bool:
        with self._lock:
            if batch.batch_id in self.abandoned:
                return False
            self._members[batch.batch_id] = members
            self.open.setdefault(batch.batch_id, batch)
            return True

    def abandon(self, project_id: str, batch_id: str, now: int) -> bool:  # noqa: ARG002  for key and TTL
        with self._lock:
            if batch_id in self.open or batch_id in self.has_split:
                return False
            self.abandoned.add(batch_id)
            return True

    def split(self, batch: Batch, parts: tuple[Batch, Batch], now: int) -> bool:  # noqa: ARG002  for the TTL
        with self._lock:
            current = self.open.get(batch.batch_id)
            if current is None or current.version != batch.version:
                return False
            del self.open[batch.batch_id]
            self.has_split.add(batch.batch_id)
            self.open |= {part.batch_id: part for part in parts}
            return True

    def open_batches(self) -> list[Batch]:
        return list(self.open.values())

    def open_of(self, project_id: str) -> list[Batch]:
        return [batch for batch in self.open.values() if batch.project_id == project_id]

    def members(self, root_id: str) -> tuple[BatchMember, ...]:
        return self._members.get(root_id, ())

    def update(self, batch: Batch) -> Batch | None:
        with self._lock:
            current = self.open.get(batch.batch_id)
            written = replace(batch, version=batch.version + 1)
            if current is None:
                return None
            if current.version == batch.version:
                self.open[batch.batch_id] = written
                return written
            is_ours = (current.version, current.run_id) == (written.version, written.run_id)
            return written if is_ours else None

    def owner(self, api_id: str) -> str | None:
        return self.owners.get(api_id)

    def assign(self, api_id: str, batch_id: str, now: int) -> bool:  # noqa: ARG002  for the TTL
        return self.owners.setdefault(api_id, batch_id) == batch_id

    def close(self, batch: Batch) -> None:
        with self._lock:
            current = self.open.get(batch.batch_id)
            if current is not None and current.version == batch.version:
                del self.open[batch.batch_id]


def _place(entry: QueuedTask) -> tuple[int, str]:
    return entry.since, entry.task_id


def answer(
    text: str = "Done.", stop_reason: str = "end_turn", refusal_category: str | None = None
) -> ModelReply:
    """A turn of 1,000 input and 100 output tokens."""
    usage = Bill((ModelCall(1_000, 100),), turns=1)
    return ModelReply([{"type": "text", "text": text}], text, stop_reason, usage, refusal_category)


@dataclass
class MadeBatch:
    """A batch at the API: ``requests`` are the bodies by custom id."""

    api_id: str
    requests: dict[str, Any]
    created_at: int
    canceled: bool = False
    is_gone: bool = False
    ended: dict[str, Outcome] | None = None


@dataclass
class MemoryMessageBatches:
    """``MessageBatches``. ``end`` ends all batches; each request is then answered by ``outcomes`` of its
    message, in order, and by ``answer()`` after them.

    ``lines`` is how many results are sent before the stream breaks off. While it ``is_silent``, a creation
    takes effect and gets no response. A batch with one of the messages ``refused`` is not created, and none
    while ``unwilling`` has errors left; ``creations`` are the sizes of all requested batches.
    """

    clock: FakeClock
    batches: list[MadeBatch] = field(default_factory=list)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    lines: int | None = None
    is_silent: bool = False
    refused: set[str] = field(default_factory=set)
    unwilling: list[NotAccepted] = field(default_factory=list)
    creations: list[int] = field(default_factory=list)

    def on(self, message: str, *outcomes: Outcome) -> None:
        """Answer the task with this message with these outcomes, one per batch."""
        self.outcomes.setdefault(message, []).extend(outcomes)

    def end(self) -> None:
        """End all batches that have not ended."""
        for batch in self.batches:
            if batch.ended is None:
                batch.ended = {
                    custom_id: self._outcome(batch, body) for custom_id, body in batch.requests.items()
                }

    def foreign(self, count: int) -> None:
        """A batch created by another client."""
        self._add({f"theirs-{number}": {"message": "theirs"} for number in range(count)})

    def times_sent(self, task: Task) -> int:
        """How many batches have a request of the task."""
        return sum(task.ref.task_id in batch.requests for batch in self.batches)

    def encode(self, task_id: str, request: ModelRequest) -> bytes:
        body = {
            "custom_id": task_id,
            "message": request.messages[0]["content"][-1]["text"],
            "max_tokens": request.max_tokens,
        }
        return json.dumps(body).encode()

    async def create(self, requests: list[bytes]) -> str:
        bodies = [json.loads(request) for request in requests]
        requests.clear()
        self.creations.append(len(bodies))
        if self.unwilling:
            raise self.unwilling.pop(0)
        if any(body["message"] in self.refused for body in bodies):
            raise ModelRejected(FailureCode.EXECUTION_ERROR, "The API answered 400: poison")
        api_id = self._add({body["custom_id"]: body for body in bodies}).api_id
        if self.is_silent:
            await asyncio.Event().wait()
        return api_id

    async def get(self, api_id: str) -> RemoteBatch | None:
        batch = self._find(api_id)
        return None if batch.is_gone else _remote(batch)

    async def created_between(self, since: int, until: int) -> list[RemoteBatch]:
        return [_remote(batch) for batch in reversed(self.batches) if since <= batch.created_at <= until]

    async def results(self, api_id: str) -> AsyncGenerator[RequestResult]:
        ended = self._find(api_id).ended
        if ended is None:
            raise ModelRejected(FailureCode.EXECUTION_ERROR, "The batch has not ended.")
        # not in the order of the requests
        for custom_id in sorted(ended, reverse=True)[: self.lines]:
            yield RequestResult(custom_id, ended[custom_id])

    async def cancel(self, api_id: str) -> None:
        self._find(api_id).canceled = True

    def _add(self, requests: dict[str, Any]) -> MadeBatch:
        batch = MadeBatch(f"msgbatch_{len(self.batches)}", requests, self.clock.now())
        self.batches.append(batch)
        return batch

    def _find(self, api_id: str) -> MadeBatch:
        return next(batch for batch in self.batches if batch.api_id == api_id)

    def _outcome(self, batch: MadeBatch, body: dict[str, Any]) -> Outcome:
        if batch.canceled:
            return UnprocessedReason.CANCELED
        outcomes = self.outcomes.get(body["message"])
        return outcomes.pop(0) if outcomes else answer()


def _remote(batch: MadeBatch) -> RemoteBatch:
    status = RemoteStatus.CANCELING if batch.canceled else RemoteStatus.IN_PROGRESS
    if batch.ended is not None:
        status = RemoteStatus.ENDED
    return RemoteBatch(batch.api_id, status, len(batch.requests), batch.created_at)
