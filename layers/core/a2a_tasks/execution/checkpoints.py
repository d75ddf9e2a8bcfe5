"""Checkpoints of a run: saved as it goes on, and read by the worker that takes the task over.

Each save first updates the task under the fence, so that a worker that has lost the task appends nothing,
and so that a paid turn is counted even if a crash loses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import Event
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.record_keys import PROMPT_KEY, call_key, turn_key
from a2a_tasks.domain.task import Payload, Task, TaskRef
from a2a_tasks.execution.model.transcript import ToolCall, Transcript, Turn, turn_document
from a2a_tasks.execution.model.turn import opening_of
from a2a_tasks.execution.process.fair_lock import FairLock
from a2a_tasks.execution.process.leases import StopCause, Stopped
from a2a_tasks.execution.run import TaskRun
from a2a_tasks.execution.store_retry import StoreRetry
from a2a_tasks.execution.tools.toolbox import ToolOutcome, step_of, storable
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelReply
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.tasks import Advance, Record, RecordStore, Refused, TaskStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.office_texts import OfficeTexts

MAX_TOOL_NAME = 64
"""Characters of a tool name in a step; no real tool has a longer one."""


@dataclass(frozen=True)
class Checkpoints:
    """Saves and reads checkpoints. All methods raise ``StoreUnavailable`` and ``PayloadUnavailable``;
    those that save raise ``Stopped`` if the task is no longer held; ``transcript`` raises
    ``PayloadCorrupt``."""

    store: TaskStore
    records: RecordStore
    payloads: PayloadStore
    clock: Clock
    store_retry: StoreRetry
    office: OfficeTexts
    run: RunBlocking
    _office_turn: FairLock = field(default_factory=FairLock)
    """The files of one message are parsed at a time, shared fairly among projects. Tasks that wait here
    occupy no thread."""

    async def transcript(self, task: Task) -> Transcript:
        """The conversation so far."""
        document = await self._load(task, task.input)
        # no records exist at the first claim, which saves a read
        records = await self.run(self.records.records, task.ref.task_id) if task.fence > 1 else []
        documents = [(record.key, await self._load(task, record.payload)) for record in records]
        begins_untrusted = document.get("untrusted", False)
        return Transcript.from_documents(opening_of(document), documents, begins_untrusted=begins_untrusted)

    async def _load(self, task: Task, stored: Payload) -> dict[str, Any]:
        document = await self.run(payload.load, self.payloads, stored)
        if not self.office.has_files(document):
            return document
        async with self._office_turn.held_for(task.project_id):
            return await self.run(self.office.readable, task.ref.task_id, document)

    async def save_turn(self, work: TaskRun, reply: ModelReply) -> None:
        """Save a reply before it is acted on."""
        number = len(work.transcript.turns) + 1
        tool = reply.tool_uses[0]["name"] if reply.tool_uses else None
        step = step_of(work.updates_in(reply.content)) or work.toolbox.progress.step
        work.toolbox.progress = replace(work.toolbox.progress, tool=tool, step=step)
        now = self.clock.now()
        # the task is updated first, under the fence: this counts the cost, and stops a worker that has lost
        # the task. A crash after this write loses the reply, just as a crash before it would
        await self._advance(
            work,
            Advance(
                now, spent=work.spent, counted=work.counted, turns=number, progress=work.toolbox.progress
            ),
            events.turn(now, number, reply.tools, work.fallback_model(reply)),
        )
        # saved before the first reply: a turn without its prompt would be continued with a different one
        await self._save_prompt(work)
        about = Step(now, work.task.attempt, calls=len(reply.tool_uses), used=work.last_used)
        await self._record(work, turn_key(number), f"turn-{number:04d}", turn_document(reply), about)
        # only now, because nothing may depend on a reply that another worker would not find
        work.transcript.add(reply)

    async def _save_prompt(self, work: TaskRun) -> None:
        """Save the prompt with the first turn, and again after a fallback to another model."""
        prompt, history = work.transcript.prompt, work.transcript.history
        if prompt is None or prompt == work.transcript.saved_prompt:
            return
        document: dict[str, Any] = {"prompt": prompt.to_json()} | ({"history": history} if history else {})
        document |= {"beginsUntrusted": True} if work.transcript.begins_untrusted else {}
        await self._record(work, PROMPT_KEY, "prompt", document)
        work.transcript.saved_prompt = prompt

    async def save_start(self, work: TaskRun, turn: Turn, call: ToolCall) -> None:
        """Save that a tool which must not run twice has started."""
        await self._save_use(work, call)
        await self._note(work, turn, call, {"state": "started"}, is_open=True)

    async def save_child(self, work: TaskRun, turn: Turn, call: ToolCall, child: TaskRef) -> None:
        """Save the id of a task and its reservation before the task is created."""
        await self._save_use(work, call)
        document = {"state": "child", "child": asdict(child)}
        # the reservation is stored by now, so that the task never exists without it
        await self._note(work, turn, replace(call, child=child), document, is_open=True)

    async def save_spent(self, work: TaskRun) -> None:
        """Save the usage so far."""
        await self._advance(work, Advance(self.clock.now(), spent=work.spent, counted=work.counted))

    async def answer(self, work: TaskRun, turn: Turn, call: ToolCall, outcome: ToolOutcome) -> None:
        """Save a tool's effects, then its result: a tool without a result runs again, so no result may be
        saved without its effects."""
        now = self.clock.now()
        if outcome.artifact is not None:
            artifacts = work.transcript.artifacts | {outcome.artifact.artifact_id: outcome.artifact}
            event = events.saved(work.events, now, outcome.artifact.artifact_id)
            await self._advance(work, Advance(now, artifacts=tuple(artifacts.values())), event)
        elif outcome.progress is not None:
            event = events.reported(work.events, now, outcome.progress)
            # idempotent: a retry after a lost response writes the same index of the events
            await self._advance(work, Advance(now, progress=outcome.progress), event)
        child = {"child": asdict(call.child)} if call.child else {}
        await self._note(work, turn, call, outcome.to_document() | child, is_error=outcome.answer.is_error)

    async def with_retries[T](self, work: TaskRun, write: Callable[[], T]) -> T:
        """Retry while the store does not respond and the task is still held."""
        return await self.store_retry.call(write, work.held)

    async def _save_use(self, work: TaskRun, call: ToolCall) -> None:
        work.toolbox.progress = replace(work.toolbox.progress, tool=call.name)
        now = self.clock.now()
        advance = Advance(now, spent=work.spent, counted=work.counted, progress=work.toolbox.progress)
        await self._advance(work, advance, events.tool(now, call.name))

    async def _note(
        self,
        work: TaskRun,
        turn: Turn,
        call: ToolCall,
        document: Mapping[str, Any],
        *,
        is_open: bool = False,
        is_error: bool = False,
    ) -> None:
        """Save the state of a tool call."""
        name = f"call-{turn.number:04d}-{call.call_id}"
        now, attempt = self.clock.now(), work.task.attempt
        tool = storable(call.name)[:MAX_TOOL_NAME]  # the model may call anything
        step = Step(now, attempt, tool, is_open=is_open, is_error=is_error, child=call.child)
        await self._record(work, call_key(turn.number, call.call_id), name, document, step)
        work.transcript.note(turn, call.call_id, document)

    async def _record(
        self,
        work: TaskRun,
        key: str,
        name: str,
        document: Mapping[str, Any],
        step: Step | None = None,
    ) -> None:
        task = work.task
        # the fence is part of the name, so a late upload of a stale worker cannot replace the current
        # worker's

        def write() -> bool:
            saved = payload.save_in_item(self.payloads, task.ref.task_id, f"{name}-{task.fence}", document)
            return self.records.put_record(task.ref.task_id, task.fence, Record(key, saved, step))

        # a higher fence has written it: another worker has the task
        if not await self.with_retries(work, write):
            raise Stopped(StopCause.LOST)

    async def _advance(self, work: TaskRun, advance: Advance, event: Event | None = None) -> None:
        """Update the task under the fence, with an event."""
        task = work.task
        if event is not None:
            advance = replace(advance, event=events.indexed(work.events, event))
        result = await self.with_retries(work, lambda: self.store.advance(task.ref, task.fence, advance))
        if isinstance(result, Refused):
            # distinguished, because an ended task still gets the text and the cost so far
            ended = result.current is None or result.current.is_terminal
            raise Stopped(StopCause.ENDED if ended else StopCause.LOST)
        work.events = result.task.events
