"""Make batches of the tasks in line.

Order of the writes: every task is claimed with the batch's id; then the batch is written down with its tasks;
then it is created at the API, with one call; then the API's id is written down. Whoever dies before the
second leaves claims of a batch that is not written down: once it is made sure that it never will be, they are
given back. Whoever dies after it leaves a batch for ``BatchRecovery``.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched

from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import Failure, FailureCode, RequestRefused
from a2a_tasks.domain.task import Guard, Status, Task, claimable
from a2a_tasks.domain.usage import Usage, released, reserve
from a2a_tasks.ports.batches import (
    Batch,
    BatchStore,
    CreationUnknown,
    Member,
    MessageBatches,
    Waiting,
)
from a2a_tasks.ports.clock import Entropy
from a2a_tasks.ports.faults import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelRejected
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.ports.tasks import Claim, Refused
from a2a_tasks.services import payload
from a2a_tasks.services.batch_room import BatchRoom
from a2a_tasks.services.batch_suspects import Suspects, groups
from a2a_tasks.services.batch_tasks import AT_A_TIME, BatchTasks, SideBySide
from a2a_tasks.services.single_turn import SingleTurns
from a2a_tasks.services.turn import not_shown

MAX_REQUESTS = 10_000
"""Well below the API's 100,000, so that a run gets through a batch in its time."""
MAX_BYTES = 32_000_000
"""Well below the API's 256 MB: a batch is held in memory while it is made and sent."""
ENVELOPE_BYTES = 32
"""What the body has around its requests, and between two of them, at most."""
WAIT_MS = 60_000
"""How long the first task in line waits for others."""
ENOUGH = 100
"""So many in line need not wait for more."""
COLLECT_SECONDS = 45
CREATE_SECONDS = 90
ABANDONED_MS = 120_000
"""A claim that no batch has taken up for so long is a dead run's: more than ``COLLECT_SECONDS``."""
BUSY_SECONDS = 60.0
"""When to come back to an API that accepts no batch now and does not say when it will."""


@dataclass(frozen=True)
class _Prepared:
    """A task that can go into a batch, its request as it is sent, and what that may come to."""

    entry: Waiting
    task: Task
    request: bytes
    most: Usage

    @property
    def task_id(self) -> str:
        return self.task.ref.task_id


@dataclass
class _Collected:
    """A batch in the making. Its size is that of all requests for which there was room."""

    batch_id: str
    members: list[Member] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    entries: list[Waiting] = field(default_factory=list)
    size: int = ENVELOPE_BYTES
    is_full: bool = False

    def has_room_for(self, item: _Prepared) -> bool:
        """Whether it fits, and then the room is taken."""
        size = self.size + len(item.request) + ENVELOPE_BYTES
        if size > MAX_BYTES:
            self.is_full = True
            return False
        self.size = size
        return True

    def add(self, item: _Prepared, member: Member) -> None:
        self.members.append(member)
        self.requests.append(item.request)
        self.entries.append(item.entry)


