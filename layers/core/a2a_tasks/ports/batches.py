"""Message Batches: our records of them, and the API.

A batch is recorded before it is created at the API, because creation cannot be retried safely: the API has
no idempotency key, and lists batches without the ids of their requests (Anthropic's API reference, "List
Message Batches"). A record without the API's id therefore means that a batch may exist there.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest
from a2a_tasks.ports.queues import BatchQueue

IDLE_MS = 3_600_000
"""A project stays listed for this long after its last task: well above the time for which a writer may rely
on the project being listed."""


@dataclass(frozen=True)
class QueuedProject:
    """A project that has, or recently had, tasks in line. Times are Unix milliseconds."""

    project_id: str
    seen_at: int
    """When it was last listed."""
    refusals: int = 0
    """Consecutive creations that the API did not accept."""
    paused_until: int = 0
    """No creation is tried before."""


@dataclass(frozen=True)
class QueuedTask:
    """A task in line for a batch."""

    ref: TaskRef
    since: int
    """Start of its wait (Unix milliseconds); may lie in the future."""
    project_id: str
    tries: int = field(default=0, compare=False)
    """Runs that could not prepare it."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.ref.task_id


@dataclass(frozen=True)
class Preparing:
    """Entries that a run is preparing in parallel. One left by a crashed run shows which tasks may have
    crashed it."""

    run_id: str
    begun_at: int
    """Unix milliseconds."""
    entries: tuple[QueuedTask, ...]


@dataclass(frozen=True)
class BatchMember:
    """A task of a batch."""

    ref: TaskRef
    fence: int
    """Fence of the claim with which it joined the batch."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.ref.task_id


@dataclass(frozen=True)
class Batch:
    """A recorded batch of one project's tasks. Times are Unix milliseconds.

    A batch that the API rejects is split in two; each part covers the root's members from ``first`` to
    ``end``.
    """

    batch_id: str
    run_id: str
    """The run that wrote last, so that it recognizes its own write after a lost response."""
    tried_at: int
    """When the creation under way was recorded. 0 for a part whose creation has not been tried."""
    count: int
    """Requests in that creation."""
    project_id: str
    version: int = 1
    """Rises with every write; writes are conditioned on it."""
    api_id: str | None = None
    """The batch's id at the API, once known."""
    foreign: frozenset[str] = frozenset()
    """Batches at the API that turned out not to be this one."""
    held_until: int = 0
    """Other runs do not record its results before."""
    live_from: int = 0
    """Members before this index have ended."""
    reserved: Usage = field(default_factory=Usage)
    """What its tasks may cost at most, reserved until the batch is closed."""
    root: str | None = None
    """Id of the batch that this one is a part of."""
    first: int = 0
    """Index of its first member among the root's."""
    end: int | None = None
    """Index after its last member. None: the rest."""

    @property
    def root_id(self) -> str:
        """The batch whose id is the claim id of the tasks: the root, or itself."""
        return self.root or self.batch_id

    def of(self, members: tuple[BatchMember, ...]) -> tuple[BatchMember, ...]:
        """The root's ``members`` that belong to this batch."""
        return members[self.first : self.end]

    def parts(self, at: int, run_id: str) -> "tuple[Batch, Batch]":
        """Two batches in place of this one, split before member ``at``. Until they are tried each reserves
        the whole amount: too much rather than too little."""
        middle = self.first + at
        return self._part(self.first, middle, run_id), self._part(middle, self.end, run_id)

    def _part(self, first: int, end: int | None, run_id: str) -> "Batch":
        name = f"{self.root_id}.{first}-{'' if end is None else end}"
        of = replace(self, batch_id=name, run_id=run_id, root=self.root_id, first=first, end=end)
        return replace(of, tried_at=0, count=0, version=1, foreign=frozenset(), live_from=0)

    def retried(self, run_id: str, now: int, count: int, reserved: Usage) -> "Batch":
        """A copy with another creation under way."""
        return replace(self, run_id=run_id, tried_at=now, count=count, reserved=reserved)


