"""Tools that run here: workspace files, artifacts, progress. Results are written for the model, also for
invalid input; only errors that the model cannot fix are raised."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from a2a_tasks.domain.task import Artifact, ArtifactForm, Payload, Progress
from a2a_tasks.domain.tools import artifact_link
from a2a_tasks.domain.tools.catalog import WORKSPACE_TOOLS, ToolAnswer
from a2a_tasks.domain.tools.file_name import safe_name
from a2a_tasks.domain.tools.service import MAX_ARTIFACT_BYTES, MAX_ARTIFACTS, MAX_NAME, MAX_STEP
from a2a_tasks.execution.model.transcript import ToolCall, Transcript
from a2a_tasks.execution.tools import workspace
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.ports.workspace import Workspace, WorkspaceRefused, Workspaces
from a2a_tasks.tasks import payload

FORMS = {"content": ArtifactForm.TEXT, "data": ArtifactForm.DATA, "base64": ArtifactForm.FILE}
"""Kind of artifact by the argument of ``save_artifact`` that has its content."""
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(?:; ?[\w.-]{1,50}=[\w.-]{1,50})*", re.ASCII)


@dataclass(frozen=True)
class ToolOutcome:
    """A tool's result, and its effects."""

    answer: ToolAnswer
    progress: Progress | None = None
    artifact: Artifact | None = None
    workspace: Payload | None = None

    def to_document(self) -> dict[str, Any]:
        """The result as a record (model/transcript.py)."""
        document: dict[str, Any] = {"state": "done", "text": self.answer.text}
        if self.answer.is_error:
            document["isError"] = True
        if self.workspace is not None:
            document["workspace"] = asdict(self.workspace)
        if self.artifact is not None:
            document["artifact"] = asdict(self.artifact)
        return document


class InvalidToolInput(Exception):
    """Invalid input of a tool. The message tells the model what to change."""


