"""``a2actl`` as a process of its own on a real terminal."""

import os
import pty
import subprocess
import sys

from tests.integration.cli.gateway import Gateway
from tests.integration.cli.tasks.test_a2actl_tasks import Worker
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account


def on_terminal(operator: Operator, *arguments: str) -> tuple[int, str]:
    """The exit code, and all that the terminal got."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from a2actl.main import app; app()", *arguments]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=operator.directory, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:  # Linux says EIO when the last writer is gone
            pass
        finally:
            os.close(ours)
    return process.returncode, shown.decode()


def test_a_live_line_then_the_result_as_markdown(
    local_operator: Operator, gateway: Gateway, account: Account
) -> None:
    worker = Worker(account)
    gateway.steps.extend([worker.wait, worker.wait, worker.claim, worker.complete])
    code, shown = on_terminal(local_operator, "tasks", "submit", "assistant", "Report", "--wait")
    assert code == 0
    task_id = worker.ref.task_id
    for state in ("pending", "running"):
        assert f"{task_id} {state}" in shown
    assert "\x1b[?25l" in shown, "a live line hides the cursor"
    assert "报告" in shown
    assert "# 报告" not in shown
    assert "*good*" not in shown
    assert "Completed: 1 turn, 1,500 tokens in, 34 out." in shown


def test_lists_are_tables(local_operator: Operator) -> None:
    code, shown = on_terminal(local_operator, "agents", "list")
    assert code == 0
    assert "┃" in shown
    assert "assistant" in shown
    assert "\t" not in shown


def test_names_do_not_steer_the_terminal(local_operator: Operator, account: Account) -> None:
    account.add_agent("sly", name="\x1b[2J[red]Sly[/red]")
    _, shown = on_terminal(local_operator, "agents", "list")
    assert "\x1b[2J" not in shown
    assert "[red]Sly[/red]" in shown


def test_a_fault_is_a_sentence_and_no_traceback(local_operator: Operator) -> None:
    code, shown = on_terminal(local_operator, "agents", "show", "nobody")
    assert code == 2
    assert shown == "There is no agent 'nobody'; `a2actl agents list --project ID` lists the agents.\r\n"