@dataclass(frozen=True)
class BatchSubmission:
    """Raises ``StoreUnavailable``. ``run_id`` is one for each run."""

    batches: BatchStore
    api: MessageBatches
    tasks: BatchTasks
    turns: SingleTurns
    side_by_side: SideBySide
    entropy: Entropy

    @property
    def suspects(self) -> Suspects:
        return Suspects(self.batches, self.tasks)

    async def submit_next(self, run_id: str) -> bool:
        """Submit the tasks in line, if there are enough or one has waited long enough; whether a batch was
        created, so that another may follow."""
        now = self.tasks.now()
        entries = await self._run(self.batches.waiting, now, MAX_REQUESTS)
        if len(entries) < ENOUGH and not any(entry.since <= now - WAIT_MS for entry in entries):
            return False
        entries = await self._run(self.suspects.sorted_out, entries, run_id)
        room = BatchRoom(self.turns.allowance.budgets, await self._run(self.batches.open_batches))
        collected = await self._collect(ids.task_id(now, self.entropy.bytes(10)), entries, room, run_id)
        if not collected.members:
            return False
        members, batch_id = tuple(collected.members), collected.batch_id
        batch = Batch(batch_id, run_id, self.tasks.now(), len(members), reserved=room.taken)
        if not await self._run(self.batches.begin, batch, members):
            return False  # another run took this one for dead, and gives the tasks back
        is_created = await self.create(batch, members, collected.requests)
        await self.side_by_side.each(self.batches.drop, collected.entries, "task not taken out of line")
        return is_created

    async def create(self, batch: Batch, members: Sequence[Member], requests: list[bytes]) -> bool:
        """Create a batch at the API that has been written down; ``members`` are those with requests. Whether
        it is known to exist."""
        try:
            async with asyncio.timeout(CREATE_SECONDS):
                api_id = await self.api.create(requests)
        except ModelRejected as rejected:
            failure = Failure(rejected.code, rejected.reason)
            await self._end(batch, members, lambda task: self.tasks.fail(task, failure))
            self.tasks.telemetry.problem("batch refused", batch_id=batch.batch_id, reason=rejected.reason)
        except ModelBusy as busy:
            again = self.tasks.now() + int((busy.retry_after or BUSY_SECONDS) * 1000)
            await self._end(batch, members, lambda task: self._again(task, again))
            self.tasks.telemetry.problem("batch not accepted", batch_id=batch.batch_id, reason=busy.reason)
        except (CreationUnknown, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            self.tasks.telemetry.problem("batch perhaps created", batch_id=batch.batch_id, reason=reason)
        else:
            self.tasks.telemetry.count("BatchesSubmitted")
            self.tasks.telemetry.count("BatchTasksSubmitted", len(members))
            await self.adopt(batch, api_id)
            return True
        return False

    async def adopt(self, batch: Batch, api_id: str) -> None:
        """Write down which batch at the API is this one: first there, so that no other can take it."""
        if not await self._run(self.batches.own, api_id, batch.batch_id, self.tasks.now()):
            self.tasks.telemetry.problem("batch belongs to another", batch_id=batch.batch_id, api_id=api_id)
            return
        await self._run(self.batches.update, replace(batch, api_id=api_id))
        self.tasks.telemetry.event(
            "batch submitted", batch_id=batch.batch_id, api_id=api_id, requests=batch.count
        )

    async def submit_again(self, batch: Batch, run_id: str) -> None:
        """Create a batch whose creation has never happened; of its tasks, those that still wait for it."""
        members = await self._run(self.batches.members, batch.batch_id)
        held: list[Member] = []
        requests: list[bytes] = []
        for group in batched(members, AT_A_TIME, strict=False):
            found = await asyncio.gather(*(self._run(self._request_again, member) for member in group))
            for member, request in zip(group, found, strict=True):
                if request is not None:
                    held.append(member)
                    requests.append(request)
        if not held:
            await self._run(self.batches.close, batch)
            return
        again = replace(batch, run_id=run_id, tried_at=self.tasks.now(), count=len(held))
        written = await self._run(self.batches.update, again)
        if written is not None:  # else another run does it
            await self.create(written, held, requests)

    async def _end(self, batch: Batch, members: Sequence[Member], step: Callable[[Task], object]) -> None:
        """Let go of the tasks of a batch that does not exist, and forget it. What fails here is tried again
        as if the creation had never been answered."""

        def let_go(member: Member) -> None:
            task = self.tasks.held(member)
            if task is not None:
                step(task)

        if await self.side_by_side.all_done(let_go, members, "task of no batch not settled"):
            await self._run(self.batches.close, batch)

    # -- collecting

    async def _collect(
        self, batch_id: str, entries: Sequence[Waiting], room: BatchRoom, run_id: str
    ) -> "_Collected":
        """Claim as many of the tasks as fit into a batch, and into their projects' budgets."""
        collected = _Collected(batch_id)
        fates: dict[str, frozenset[Member] | None] = {}
        until = self.tasks.now() + COLLECT_SECONDS * 1000
        for group in groups(entries):
            if group[0].tries and collected.entries and not collected.entries[0].tries:
                break  # what is collected goes first, whatever a suspect does
            await self._run(self.batches.note_preparing, run_id, self.tasks.now(), group)
            found = await self.side_by_side.each(
                lambda entry: self._try_to_prepare(entry, fates, room, run_id), group, "task not read"
            )
            prepared = [item for item in found if item is not None]
            fitting = await self._run(self._fitting, prepared, collected, room)
            claims = await self.side_by_side.each(
                lambda item: self._claim(item, batch_id), fitting, "task not claimed"
            )
            for item, member in zip(fitting, claims, strict=True):
                if member is not None:
                    collected.add(item, member)
            if collected.is_full or self.tasks.now() >= until:
                break
        await self._run(self.batches.end_preparing, run_id)
        return collected

    def _fitting(
        self, prepared: Sequence[_Prepared], collected: _Collected, room: BatchRoom
    ) -> list[_Prepared]:
        """Those that there is room for, which is then taken. What does not fit waits in line."""
        fitting: list[_Prepared] = []
        for item in prepared:
            if not room.is_used_up(item.task.project_id) and collected.has_room_for(item):
                room.take(item.task.project_id, item.most)
                fitting.append(item)
        return fitting

    def _try_to_prepare(
        self,
        entry: Waiting,
        fates: dict[str, frozenset[Member] | None],
        room: BatchRoom,
        run_id: str,
    ) -> _Prepared | None:
        try:
            return self._prepare(entry, fates, room)
        except (StoreUnavailable, PayloadUnavailable):
            raise
        except Exception as error:
            self.suspects.failed(entry, run_id, error)
            raise

    def _prepare(
        self, entry: Waiting, fates: dict[str, frozenset[Member] | None], room: BatchRoom
    ) -> _Prepared | None:
        task, now = self.tasks.store.get(entry.ref), self.tasks.now()
        if task is None or task.is_terminal:
            self.batches.drop(entry)
        elif task.is_expired(now):
            self.tasks.ending.time_out(task)
            self.batches.drop(entry)
        elif task.status is Status.RUNNING:
            self._look_after(entry, task, fates)
        elif not claimable(task, now):
            self.batches.enqueue(task)  # it may not start yet
        elif room.must_wait(task.project_id):
            return None  # batches under way may come to less than is reserved for them
        else:
            request = self._request(task)
            if not isinstance(request, Failure):
                encoded, most = request
                return _Prepared(entry, task, encoded, most)
            guard = Guard(frozenset({Status.PENDING}), fence=task.fence)
            self.tasks.ending.fail(task, request, guard)
            self.batches.drop(entry)
        return None

    def _request(self, task: Task) -> tuple[bytes, Usage] | Failure:
        """The task's request and what it may come to, or why it has none."""
        agent = self.turns.agent_of(task)
        if isinstance(agent, Failure):
            return agent
        try:
            document = payload.load(self.tasks.payloads, task.input)
            request = self.turns.request(task, agent, document)
        except PayloadCorrupt as error:
            return Failure(FailureCode.EXECUTION_ERROR, str(error))
        except RequestRefused as refused:
            return not_shown(refused)
        encoded = self.api.encode(task.ref.task_id, request)
        if len(encoded) > MAX_BYTES - 2 * ENVELOPE_BYTES:
            return Failure(FailureCode.EXECUTION_ERROR, "The task's message is too large for a batch.")
        return encoded, self.turns.allowance.most(task, request)

    def _claim(self, prepared: _Prepared, batch_id: str) -> Member | None:
        task = prepared.task
        # nobody else takes a task of this lane that runs, and at its deadline it ends
        # an attempt more: the claim's own
        spent = reserve(task.spent, task.attempt + 1, task.model, prepared.most)
        claim = Claim(
            batch_id,
            now=self.tasks.now(),
            held_by=batch_id,
            fence=task.fence,
            spent=spent,
            counted=self.tasks.day.baseline(task, task.spent),
        )
        result = self.tasks.store.claim(task.ref, claim)
        return None if isinstance(result, Refused) else Member(task.ref, result.task.fence)

    def _look_after(self, entry: Waiting, task: Task, fates: dict[str, frozenset[Member] | None]) -> None:
        """A task in line that is claimed: by a run at work, as a member of a batch, or by a dead run."""
        if task.claim_id is None or self.tasks.now() - task.updated_at < ABANDONED_MS:
            return
        if task.claim_id not in fates:
            fates[task.claim_id] = self._fate(task.claim_id)
        members = fates[task.claim_id]
        if members is not None and Member(task.ref, task.fence) in members:
            self.batches.drop(entry)
        else:
            # also where only the answer to its claim was lost, and the batch went without it
            spent = released(task.spent)
            self.tasks.give_back(task, self.tasks.now(), spent=spent, keeps_attempt=True)

    def _fate(self, batch_id: str) -> frozenset[Member] | None:
        """The members of a batch that was written down; None if it was not, and never will be."""
        if self.batches.abandon(batch_id, self.tasks.now()):
            return None
        return frozenset(self.batches.members(batch_id))

    async def _run[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.side_by_side.run(call, *args, **kwargs)

    # -- after a creation that is known not to have happened

    def _request_again(self, member: Member) -> bytes | None:
        task = self.tasks.held(member)
        if task is None or task.is_expired(self.tasks.now()):
            return None
        try:
            request = self._request(task)
        except (StoreUnavailable, PayloadUnavailable):
            raise
        except Exception as error:
            # in line it has its tries, and holds nobody up
            self.tasks.telemetry.problem("task not prepared", task, error=error)
            self._again(task, self.tasks.now())
            return None
        if isinstance(request, Failure):
            self.tasks.fail(task, request)
            return None
        encoded, _ = request
        return encoded

    def _again(self, task: Task, not_before: int) -> None:
        """No attempt was made, and none is counted; the deadline alone limits these."""
        self.tasks.give_back(task, not_before, spent=released(task.spent), keeps_attempt=True)
