"""Tasks of all kinds, for the console to show."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.deployed import Project
from tests.e2e.test_agent_loop import script, tool, toolbox
from tests.e2e.test_webhooks import receiving

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
ENDED = frozenset({"completed", "failed", "canceled"})
ASKING = ENDED | {"input_required"}


@dataclass(frozen=True)
class Seeds:
    """What creations were answered."""

    worked: dict[str, Any]
    failed: dict[str, Any]
    asking: dict[str, Any]
    parent: dict[str, Any]
    talked: dict[str, Any]
    told: dict[str, Any]


@contextmanager
def seeded(project: Project) -> Iterator[Seeds]:
    """All of them, when they have ended or ask. The receiver of the webhook lives for the block."""
    with receiving() as receiver:
        seeds = Seeds(
            worked=project.submit(f"{script(*_work())} {HOSTILE}", toolbox(project)),
            failed=project.submit(f"{script('err=400; type=invalid_request_error')} fails"),
            asking=ask(project, "Which year?", ["2025", "2026"]),
            parent=project.submit(
                script(tool("call_agent", agent=project.agent_id, message=script("say=child")), "say=done"),
                toolbox(project),
            ),
            talked=project.submit(f"{script('say=Good morning.')} Hello", sessionId="talk-1"),
            told=project.submit(script("say=told"), pushNotificationConfig={"url": receiver.url}),
        )
        for task in (seeds.worked, seeds.failed, seeds.parent, seeds.talked, seeds.told):
            project.wait(task, ENDED)
        project.wait(seeds.asking, ASKING)
        receiver.wait_for("completed")
        yield seeds


def ask(project: Project, question: str, options: list[str] | None = None) -> dict[str, Any]:
    """A task that asks, and ends with the answer."""
    asked = {"question": question} | ({"options": options} if options else {})
    return project.submit(
        f"{script(tool('ask_user', **asked), 'say=${last_tool_result}')} {question}", toolbox(project)
    )


def _work() -> tuple[str, ...]:
    return (
        tool("report_progress", step="Reading", percent=40),
        tool("Write", file_path="notes.md", content="# Notes\n"),
        tool("save_artifact", name="notes.md", media_type="text/markdown", content="# Notes\n"),
        f"say={_quoted(f'It is done. {HOSTILE}')}",
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