class BatchStore(BatchQueue, Protocol):
    """Records of batches and lines. All methods raise ``StoreUnavailable``, read consistently, and are
    idempotent. Times are Unix milliseconds."""

    def projects(self) -> list[QueuedProject]:
        """All projects with tasks in line, including those that start later, and some without any."""
        ...

    def project(self, project_id: str) -> QueuedProject:
        """State of a project, listed or not."""
        ...

    def pause(self, project_id: str, refusals: int, until: int) -> None:
        """Suspend creations for a project until ``until``; 0 resumes them."""
        ...

    def forget(self, project: QueuedProject) -> None:
        """Stop listing a project whose line is empty and that was not seen for ``IDLE_MS``, unless it was
        seen since ``project`` was read."""
        ...

    def waiting(self, project_id: str, now: int, limit: int) -> list[QueuedTask]:
        """Up to ``limit`` of a project's tasks whose wait has started, oldest first."""
        ...

    def is_empty(self, project_id: str) -> bool:
        """Whether a project's line has no entries, not even future ones."""
        ...

    def drop(self, entry: QueuedTask) -> None:
        """Remove an entry. One of the same task with another ``since`` is left alone."""
        ...

    def count_try(self, entry: QueuedTask, run_id: str) -> int:
        """Count a run that could not prepare a task, once per run.

        Returns:
            The number of such runs since the task is in line; 0 if this run was counted before or the entry
            no longer exists.
        """
        ...

    def note_preparing(self, project_id: str, run_id: str, now: int, entries: Sequence[QueuedTask]) -> None:
        """Record what a run is about to prepare, replacing its previous note."""
        ...

    def preparing(self, project_id: str) -> list[Preparing]:
        """Notes of runs, including those that crashed."""
        ...

    def end_preparing(self, project_id: str, run_id: str) -> None:
        """Remove the note of a run that is done or presumed dead."""
        ...

    def begin(self, batch: Batch, members: tuple[BatchMember, ...]) -> bool:
        """Record a new batch. Its members never change. False if it was abandoned."""
        ...

    def abandon(self, project_id: str, batch_id: str, now: int) -> bool:
        """Make sure that a batch which is not recorded yet never will be. False if it is open or was
        split."""
        ...

    def split(self, batch: Batch, parts: tuple[Batch, Batch], now: int) -> bool:
        """Replace a batch by two parts in one transaction. False if another run has changed it meanwhile. A
        marker of the root stays for as long as tasks may hold its claim."""
        ...

    def open_batches(self) -> list[Batch]:
        """All batches whose results are not completely recorded."""
        ...

    def open_of(self, project_id: str) -> list[Batch]:
        """The open batches of one project."""
        ...

    def members(self, root_id: str) -> tuple[BatchMember, ...]:
        """The members with which a batch was begun."""
        ...

    def update(self, batch: Batch) -> Batch | None:
        """Write a changed batch, conditioned on its version. Returns the batch as stored, or None if another
        run has changed it meanwhile."""
        ...

    def owner(self, api_id: str) -> str | None:
        """The recorded batch to which a batch at the API belongs, or None."""
        ...

    def assign(self, api_id: str, batch_id: str, now: int) -> bool:
        """Assign a batch at the API to a recorded one, for good. False if it is assigned to another."""
        ...

    def close(self, batch: Batch) -> None:
        """Delete the record of a batch whose results are all recorded. Assignments of the API's batches
        stay."""
        ...


class RemoteStatus(StrEnum):
    """State of a batch at the API."""

    IN_PROGRESS = "in_progress"
    CANCELING = "canceling"
    ENDED = "ended"


@dataclass(frozen=True)
class RemoteBatch:
    """A batch as the API lists it."""

    api_id: str
    status: RemoteStatus
    count: int
    """Number of its requests."""
    created_at: int
    """Unix milliseconds."""


class UnprocessedReason(StrEnum):
    """Why the API did not process a request."""

    EXPIRED = "expired"  # the batch ran out of its 24 hours
    CANCELED = "canceled"


@dataclass(frozen=True)
class RequestResult:
    """The result of one request: a turn, the error that a single call would have raised, or the reason why it
    was not processed."""

    task_id: str
    """The request's ``custom_id``: a task id in our batches, any text in others."""
    outcome: ModelReply | ModelBusy | ModelRejected | UnprocessedReason


class CreationUnknown(Exception):
    """The response to a creation was lost: the batch may or may not exist."""


@dataclass
class NotAccepted(Exception):
    """The API accepts no batch at the moment, whatever its content."""

    reason: str
    retry_after: float | None = None
    """Seconds until a retry, if the API said so."""
    needs_operator: bool = False
    """Retries alone will not help."""

    def __str__(self) -> str:
        return self.reason


class MessageBatches(Protocol):
    """Batches at the API. All coroutines except ``create`` raise ``ModelBusy`` and ``ModelRejected``."""

    def encode(self, task_id: str, request: ModelRequest) -> bytes:
        """Serialize one request, with the task's id as ``custom_id``."""
        ...

    async def create(self, requests: list[bytes]) -> str:
        """Create a batch with a single, unretried call. Empties ``requests`` so that a large batch is not in
        memory twice.

        Returns:
            The batch's id.

        Raises:
            NotAccepted: Nothing was created; try again later.
            ModelRejected: Nothing was created; the content is not acceptable.
            CreationUnknown: The batch may exist.
        """
        ...

    async def get(self, api_id: str) -> RemoteBatch | None:
        """The batch as it is, or None if there is none."""
        ...

    async def created_between(self, since: int, until: int) -> list[RemoteBatch]:
        """Batches created between ``since`` and ``until`` (Unix milliseconds)."""
        ...

    def results(self, api_id: str) -> AsyncGenerator[RequestResult]:
        """Stream the results of an ended batch, in any order. The stream may end early without an error, and
        must be closed."""
        ...

    async def cancel(self, api_id: str) -> None:
        """Request cancellation of a batch."""
        ...
