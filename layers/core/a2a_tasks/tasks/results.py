"""Results of a task: its output, and download addresses of its artifacts."""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.task import Artifact, Task
from a2a_tasks.ports.payloads import ArtifactLinks, PayloadCorrupt, PayloadStore
from a2a_tasks.tasks import payload

UNTRUSTED = "untrusted"
"""Marks an output whose agent had read content from outside, for later tasks of the conversation."""


@dataclass(frozen=True)
class LinkedArtifact:
    """An artifact, and where it can be downloaded now."""

    artifact: Artifact
    url: str

    @property
    def is_external(self) -> bool:
        """Whether the agent gave the address, which leads out of this service."""
        return self.artifact.url is not None


@dataclass(frozen=True)
class Results:
    """Reads outputs and artifacts of tasks."""

    payloads: PayloadStore
    links: ArtifactLinks

    def output(self, task: Task) -> dict[str, Any] | None:
        """``{"result", "data"?, "partial"?, "notes"?}``, or None if there is none. Raises
        ``PayloadUnavailable`` and ``PayloadCorrupt``."""
        if task.output is None:
            return None
        document = payload.load(self.payloads, task.output)
        document.pop(UNTRUSTED, None)
        return document

    def artifacts(self, task: Task) -> list[LinkedArtifact]:
        """The artifacts with their addresses."""
        return [LinkedArtifact(artifact, self.address(artifact)) for artifact in task.artifacts]

    def address(self, artifact: Artifact) -> str:
        """A download address, valid for ``LINK_SECONDS``."""
        return artifact.url or self.links.link(artifact.key or "", artifact.name)

    def content(self, key: str) -> bytes | None:
        """Content of a stored artifact; None if it was deleted. Raises ``PayloadUnavailable``."""
        try:
            return self.payloads.get(key)
        except PayloadCorrupt:
            # clean-up deletes objects before the record that refers to them
            return None