@dataclass
class Toolbox:
    """One task's tools during one claim. All methods may block, so run them in a thread; they raise
    ``PayloadUnavailable`` and ``PayloadCorrupt``."""

    task_id: str
    fence: int
    """Part of the names of what is stored, so that a stale worker replaces nothing."""
    payloads: PayloadStore
    workspaces: Workspaces
    progress: Progress
    link_hosts: Collection[str] = ()
    """Hosts that saved links may point to."""
    _workspace: Workspace | None = field(default=None)

    def run(self, call: ToolCall, transcript: Transcript) -> ToolOutcome:
        """Run a tool call and return its result."""
        arguments = call.input if isinstance(call.input, dict) else {}
        try:
            if call.name in WORKSPACE_TOOLS:
                return self._use_workspace(call, arguments, transcript)
            runs: dict[str, Callable[[], ToolOutcome]] = {
                "save_artifact": lambda: self._save_artifact(call.call_id, arguments, transcript),
                "report_progress": lambda: self._report_progress(arguments),
                "TodoWrite": lambda: self._write_todos(arguments),
            }
            return runs[call.name]()
        except InvalidToolInput as error:
            return error_outcome(str(error))

    def save_workspace(self, call: ToolCall) -> Payload | None:
        """Store the files as a call has left them. They are saved together with the result that reports
        them, so that a resumed conversation matches its files."""
        if self._workspace is None:
            return None
        name = f"workspace-{self.fence}-{call.call_id}.tar.gz"
        data = self._workspace.snapshot()
        return payload.save_bytes(self.payloads, self.task_id, name, data, "application/gzip")

    def close(self) -> None:
        """Delete the workspace's files from this machine."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def _use_workspace(
        self, call: ToolCall, arguments: dict[str, Any], transcript: Transcript
    ) -> ToolOutcome:
        if self._workspace is None:
            # as of the last saved result, without changes of an interrupted call
            saved = transcript.workspace
            snapshot = payload.load_bytes(self.payloads, saved) if saved else None
            try:
                self._workspace = self.workspaces.open(self.task_id, snapshot)
            except WorkspaceRefused as error:
                raise PayloadCorrupt(f"The task's files cannot be restored: {error}") from None
        return ToolOutcome(workspace.run(self._workspace, call.name, arguments))

    def _save_artifact(self, call_id: str, arguments: dict[str, Any], transcript: Transcript) -> ToolOutcome:
        name = safe_name(_text(arguments, "name", MAX_NAME), MAX_NAME)
        if not name:
            raise InvalidToolInput("name must be a file name, such as report.md.")
        media_type = _text(arguments, "media_type", MAX_NAME)
        if not _MEDIA_TYPE.fullmatch(media_type):
            media_type = "application/octet-stream"
        # a call that runs again after a crash replaces its own artifact
        if len(transcript.artifacts) >= MAX_ARTIFACTS and call_id not in transcript.artifacts:
            raise InvalidToolInput(
                f"This task has {MAX_ARTIFACTS} artifacts, which is as many as it may have."
            )
        given = [key for key in ("content", "base64", "data", "url") if arguments.get(key) is not None]
        if len(given) != 1:
            raise InvalidToolInput("Give exactly one of content, base64, data and url.")
        if given == ["url"]:
            problem = artifact_link.problem_of(arguments["url"], self.link_hosts)
            if problem is not None:
                raise InvalidToolInput(problem)
            # the call's id is the artifact's, so that running it again leaves one artifact
            artifact = Artifact(call_id, name, media_type, url=arguments["url"])
        else:
            data = _bytes(given[0], arguments[given[0]])
            saved = payload.save_bytes(
                self.payloads,
                self.task_id,
                f"artifact-{self.fence}-{call_id}",
                data,
                header_of(media_type, is_text=given == ["content"]),
            )
            form = FORMS[given[0]]
            artifact = Artifact(call_id, name, media_type, size_bytes=len(data), key=saved.key, form=form)
        return ToolOutcome(
            ToolAnswer(f"Saved {name}; the caller gets it with the result."), artifact=artifact
        )

    def _report_progress(self, arguments: dict[str, Any]) -> ToolOutcome:
        percent = arguments.get("percent")
        if percent is not None and (
            isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100
        ):
            raise InvalidToolInput("percent must be a whole number from 0 to 100, or left out.")
        step = _text(arguments, "step", MAX_STEP)
        self.progress = replace(self.progress, step=step, percent=percent)
        return ToolOutcome(ToolAnswer("Reported."), progress=self.progress)

    def _write_todos(self, arguments: dict[str, Any]) -> ToolOutcome:
        todos = arguments.get("todos")
        if not isinstance(todos, list) or not all(isinstance(todo, dict) for todo in todos):
            raise InvalidToolInput("todos must be a list of objects with content and status.")
        current = [todo for todo in todos if todo.get("status") == "in_progress"]
        done = sum(todo.get("status") == "completed" for todo in todos)
        if current:
            step = str(current[0].get("activeForm") or current[0].get("content") or "")[:MAX_STEP]
            self.progress = replace(self.progress, step=storable(step), percent=None)
        return ToolOutcome(ToolAnswer(f"Noted: {done} of {len(todos)} done."), progress=self.progress)


def error_outcome(text: str) -> ToolOutcome:
    """An error result with this text."""
    return ToolOutcome(ToolAnswer(text, is_error=True))


def storable(text: str) -> str:
    """The text without lone surrogates, which no store accepts."""
    return text.encode(errors="replace").decode()


def step_of(updates: str) -> str | None:
    """The current step, from the model's last progress update."""
    newest = updates.rpartition("\n\n")[2].strip()
    return storable(newest)[:MAX_STEP] or None


def _text(arguments: Mapping[str, Any], name: str, limit: int) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidToolInput(f"{name} must be a text that is not empty.")
    return storable(value.strip())[:limit]


def _bytes(kind: str, value: Any) -> bytes:
    if kind == "data":
        data = json.dumps(value, ensure_ascii=False).encode(errors="replace")
    elif not isinstance(value, str):
        raise InvalidToolInput(f"{kind} must be a text.")
    elif kind == "content":
        data = value.encode(errors="replace")
    else:
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidToolInput("base64 is not valid base64.") from None
    if len(data) > MAX_ARTIFACT_BYTES:
        raise InvalidToolInput(f"The artifact has {len(data)} bytes; at most {MAX_ARTIFACT_BYTES} are kept.")
    return data


def header_of(media_type: str, *, is_text: bool) -> str:
    """The media type as S3 accepts it in a header. Texts get a UTF-8 charset, for clients that would
    guess."""
    if not media_type.isascii() or not media_type.isprintable():
        return "application/octet-stream"
    return f"{media_type}; charset=utf-8" if is_text and ";" not in media_type else media_type
