"""Files produced by code that the model ran, stored as artifacts of its task.

They are fetched after a reply is saved and before anything follows from it, each with a record of its own,
so that a process that takes the task over fetches the missing ones. A file that cannot be fetched is named
in the output and never fails the task.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.task import Artifact
from a2a_tasks.domain.tools.catalog import ToolAnswer
from a2a_tasks.domain.tools.file_name import safe_name
from a2a_tasks.domain.tools.service import MAX_ARTIFACTS, MAX_NAME
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.model.transcript import ToolCall, Turn
from a2a_tasks.execution.process.fair_lock import FairLock
from a2a_tasks.execution.run import TaskRun
from a2a_tasks.execution.tools.toolbox import ToolOutcome, error_outcome, header_of, storable
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.model import ModelFile, ModelFiles, ModelFileUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.tasks import payload

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_FILES_BYTES = 100 * 1024 * 1024
"""Limit of a task's artifacts together, checked before a file is added."""
TRIES = 2
"""Attempts per file. The output names a file that could not be fetched, and the answer is not delayed for
long."""
FETCHING_MS = 60_000
"""After this time in one turn no further file is fetched."""
TURNS_AT_ONCE = 2
"""Turns whose files a process fetches at a time, shared fairly among projects. Each file is held in memory,
briefly twice, and a hundred large ones would exhaust the worker's memory."""
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")


def files_in(content: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the files that a reply's code has produced, in order, without repetitions."""
    return list(dict.fromkeys(_file_ids(content)))


def _file_ids(content: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in content:
        if not block["type"].endswith("code_execution_tool_result"):
            continue
        made = block["content"].get("content") if isinstance(block.get("content"), dict) else None
        for output in made if isinstance(made, list) else ():
            if isinstance(output.get("file_id"), str) and _FILE_ID.fullmatch(output["file_id"]):
                yield output["file_id"]


@dataclass(frozen=True)
class MadeFiles:
    """Stores produced files. Raises what ``Checkpoints`` raises."""

    files: ModelFiles
    payloads: PayloadStore
    checkpoints: Checkpoints
    clock: Clock
    _turns: FairLock = field(default_factory=lambda: FairLock(TURNS_AT_ONCE))

    async def collect(self, work: TaskRun) -> None:
        """Store the files of the last reply that are neither stored nor recorded as missing."""
        turn = work.transcript.last
        if turn is None:
            return
        transcript = work.transcript
        known = transcript.artifacts.keys() | transcript.missing.keys()
        missing = [file_id for file_id in files_in(turn.content) if file_id not in known]
        if not missing:
            return
        async with self._turns.held_for(work.task.project_id):
            until = self.clock.now() + FETCHING_MS
            # one at a time: each may have 20 MB, and is briefly in memory twice
            for file_id in missing:
                await self._keep(work, turn, file_id, until)

    async def _keep(self, work: TaskRun, turn: Turn, file_id: str, until: int) -> None:
        call = ToolCall(file_id, "CodeExecution", {})
        try:
            file = await self._fetch(work, file_id, until)
        except ModelFileUnavailable as error:
            # recorded like a result, so that no worker fetches it again
            done = error_outcome(
                storable(f"{error.name or file_id} could not be kept: {error}")[: MAX_NAME * 3]
            )
        else:
            done = await self.checkpoints.with_retries(work, lambda: self._save(work, file_id, file))
        await self.checkpoints.answer(work, turn, call, done)

    async def _fetch(self, work: TaskRun, file_id: str, until: int) -> ModelFile:
        artifacts = work.transcript.artifacts.values()
        room = MAX_FILES_BYTES - sum(artifact.size_bytes or 0 for artifact in artifacts)
        # checked before the download, because a file is held in memory as a whole
        if len(artifacts) >= MAX_ARTIFACTS or room <= 0:
            raise ModelFileUnavailable("the task has as many artifacts as it may have")
        problem = ModelFileUnavailable("there was no time left for it")
        for _ in range(TRIES):
            if self.clock.now() >= until:
                break
            try:
                return await self.files.fetch(file_id, min(MAX_FILE_BYTES, room))
            except ModelFileUnavailable as error:
                problem = error
                if not error.may_come:
                    break
        raise problem

    def _save(self, work: TaskRun, file_id: str, file: ModelFile) -> ToolOutcome:
        task = work.task
        # the name contains the fence, so a late upload of a stale worker cannot replace the winner's
        key = f"artifact-{task.fence}-{file_id}"
        media_type = storable(file.media_type)[:MAX_NAME]
        header = header_of(media_type, is_text=False)
        saved = payload.save_bytes(self.payloads, task.ref.task_id, key, file.data, header)
        name = safe_name(file.name, MAX_NAME) or file_id[:MAX_NAME]
        artifact = Artifact(file_id, name, media_type, size_bytes=len(file.data), key=saved.key)
        return ToolOutcome(ToolAnswer(f"Saved {name}."), artifact=artifact)
