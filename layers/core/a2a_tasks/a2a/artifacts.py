"""Saved artifacts in A2A: small ones inline, others by URL."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a.view import to_bytes
from a2a_tasks.domain.task import Artifact, ArtifactForm
from a2a_tasks.domain.text.json_text import deserialize
from a2a_tasks.ports.payloads import LINK_SECONDS
from a2a_tasks.tasks.results import Results

MAX_CONTENT_BYTES = 100 * 1024
"""Upper limit of one inline artifact."""
MAX_CONTENTS_BYTES = 1024 * 1024
"""Upper limit of all inline artifacts of a response, as JSON. A Lambda response is limited to 6 MB and also
contains history and result."""
MAX_CONTENTS = 20
"""Inline artifacts of a response. Each is one request to the payload store."""


@dataclass
class InlineBudget:
    """What is left of a response for inline contents: bytes of JSON, and their number."""

    size: int = MAX_CONTENTS_BYTES
    count: int = MAX_CONTENTS


def saved_views(
    results: Results, artifacts: Sequence[Artifact], budget: InlineBudget
) -> list[dict[str, Any]]:
    """``Artifact`` objects, which use up ``budget``. Raises ``PayloadUnavailable``."""
    return [_saved(results, artifact, budget) for artifact in artifacts]


def _saved(results: Results, artifact: Artifact, budget: InlineBudget) -> dict[str, Any]:
    content = _content(results, artifact, budget) or {"url": results.address(artifact)}
    part = content | {"mediaType": artifact.media_type, "filename": artifact.name}
    metadata: dict[str, Any] = {} if artifact.size_bytes is None else {"sizeBytes": artifact.size_bytes}
    if artifact.url is not None:
        metadata["external"] = True
    elif "url" in content:
        metadata["urlSeconds"] = LINK_SECONDS
    shown = {"artifactId": artifact.artifact_id, "name": artifact.name, "parts": [part]}
    return shown | ({"metadata": metadata} if metadata else {})


def _content(results: Results, artifact: Artifact, budget: InlineBudget) -> dict[str, Any] | None:
    """The part's content, or None if it does not fit or no longer exists; the URL is shown then."""
    size = artifact.size_bytes
    if (
        artifact.key is None
        or size is None
        or size > min(budget.size, MAX_CONTENT_BYTES)
        or budget.count == 0
    ):
        return None
    # counted even if it does not fit: the limit is on reads
    budget.count -= 1
    data = results.content(artifact.key)
    shown = None if data is None else _shown(artifact.form, data)
    needed = 0 if shown is None else len(to_bytes(shown))
    # as JSON it is larger than the file, by a third if it is bytes
    if needed > budget.size:
        return None
    budget.size -= needed
    return shown


def _shown(form: ArtifactForm, data: bytes) -> dict[str, Any]:
    """Content that does not match its media type is shown as bytes."""
    try:
        match form:
            case ArtifactForm.TEXT:
                return {"text": data.decode()}
            case ArtifactForm.DATA:
                return {"data": deserialize(data.decode())}
    except ValueError:
        pass
    return {"raw": base64.b64encode(data).decode()}
