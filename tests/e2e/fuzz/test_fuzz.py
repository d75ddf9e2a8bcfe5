"""Whatever the API is sent, it answers as its OpenAPI document says, and never with a fault of its own."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.generate.openapi import DOCUMENT
from local.deployed import Deployed, Project, make_project
from local.standin.conversation import UNSCRIPTED_SECONDS
from local.tools import SCHEMATHESIS
from tests.e2e.conftest import AGENTS

HERE = Path(__file__).parent
AGENT = {
    "id": "one-at-a-time",
    "name": "One at a time",
    "description": "Answers.",
    "model": "haiku",
    "systemPrompt": "Answer.",
    "maxConcurrentTasks": 1,
}
ANSWER_MS = 200
"""No message of the fuzz has steps, and a request that waits for its task waits for the answer."""


@dataclass(frozen=True)
class Target:
    """An agent that is fuzzed."""

    project: Project
    agent_id: str

    @property
    def tasks(self) -> str:
        return f"/a2a/{self.agent_id}/tasks"


@pytest.fixture
def target(deployed: Deployed) -> Iterator[Target]:
    """In a project of its own. One task at a time, and none when it is over: other tests need the workers."""
    project = make_project(deployed, "fuzzed", AGENTS)
    target = Target(project, project.apply(AGENT))
    deployed.standin.answer_unscripted_after(ANSWER_MS)
    yield target
    deployed.standin.answer_unscripted_after(round(UNSCRIPTED_SECONDS * 1000))
    for status in ("pending", "running", "input_required"):
        while tasks := project.request("GET", f"{target.tasks}?status={status}&limit=100").json()["tasks"]:
            for task in tasks:
                project.request("DELETE", f"{target.tasks}/{task['taskId']}")


# Its own time, as it begins first: the stack starts for it, which has limits of its own.
@pytest.mark.timeout(400, func_only=True)
def test_every_answer_is_in_the_document(target: Target, tmp_path: Path) -> None:
    SCHEMATHESIS.ensure()

    run = subprocess.run(
        [
            SCHEMATHESIS.program("schemathesis"),
            "--no-color",
            f"--config-file={HERE / 'fuzz.toml'}",
            "run",
            str(DOCUMENT),
            f"--url={target.project.deployed.api_url}",
        ],
        cwd=tmp_path,  # it remembers failures there, and would begin with them the next time
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py"),
            "FUZZ_KEY": target.project.key,
            "FUZZ_AGENT": target.agent_id,
            "FUZZ_AGENT_AT_ONCE": target.project.agent_id,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
