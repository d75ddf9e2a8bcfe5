"""Pages of the runbook, exercised: the symptom is brought about, what the page says to look at shows it, what
it says to do ends it, and it is seen that it is over.

Lost workers, a stream that is stuck, throttled tables and WeCom have theirs in ``crashes`` and ``wecom``,
where what brings them about is.
"""

import json
import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.demo import run_a2actl
from local.deployed import Deployed, Project, make_project, wait_until
from tests.e2e.conftest import AGENTS, ANNOUNCED_AGAIN_SECONDS

MODEL = "claude-sonnet-5-5"
WRONG = "sk-ant-wrong"
"""A key that the stand-in refuses."""
REVOKED_SECONDS = 70
"""After so many no revoked key is let in."""


class Operator:
    """Somebody on call: logs, metrics and ``a2actl``, from the beginning of a test on."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._since = deployed.now()

    def run(self, *command: str) -> str:
        return run_a2actl(self._deployed.stack, *command)

    def told(self, *command: str) -> Any:
        return json.loads(self.run(*command, "--json"))

    def log(self, function: str) -> list[dict[str, Any]]:
        """A function's lines that are JSON."""
        lines = self._deployed.stack.logged(function, self._since)
        return [json.loads(line) for line in lines if line.startswith("{")]

    def counted(self, function: str) -> Counter[tuple[str, str | None]]:
        """What CloudWatch would make of a function's log: totals by metric and code."""
        totals: Counter[tuple[str, str | None]] = Counter()
        for line in self.log(function):
            for declared in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                for metric in declared["Metrics"]:
                    values = line[metric["Name"]]
                    total = sum(values) if isinstance(values, list) else values
                    totals[metric["Name"], line.get("code")] += total
        return totals

    def sees(self, function: str, metric: str, code: str | None = None) -> None:
        what = f"{metric} by {code} of {function}"
        wait_until(lambda: self.counted(function)[metric, code], 30, what)


@pytest.fixture
def operator(deployed: Deployed) -> Operator:
    return Operator(deployed)


@dataclass(frozen=True)
class Revoked:
    """Somebody whose key was in use and has been revoked, and when (seconds of the monotonic clock)."""

    thief: Project
    at: float


@pytest.fixture(scope="module", autouse=True)
def revoked(deployed: Deployed, project: Project) -> Revoked:
    """Before the other tests of this file: who was let in is let in for a minute more."""
    operator = Operator(deployed)
    made = json.loads(operator.run("keys", "create", "--project", project.project_id, "--name", "stolen"))
    thief = replace(project, key=made["key"], key_id=made["keyId"])
    assert thief.request("GET", tasks_of(thief)).status_code == 200
    operator.run("keys", "revoke", thief.key_id)
    return Revoked(thief, time.monotonic())


def tasks_of(project: Project) -> str:
    return f"/a2a/{project.agent_id}/tasks?limit=1"


@pytest.mark.parametrize(("status", "is_limit"), [(529, False), (503, True)])
def test_claude_is_overloaded_and_its_tasks_wait(
    project: Project, operator: Operator, status: int, is_limit: bool
) -> None:
    """model-overloaded.md: nothing is to be done."""
    accepted = project.submit(f"[[standin: err={status} | say=at last]] runbook-{status}")

    assert project.wait(accepted)["status"] == "completed"
    operator.sees("worker", "ModelOverloaded", MODEL)
    assert bool(operator.counted("worker")["ModelRateLimited", MODEL]) is is_limit
    (waited,) = [line for line in operator.log("worker") if line.get("message") == "task waits for the model"]
    assert (waited["task_id"], str(status) in waited["reason"]) == (accepted["taskId"], True)


def test_a_wrong_key_is_replaced(deployed: Deployed, project: Project, operator: Operator) -> None:
    """agents-misconfigured.md"""
    put_key(deployed, WRONG)
    deployed.signal_workers(signal.SIGKILL)  # those at work have the key that was good
    try:
        accepted = project.submit("[[standin: say=no]] runbook-key")
        failed = project.wait(accepted, seconds=ANNOUNCED_AGAIN_SECONDS)
        assert failed["errorDetails"]["code"] == "AGENT_MISCONFIGURED"
        assert WRONG not in failed["errorDetails"]["message"]
        operator.sees("worker", "TasksFailed", "AGENT_MISCONFIGURED")
        (line,) = [line for line in operator.log("worker") if line.get("message") == "task failed"]
        assert (line["failure"], line["agent_id"]) == ("AGENT_MISCONFIGURED", project.agent_id)
    finally:
        put_key(deployed, deployed.stack.claude.api_key)

    again = operator.told("tasks", "retry", failed["taskId"], "--key", project.key)["taskId"]
    path = f"/a2a/{project.agent_id}/tasks/{again}"
    assert project.wait({"taskId": again, "checkUrl": path})["status"] == "completed"


