"""Message Batches: what is kept of them, and the API that answers them.

A batch is written down before it is created at the API, since creating cannot be repeated safely: the API has
no idempotency key, and lists batches without their requests' ids (Anthropic's API reference, "List Message
Batches"). So a record without the API's id says that a batch may exist there.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import Protocol

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batch_line import BatchLine
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest


@dataclass(frozen=True)
class Waiting:
    """A task in line for a batch, since this moment (Unix milliseconds; one in the future has to wait).
    ``tries`` are the runs that could not prepare it."""

    ref: TaskRef
    since: int
    project_id: str
    tries: int = field(default=0, compare=False)

    @property
    def task_id(self) -> str:
        return self.ref.task_id


@dataclass(frozen=True)
class Preparing:
    """What a run is about to prepare side by side, since ``begun_at`` (Unix milliseconds)."""

    run_id: str
    begun_at: int
    entries: tuple[Waiting, ...]


@dataclass(frozen=True)
class Member:
    """A task of a batch, and the fence of the claim under which it is one."""

    ref: TaskRef
    fence: int

    @property
    def task_id(self) -> str:
        return self.ref.task_id


@dataclass(frozen=True)
class Batch:
    """A batch as recorded. Times are Unix milliseconds.

    Its tasks are claimed with ``batch_id`` as the claim's id. ``tried_at`` is when the creation under way was
    written down, which has ``count`` requests; ``api_id`` is the batch's id at the API, once that is known.
    ``foreign`` are batches at the API that were found to be somebody else's. ``held_until`` keeps other runs
    from recording the same results at the same time. Members before ``live_from`` have ended. ``reserved`` is
    what its tasks may come to, by project, where that has a budget for the day: until the batch is closed.

    ``version`` rises with every write; ``run_id`` is the run that wrote last, by which it knows a write of
    its own whose answer was lost.
    """

    batch_id: str
    run_id: str
    tried_at: int
    count: int
    version: int = 1
    api_id: str | None = None
    foreign: frozenset[str] = frozenset()
    held_until: int = 0
    live_from: int = 0
    reserved: Mapping[str, Usage] = field(default_factory=dict)


def evenly(lines: Sequence[Sequence[Waiting]]) -> list[Waiting]:
    """The first of each line, then the second of each, and so on."""
    return [entry for row in zip_longest(*lines) for entry in row if entry is not None]


class BatchStore(BatchLine, Protocol):
    """All methods raise ``StoreUnavailable``, read consistently, and can be repeated."""

    def waiting(self, now: int, limit: int) -> list[Waiting]:
        """Up to ``limit`` tasks that are in line by now: of each project the oldest first, and the projects
        in turn. One whose line is long gets no more than an even share of the limit (``evenly``)."""
        ...

    def drop(self, entry: Waiting) -> None:
        """Take a task out of the line, unless it was put in anew since."""
        ...

    def count_try(self, entry: Waiting, run_id: str) -> int:
        """Note that a task in line could not be prepared, once for each run; in how many since it is in line.
        0 if this run is noted already, or the entry is gone or was made anew."""
        ...

    def note_preparing(self, run_id: str, now: int, entries: Sequence[Waiting]) -> None:
        """Write down what a run is about to prepare, in place of what it has prepared before."""
        ...

    def preparing(self) -> list[Preparing]:
        """What runs are preparing, and were when they died."""
        ...

    def end_preparing(self, run_id: str) -> None:
        """A run prepares nothing any more, or was taken for dead."""
        ...

    def begin(self, batch: Batch, members: tuple[Member, ...]) -> bool:
        """Write a batch down, open. Its members never change. False if it was abandoned."""
        ...

    def abandon(self, batch_id: str, now: int) -> bool:
        """Make sure that a batch which is not written down never will be; False if it is open."""
        ...

    def open_batches(self) -> list[Batch]:
        """All batches whose results are not recorded yet."""
        ...

    def members(self, batch_id: str) -> tuple[Member, ...]: ...

    def update(self, batch: Batch) -> Batch | None:
        """Write a changed batch; the batch as it is now, or None if another run has changed it meanwhile."""
        ...

    def owner(self, api_id: str) -> str | None:
        """The batch that a batch at the API belongs to."""
        ...

    def own(self, api_id: str, batch_id: str, now: int) -> bool:
        """Make a batch at the API belong to this one, for good; False if it belongs to another."""
        ...

    def close(self, batch: Batch) -> None:
        """Everything is recorded: forget the batch, and keep to whom the API's belonged."""
        ...


class RemoteStatus(StrEnum):
    """A batch's state at the API."""

    IN_PROGRESS = "in_progress"
    CANCELING = "canceling"
    ENDED = "ended"


@dataclass(frozen=True)
class RemoteBatch:
    """A batch as the API shows it: how many requests it has, and when it was created (Unix milliseconds)."""

    api_id: str
    status: RemoteStatus
    count: int
    created_at: int


class NotDone(StrEnum):
    """Why the API has not processed a request."""

    EXPIRED = "expired"  # the batch ran out of its 24 hours
    CANCELED = "canceled"


@dataclass(frozen=True)
class Result:
    """What became of one request: a turn, an error as a call of its own would have raised it, or nothing.
    In a batch of ours ``task_id`` is a task's, elsewhere any text."""

    task_id: str
    outcome: ModelReply | ModelBusy | ModelRejected | NotDone


@dataclass
class CreationUnknown(Exception):
    """The API's answer to a creation was lost: the batch may or may not exist."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class MessageBatches(Protocol):
    """Batches at the API. All coroutines raise ``ModelBusy`` and ``ModelRejected``."""

    def encode(self, task_id: str, request: ModelRequest) -> bytes:
        """One request as it is sent. The task's id is the one by which its result is known."""
        ...

    async def create(self, requests: list[bytes]) -> str:
        """Create a batch, with a single call; its id. Empties ``requests``, so that a large batch is not held
        twice.

        Raises ``CreationUnknown`` too. After every other error there is no batch.
        """
        ...

    async def get(self, api_id: str) -> RemoteBatch | None:
        """The batch as it stands, if there is one."""
        ...

    async def created_between(self, since: int, until: int) -> list[RemoteBatch]:
        """The batches that were created in this time (Unix milliseconds)."""
        ...

    def results(self, api_id: str) -> AsyncGenerator[Result]:
        """What became of the requests of a batch that has ended, in any order; may break off without an
        error. To be closed."""
        ...

    async def cancel(self, api_id: str) -> None: ...
