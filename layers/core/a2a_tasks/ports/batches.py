"""Message Batches: what is kept of them, and the API that answers them.

A batch is written down before it is created at the API, since creating cannot be repeated safely: the API has
no idempotency key, and lists batches without their requests' ids (Anthropic's API reference, "List Message
Batches"). So a record without the API's id says that a batch may exist there.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import ModelBusy, ModelRejected, ModelReply, ModelRequest
from a2a_tasks.ports.queues import BatchLine

IDLE_MS = 3_600_000
"""A project is not forgotten before nobody has put a task in its line for so long: well above the time for
which those who do rely on its being listed."""


@dataclass(frozen=True)
class ProjectInLine:
    """A project that has tasks in line, or had some lately: at ``seen_at`` it was listed again. ``refusals``
    are the creations in a row that the API did not accept; none is tried before ``paused_until``. Times are
    Unix milliseconds."""

    project_id: str
    seen_at: int
    refusals: int = 0
    paused_until: int = 0


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
    """A batch as recorded, of one project's tasks. Times are Unix milliseconds.

    Its tasks are claimed with ``root_id`` as the claim's id: its own, or that of the batch that it is a part
    of. ``tried_at`` is when the creation under way was written down, which has ``count`` requests; 0 of a
    part that nobody has tried to create. ``api_id`` is the batch's id at the API, once that is known.
    ``foreign`` are batches at the API that were found to be somebody else's. ``held_until`` keeps other runs
    from recording the same results at the same time. Members before ``live_from`` have ended. ``reserved`` is
    what its tasks may come to, until the batch is closed.

    A batch that the API refuses is split: each part has the root's members from ``first`` to ``end``.

    ``version`` rises with every write; ``run_id`` is the run that wrote last, by which it knows a write of
    its own whose answer was lost.
    """

    batch_id: str
    run_id: str
    tried_at: int
    count: int
    project_id: str
    version: int = 1
    api_id: str | None = None
    foreign: frozenset[str] = frozenset()
    held_until: int = 0
    live_from: int = 0
    reserved: Usage = field(default_factory=Usage)
    root: str | None = None
    first: int = 0
    end: int | None = None

    @property
    def root_id(self) -> str:
        """The batch that was begun with the claims of its tasks: itself, or what it is a part of."""
        return self.root or self.batch_id

    def of(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        """Its own of the root's members."""
        return members[self.first : self.end]

    def parts(self, at: int, run_id: str) -> "tuple[Batch, Batch]":
        """Two batches in its place, the second from its member number ``at`` on. Until they are tried, each
        reserves all that this one does: too much rather than too little."""
        middle = self.first + at
        return self._part(self.first, middle, run_id), self._part(middle, self.end, run_id)

    def _part(self, first: int, end: int | None, run_id: str) -> "Batch":
        name = f"{self.root_id}.{first}-{'' if end is None else end}"
        of = replace(self, batch_id=name, run_id=run_id, root=self.root_id, first=first, end=end)
        return replace(of, tried_at=0, count=0, version=1, foreign=frozenset(), live_from=0)

    def retried(self, run_id: str, now: int, count: int, reserved: Usage) -> "Batch":
        """The same with a creation under way."""
        return replace(self, run_id=run_id, tried_at=now, count=count, reserved=reserved)


class BatchStore(BatchLine, Protocol):
    """All methods raise ``StoreUnavailable``, read consistently, and can be repeated."""

    def move_old_line(self, now: int, limit: int) -> None:
        """Put up to ``limit`` tasks in their projects' lines that an earlier release has put in its one line
        for all."""
        ...

    def projects(self) -> list[ProjectInLine]:
        """All that have tasks in line, also such that may start later, and some that have none."""
        ...

    def project(self, project_id: str) -> ProjectInLine:
        """How a project stands, listed or not."""
        ...

    def pause(self, project_id: str, refusals: int, until: int) -> None:
        """Let no batch of a project be created before ``until``; 0 ends that."""
        ...

    def forget(self, project: ProjectInLine) -> None:
        """List a project no longer whose line is empty and that was not seen for ``IDLE_MS``; unless it was
        seen since it was read."""
        ...

    def waiting(self, project_id: str, now: int, limit: int) -> list[Waiting]:
        """Up to ``limit`` of a project's tasks that are in line by now, the oldest first. What may start
        later is not read."""
        ...

    def is_empty(self, project_id: str) -> bool:
        """Whether nothing is in a project's line, also nothing that may start later."""
        ...

    def drop(self, entry: Waiting) -> None:
        """Take an entry out of the line; what was put in with another ``since`` stays."""
        ...

    def count_try(self, entry: Waiting, run_id: str) -> int:
        """Note that a task in line could not be prepared, once for each run; in how many since it is in line.
        0 if this run is noted already, or the entry is gone."""
        ...

    def note_preparing(self, project_id: str, run_id: str, now: int, entries: Sequence[Waiting]) -> None:
        """Write down what a run is about to prepare of a project's, in place of what it has prepared
        before."""
        ...

    def preparing(self, project_id: str) -> list[Preparing]:
        """What runs are preparing of a project's, and were when they died."""
        ...

    def end_preparing(self, project_id: str, run_id: str) -> None:
        """A run prepares nothing of a project's any more, or was taken for dead."""
        ...

    def begin(self, batch: Batch, members: tuple[Member, ...]) -> bool:
        """Write a batch down, open. Its members never change. False if it was abandoned."""
        ...

    def abandon(self, project_id: str, batch_id: str, now: int) -> bool:
        """Make sure that a batch which is not written down never will be; False if it is open, or was
        split."""
        ...

    def split(self, batch: Batch, parts: tuple[Batch, Batch], now: int) -> bool:
        """Write two batches down in place of one, at once; False if another run has changed it meanwhile.
        That there was one is known as long as its tasks may hold its claim."""
        ...

    def open_batches(self) -> list[Batch]:
        """All batches whose results are not recorded yet."""
        ...

    def open_of(self, project_id: str) -> list[Batch]:
        """A project's among them."""
        ...

    def members(self, root_id: str) -> tuple[Member, ...]:
        """With which a batch was begun."""
        ...

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


@dataclass
class NotAccepted(Exception):
    """The API creates no batch now, whatever is in it. ``retry_after`` is in how many seconds it wants to be
    asked again, if it says so; with ``needs_operator`` waiting alone will not help."""

    reason: str
    retry_after: float | None = None
    needs_operator: bool = False

    def __str__(self) -> str:
        return self.reason


class MessageBatches(Protocol):
    """Batches at the API. All coroutines but ``create`` raise ``ModelBusy`` and ``ModelRejected``."""

    def encode(self, task_id: str, request: ModelRequest) -> bytes:
        """One request as it is sent. The task's id is the one by which its result is known."""
        ...

    async def create(self, requests: list[bytes]) -> str:
        """Create a batch, with a single call; its id. Empties ``requests``, so that a large batch is not held
        twice.

        Raises ``NotAccepted``; ``ModelRejected`` if the API refuses what is in the batch; and
        ``CreationUnknown``. Only after that there may be one.
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