def put_key(deployed: Deployed, key: str) -> None:
    deployed.client("secretsmanager").put_secret_value(
        SecretId=deployed.outputs["ClaudeApiKeySecretArn"], SecretString=json.dumps({"apiKey": key})
    )


def test_a_message_that_no_worker_can_process(
    deployed: Deployed, project: Project, operator: Operator
) -> None:
    """dead-letters.md: its task is announced again, and canceled if its caller agrees."""
    accepted = project.submit("[[standin: say=never]] runbook-poison", delaySeconds=600)
    deployed.client("sqs").send_message(
        QueueUrl=deployed.outputs["TaskDeadLetterQueueUrl"],
        MessageBody=json.dumps({"agentId": project.agent_id, "taskId": accepted["taskId"]}),
    )

    operator.sees("dead-letter", "TasksDeadLettered")
    told = [line["task_id"] for line in operator.log("dead-letter") if "task_id" in line]
    assert told == [accepted["taskId"]]
    assert operator.told("tasks", "explain", accepted["taskId"])["explanation"]
    assert project.request("DELETE", accepted["checkUrl"]).status_code == 200

    waiting = {row["queue"]: row["messages"] for row in operator.told("dlq", "list")}
    assert (project.get(accepted)["status"], waiting["tasks"]) == ("canceled", 0)


def test_a_project_has_spent_its_day(deployed: Deployed, operator: Operator) -> None:
    """spend.md: it says so, and goes on when the limit is raised."""
    spender = make_project(deployed, f"spender{secrets.token_hex(2)}", AGENTS)
    budget = ("projects", "set", "--project", spender.project_id, "--daily-cost-usd")
    operator.run(*budget, "0.000001")
    assert ends(spender) == "completed"  # nothing was spent before it
    wait_until(lambda: ends(spender) == "BUDGET_EXCEEDED", 30, "a task refused")
    rows = operator.told("usage", "--project", spender.project_id)  # two around midnight
    assert max(row["costUsd"] for row in rows) > 0.000001

    operator.run(*budget, "5")

    # a process knows a project's settings for ten seconds
    wait_until(lambda: ends(spender) == "completed", 90, "a task within the budget")


def ends(project: Project) -> str:
    """How a task of one turn ends: completed, or the code of its failure or refusal."""
    body = {"message": "[[standin: say=ok]] runbook-budget"}
    answer = project.request("POST", f"/a2a/{project.agent_id}/tasks", json=body)
    if answer.status_code != 202:
        return str(answer.json()["code"])
    task = project.wait(answer.json())
    return str(task.get("errorDetails", {}).get("code", task["status"]))


def test_a_bad_release_is_taken_back(deployed: Deployed, project: Project) -> None:
    """bad-release.md: callers get errors, what was accepted goes on, and the release before has the traffic
    again."""
    accepted = project.submit("[[standin: delay=3; say=done]] runbook-release")
    with bad_release(deployed, "api"):
        assert project.request("GET", accepted["checkUrl"]).is_server_error

    task = project.wait(accepted)
    assert (task["status"], task["attempts"]) == ("completed", 1)
    assert len(deployed.calls("runbook-release")) == 1


@contextmanager
def bad_release(deployed: Deployed, function: str) -> Iterator[None]:
    """A version whose handler is not there has the traffic. At the end the one before has it again."""
    functions, name = deployed.client("lambda"), f"{deployed.stack.stack_name}-{function}"
    handler = functions.get_function_configuration(FunctionName=name)["Handler"]
    before = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    functions.update_function_configuration(FunctionName=name, Handler="app.missing")
    bad = functions.publish_version(FunctionName=name)["Version"]
    functions.update_function_configuration(FunctionName=name, Handler=handler)
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=bad)
    try:
        yield
    finally:
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=before)


def test_a_stolen_key_is_revoked(project: Project, operator: Operator, revoked: Revoked) -> None:
    """spend.md: whoever has it gets in no more, and the project's other keys go on."""
    thief, left = revoked.thief, revoked.at + REVOKED_SECONDS - time.monotonic()

    wait_until(lambda: thief.request("GET", tasks_of(thief)).status_code == 401, left, "the key refused")
    assert thief.request("GET", tasks_of(thief)).json()["code"] == "UNAUTHORIZED"
    assert "key refused" in [line.get("message") for line in operator.log("authorizer")]
    assert project.request("GET", tasks_of(project)).status_code == 200
    listed = operator.told("keys", "list", "--project", project.project_id)
    assert [key["state"] for key in listed if key["keyId"] == thief.key_id] == ["revoked"]
