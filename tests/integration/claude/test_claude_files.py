"""Files that code execution makes: the real worker and SDK, against the stand-in."""

import json
from typing import Any

import pytest

from a2a_tasks.adapters.claude.files import ClaudeFiles
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.model import ModelFile, ModelFileUnavailable
from local.standin.client import StandInClient
from local.standin.files import MadeFile
from tests.integration.claude.claude_model import Opened, run
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.worker import Worker

REPORT = MadeFile("报告.csv", "a,b\n1,2\n", "")


def making(*files: dict[str, str], tool: str = "code_execution") -> str:
    return f"server={tool}:{json.dumps({'files': files}, ensure_ascii=False)}"


def fetch(
    file: MadeFile,
    claude: StandInClient,
    *,
    max_bytes: int = 1_000,
    seconds: float = 10.0,
    backend: Backend = Backend.CLAUDE_API,
) -> ModelFile:
    async def work(opened: Opened) -> ModelFile:
        files = ClaudeFiles(opened.model.connection, SystemClock(), seconds)
        return await files.fetch(file.id, max_bytes)

    return run(work, claude.base_url, backend=backend)


@pytest.fixture
def coder(worker: Worker) -> Worker:
    worker.account.add_agent(AGENT, PROJECT, allowedTools=["CodeExecution", "Bash", "Read"])
    return worker


@pytest.mark.parametrize("backend", [Backend.CLAUDE_API, Backend.CLAUDE_ON_AWS])
def test_a_file_comes_with_its_name_and_type(claude: StandInClient, backend: Backend) -> None:
    assert fetch(REPORT, claude, backend=backend) == ModelFile("报告.csv", "text/csv", b"a,b\n1,2\n")


@pytest.mark.parametrize(
    ("fault", "reason", "may_come"),
    [
        ("expired", "404: File has expired", False),
        ("busy", "529: Overloaded", True),
        ("hang", "did not come within 0.3 s", True),
        ("endless", "it has more than 1000 bytes", False),
    ],
)
def test_a_file_that_does_not_come_is_given_up(
    claude: StandInClient, fault: str, reason: str, may_come: bool
) -> None:
    with pytest.raises(ModelFileUnavailable, match=reason) as raised:
        fetch(MadeFile("a.csv", "1,2\n", "", fault), claude, seconds=0.3 if fault == "hang" else 10.0)

    assert raised.value.may_come is may_come


@pytest.mark.parametrize("fault", ["", "lie"])
def test_a_file_that_is_too_large_is_not_taken(claude: StandInClient, fault: str) -> None:
    size = 10 if fault == "lie" else 12
    with pytest.raises(ModelFileUnavailable, match="more than 11 bytes") as raised:
        fetch(MadeFile("a.csv", "x" * size, "", fault), claude, max_bytes=11)

    assert raised.value.name == "a.csv"


def test_a_file_of_another_organization_is_not_there(claude: StandInClient) -> None:
    with pytest.raises(ModelFileUnavailable, match="404: File not found"):
        fetch(MadeFile("a.csv", "1", "other"), claude)


def test_on_bedrock_there_are_none(claude: StandInClient) -> None:
    with pytest.raises(ModelFileUnavailable, match="no files"):
        fetch(REPORT, claude, backend=Backend.BEDROCK)


def test_what_code_has_made_comes_with_the_result(coder: Worker, claude: StandInClient) -> None:
    report = {"name": REPORT.name, "text": REPORT.text}
    steps = [
        f'{making(report)}; tool=Read:{{"file_path": "a"}}',
        f"{making({'name': 'b.txt', 'text': 'b'}, report, tool='bash_code_execution')}; say=Done.",
    ]
    task = coder.accept(f"[[standin: {' | '.join(steps)}]]", agent_revision=2)

    coder.work()

    done = coder.now(task)
    assert (done.status, done.failure) == (Status.COMPLETED, None)
    assert coder.output(task) == {"result": "Done.", "untrusted": True}
    assert [(each.name, each.media_type, each.size_bytes) for each in done.artifacts] == [
        ("报告.csv", "text/csv", 8),
        ("b.txt", "text/plain", 1),
    ]
    assert coder.account.payloads.get(done.artifacts[0].key or "") == REPORT.text.encode()
    assert len(claude.calls()) == 2


def test_what_cannot_be_had_is_named_and_fails_nothing(coder: Worker) -> None:
    gone = {"name": "gone.csv", "text": "1", "fault": "expired"}
    task = coder.accept(f"[[standin: {making(gone)}; say=Done.]]", agent_revision=2)

    coder.work()

    assert coder.now(task).status is Status.COMPLETED
    output: dict[str, Any] = coder.output(task)
    (note,) = output["notes"]
    assert "File has expired" in note
    assert coder.now(task).artifacts == ()
