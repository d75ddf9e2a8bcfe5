"""Google's Agent Development Kit: an agent here is a remote agent there."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.deployed import Project
from local.tools import ADK

PROGRAM = Path(__file__).parent / "adk_client.py"


def talk(project: Project, agent_id: str, *said: str) -> list[dict[str, Any]]:
    """What ADK makes of each answer of a session."""
    done = subprocess.run(
        [ADK.program("python"), str(PROGRAM), f"{project.deployed.api_url}/a2a/{agent_id}"],
        env=os.environ | {"A2A_KEY": project.key},
        input="".join(json.dumps(text) + "\n" for text in said),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def environment() -> None:
    ADK.ensure()


def test_a_remote_agent_answers(project: Project) -> None:
    (answer,) = talk(project, project.agent_id, "[[standin: say=四十二]]")

    assert (answer["texts"][-1], answer["error"]) == ("四十二", None)


def test_what_it_saves_comes_with_its_answer(project: Project) -> None:
    save = json.dumps({"name": "a.md", "media_type": "text/markdown", "content": "# A"})

    (answer,) = talk(project, project.id_of("toolbox"), f"[[standin: tool=save_artifact:{save} | say=Done.]]")

    assert answer["texts"][-2:] == ["# A", "Done."]


def test_a_question_is_answered_in_the_same_session(project: Project) -> None:
    ask = json.dumps({"question": "Which year?"})

    asked, answered = talk(
        project,
        project.id_of("toolbox"),
        f"[[standin: tool=ask_user:{ask} | say=In ${{last_tool_result}}.]]",
        "2026",
    )

    assert asked["asked"] == ["Which year?"]
    assert answered["texts"][-1] == "In 2026."
