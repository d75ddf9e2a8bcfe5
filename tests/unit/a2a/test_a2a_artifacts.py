"""How A2A shows what an agent has saved: its content where that is small, else where to get it."""

import base64
import json
from typing import Any

import pytest
from a2a.types import Artifact as ArtifactType

from a2a_tasks.a2a.artifacts import (
    MAX_CONTENT_BYTES,
    MAX_CONTENTS,
    MAX_CONTENTS_BYTES,
    InlineBudget,
    saved_views,
)
from a2a_tasks.a2a.v03.objects import ARTIFACT
from a2a_tasks.domain.task import Artifact, ArtifactForm
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.results import Results
from tests.a2a_types import strictly
from tests.twins.deployment import Deployment, agent
from tests.twins.model import uses
from tests.twins.stores.payloads import MemoryPayloads
from tests.unit.a2a.a2a_agent import A2AAgent

PDF = base64.b64encode(b"%PDF-1.7").decode()
SAVES: list[dict[str, Any]] = [
    {"name": "报告.md", "media_type": "text/markdown", "content": "# 报告"},
    {"name": "table", "media_type": "application/json", "data": {"rows": [1, 2.5]}},
    {"name": "a.pdf", "media_type": "application/pdf", "base64": PDF},
    {"name": "page", "media_type": "text/html", "url": "https://example.com/page"},
]


@pytest.fixture
def payloads() -> MemoryPayloads:
    return MemoryPayloads()


def shown(
    payloads: MemoryPayloads, *artifacts: Artifact, budget: InlineBudget | None = None
) -> list[dict[str, Any]]:
    views = saved_views(Results(payloads, payloads), artifacts, budget or InlineBudget())
    for view in views:
        strictly(view, ArtifactType)
    return views


def saved(
    payloads: MemoryPayloads, data: bytes, form: ArtifactForm = ArtifactForm.TEXT, call_id: str = "call"
) -> Artifact:
    kept = payload.save_bytes(payloads, "t", f"artifact-1-{call_id}", data, "text/plain")
    return Artifact(call_id, "a.txt", "text/plain", len(data), kept.key, form=form)


def content(view: dict[str, Any]) -> dict[str, Any]:
    """The part without what it says of the content."""
    (part,) = view["parts"]
    return {name: value for name, value in part.items() if name not in ("mediaType", "filename")}


def test_a_clients_answer_has_all_results_the_agents_own_answer_last() -> None:
    deployment = Deployment()
    deployment.registry.apply(agent(allowed_tools=("save_artifact",), artifact_hosts=("example.com",)))
    deployment.model.then(uses(*(("save_artifact", save) for save in SAVES)))
    client = A2AAgent(deployment, while_waiting=deployment.work)

    sent = client.call(
        "SendMessage", {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "Write."}]}}
    )["task"]

    parts = [artifact["parts"][0] for artifact in sent["artifacts"]]
    assert parts == [
        {"text": "# 报告", "mediaType": "text/markdown", "filename": "报告.md"},
        {"data": {"rows": [1, 2.5]}, "mediaType": "application/json", "filename": "table"},
        {"raw": PDF, "mediaType": "application/pdf", "filename": "a.pdf"},
        {"url": "https://example.com/page", "mediaType": "text/html", "filename": "page"},
        {"text": "Done.", "mediaType": "text/plain"},
    ]
    assert client.get(sent["id"])["artifacts"] == sent["artifacts"]


def test_what_is_large_has_an_address_that_says_how_long_it_works(payloads: MemoryPayloads) -> None:
    fits, large = shown(
        payloads,
        saved(payloads, b"x" * MAX_CONTENT_BYTES, call_id="fits"),
        saved(payloads, b"x" * (MAX_CONTENT_BYTES + 1), call_id="large"),
    )

    assert content(fits).keys() == {"text"}
    assert fits["metadata"] == {"sizeBytes": MAX_CONTENT_BYTES}
    assert content(large).keys() == {"url"}
    assert large["metadata"] == {"sizeBytes": MAX_CONTENT_BYTES + 1, "urlSeconds": 3600}


@pytest.mark.parametrize("form", list(ArtifactForm))
def test_contents_take_no_more_of_an_answer_than_there_is_room_for(
    payloads: MemoryPayloads, form: ArtifactForm
) -> None:
    """Control characters take six bytes each in JSON."""
    data = b"\x01" * MAX_CONTENT_BYTES if form is not ArtifactForm.DATA else b"[" + b"1," * 4_000 + b"1]"
    artifacts = [saved(payloads, data, form, f"call-{number}") for number in range(50)]

    views = shown(payloads, *artifacts)

    contents = [content(view) for view in views if "url" not in content(view)]
    assert 0 < len(contents) <= MAX_CONTENTS
    assert sum(len(json.dumps(each, separators=(",", ":"))) for each in contents) <= MAX_CONTENTS_BYTES
    assert all("url" in content(view) for view in views[MAX_CONTENTS:])


def test_an_answer_reads_only_so_many(payloads: MemoryPayloads) -> None:
    budget = InlineBudget(count=1)

    first, second = (
        shown(payloads, saved(payloads, b"hi", call_id=call_id), budget=budget) for call_id in ("1", "2")
    )

    assert content(first[0]).keys() == {"text"}
    assert content(second[0]).keys() == {"url"}


def test_what_is_gone_has_an_address_that_says_so(payloads: MemoryPayloads) -> None:
    (view,) = shown(payloads, Artifact("c", "a.txt", "text/plain", 2, "tasks/t/gone"))

    assert content(view).keys() == {"url"}


@pytest.mark.parametrize(
    ("form", "data"),
    [(ArtifactForm.TEXT, b"\xff"), (ArtifactForm.DATA, b"NaN"), (ArtifactForm.DATA, b"[" * 9_999)],
)
def test_bytes_that_are_not_what_they_were_saved_as_are_bytes(
    payloads: MemoryPayloads, form: ArtifactForm, data: bytes
) -> None:
    (view,) = shown(payloads, saved(payloads, data, form))

    assert content(view) == {"raw": base64.b64encode(data).decode()}


def test_an_older_client_gets_files_as_it_knows_them(payloads: MemoryPayloads) -> None:
    views = shown(
        payloads,
        saved(payloads, b"hi", ArtifactForm.TEXT),
        saved(payloads, b"[1]", ArtifactForm.DATA, "data"),
        saved(payloads, b"hi", ArtifactForm.FILE, "file"),
        Artifact("link", "page", "text/html", url="https://example.com/"),
    )

    text, data, file, link = [ARTIFACT.downgrade(view)["parts"][0] for view in views]

    assert text == {"kind": "text", "text": "hi"}
    assert data["data"] == {"value": [1]}
    assert file["file"] == {"name": "a.txt", "mimeType": "text/plain", "bytes": "aGk="}
    assert link["file"] == {"name": "page", "mimeType": "text/html", "uri": "https://example.com/"}
