"""The agent loop on the real template: tools, questions, other agents, many workers."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from a2a_tasks.domain.tools.catalog import McpServer
from local.deployed import Deployed, Project, wait_until
from local.standin.request.prefixes import extends

FIRST_WORKER = timedelta(seconds=60)
"""A worker of this stack begins no turn later than so long after its start."""


def toolbox(project: Project) -> str:
    return project.id_of("toolbox")


def script(*steps: str) -> str:
    return f"[[standin: {' | '.join(steps)}]]"


def tool(name: str, /, **arguments: Any) -> str:
    return f"tool={name}:{json.dumps(arguments, ensure_ascii=False)}"


def assert_each_request_extends_the_one_before(deployed: Deployed, marker: str) -> None:
    bodies = deployed.standin.bodies(marker)
    for earlier, later in pairwise(bodies):
        assert extends(earlier, later)


@pytest.fixture(scope="module", autouse=True)
def forty(project: Project) -> dict[str, Any]:
    """A task of forty turns, which goes on beside the other tests of this file. The turns' delays alone are
    longer than a worker has for them."""
    steps = (f"{tool('Glob', pattern='*')}; delay=1.6; repeat=40", "say=done")
    return project.submit(f"{script(*steps)} e2e-forty", toolbox(project))


def test_files_progress_and_artifacts(deployed: Deployed, project: Project) -> None:
    steps = (
        tool("report_progress", step="写报告", percent=10)
        + "; "
        + tool("Write", file_path="报告.md", content="# 第一\n"),
        tool("Edit", file_path="报告.md", old_string="第一", new_string="第二"),
        tool("Read", file_path="报告.md") + "; " + tool("Grep", pattern="第二"),
        tool("save_artifact", name="报告.md", media_type="text/markdown", content="# 第二\n"),
        'server=web_search:{"query": "x"}; stop=pause_turn',
        "delay=2; say=${last_tool_result}",
    )
    accepted = project.submit(f"{script(*steps)} e2e-tools", toolbox(project))
    seen = wait_until(lambda: project.get(accepted).get("progress", {}).get("step"), 30, "a reported step")
    assert seen == "写报告"
    task = project.wait(accepted)
    assert (task["status"], task["attempts"], task["usage"]["turns"]) == ("completed", 1, 6)
    (artifact,) = task["output"]["artifacts"]
    assert (artifact["name"], artifact["mediaType"]) == ("报告.md", "text/markdown")
    assert httpx.get(artifact["url"], trust_env=False).text == "# 第二\n"
    assert_each_request_extends_the_one_before(deployed, "e2e-tools")
    told = json.dumps(deployed.standin.bodies("e2e-tools")[3], ensure_ascii=False)
    assert "# 第二" in told


def test_a_question_and_its_answer(deployed: Deployed, project: Project) -> None:
    steps = (tool("ask_user", question="哪一年?"), "say=${last_tool_result}")
    accepted = project.submit(f"{script(*steps)} e2e-question", toolbox(project))
    asking = project.wait(accepted, frozenset({"input_required"}))
    assert asking["question"] == "哪一年?"
    path = f"{accepted['checkUrl']}/messages"
    answer = project.request("POST", path, json={"message": "2026"})
    assert answer.status_code == 202
    task = project.wait(accepted)
    assert (task["status"], task["output"]["result"]) == ("completed", "2026")
    late = project.request("POST", path, json={"message": "1999"})
    assert (late.status_code, late.json()["code"]) == (409, "TASK_NOT_WAITING")
    assert len(deployed.calls("e2e-question")) == 2


def test_another_agents_task(project: Project) -> None:
    child = f"{script('say=from the child')} e2e-child"
    steps = (
        tool("call_agent", agent=project.agent_id, message=child),
        "say=${last_tool_result}",
    )
    accepted = project.submit(f"{script(*steps)} e2e-parent", toolbox(project))
    task = project.wait(accepted)
    assert (task["status"], task["output"]["result"]) == ("completed", "from the child")
    assert task["usage"]["turns"] == 3


def test_cancel_keeps_the_text_so_far(deployed: Deployed, project: Project) -> None:
    accepted = project.submit(f"{script('size=4000; ping')} e2e-partial")
    project.wait_for_call("e2e-partial")
    wait_until(lambda: deployed.calls("e2e-partial")[0].first_byte_at, 10, "the first byte")
    assert project.request("DELETE", accepted["checkUrl"]).status_code == 200
    task = wait_until(
        lambda: found if (found := project.get(accepted)).get("output") else {}, 30, "the partial output"
    )
    assert task["status"] == "canceled"
    assert task["output"]["partial"] is True
    assert task["output"]["result"].startswith("00000000 ")
    assert task["usage"]["inputTokens"] + task["usage"]["cacheWriteTokens"] > 0


def test_structured_output(project: Project) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    agent_id = project.apply({"id": "structured", "name": "Structured", "outputSchema": schema})
    message = script('data={"n": 7}') + " e2e-structured"
    task = project.wait(project.submit(message, agent_id))
    assert task["output"]["data"] == {"n": 7}


def test_a_budget_ends_a_task_with_what_it_has(project: Project) -> None:
    steps = (f"say=so far; {tool('Glob', pattern='*')}; repeat=50",)
    accepted = project.submit(f"{script(*steps)} e2e-budget", toolbox(project), maxCostUsd=0.002)
    task = project.wait(accepted)
    assert (task["status"], task["errorDetails"]["code"]) == ("failed", "BUDGET_EXCEEDED")
    assert task["output"]["partial"] is True
    assert task["usage"]["costUsd"] < 0.01


def test_a_delayed_task_starts_in_time(deployed: Deployed, project: Project) -> None:
    accepted = project.submit(f"{script('say=later')} e2e-delayed", delaySeconds=5)
    waiting = project.get(accepted)
    assert (waiting["status"], "startedAt" in waiting) == ("pending", False)
    task = project.wait(accepted)
    assert task["status"] == "completed"
    assert task["startedAt"] >= waiting["notBefore"]
    assert len(deployed.calls("e2e-delayed")) == 1


def test_an_mcp_servers_tool_with_its_token(deployed: Deployed, project: Project) -> None:
    """The token is in the request to Claude, and nowhere else."""
    name = f"{deployed.stack.stack_name}/mcp/{project.project_id}/docs"
    secret = deployed.client("secretsmanager").create_secret(Name=name, SecretString="mcp-token-1")
    server = McpServer("docs", "https://mcp.example.com/sse", secret["ARN"])
    project.registry.put_mcp_server(project.project_id, server)
    agent_id = project.apply({"id": "reader", "name": "Reader", "allowedTools": ["mcp__docs__search"]})
    steps = ('mcp=docs.search:{"q": "x"}; stop=pause_turn', "say=found")
    accepted = project.submit(f"{script(*steps)} e2e-mcp", agent_id)
    task = project.wait(accepted)
    assert (task["status"], task["output"]["result"]) == ("completed", "found")
    (asked, _) = deployed.standin.bodies("e2e-mcp")
    assert asked["mcp_servers"][0]["url"] == "https://mcp.example.com/sse"
    stored = deployed.client("dynamodb").query(
        TableName=deployed.outputs["TasksTable"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"OWNED#{task['taskId']}"}},
    )
    assert stored["Items"]
    assert "mcp-token-1" not in json.dumps(stored["Items"], default=str)


def test_forty_turns_over_several_workers(
    deployed: Deployed, project: Project, forty: dict[str, Any]
) -> None:
    """The workers of this stack live two minutes and begin no turn in their last one."""
    task = project.wait(forty, seconds=280)
    assert (task["status"], task["attempts"], task["usage"]["turns"]) == ("completed", 1, 41)
    started, completed = (datetime.fromisoformat(task[name]) for name in ("startedAt", "completedAt"))
    assert completed - started > FIRST_WORKER
    calls = deployed.calls("e2e-forty")
    assert len(calls) == 41
    assert_each_request_extends_the_one_before(deployed, "e2e-forty")
    # a first call writes the cache, every other one reads what was there
    assert task["usage"]["cacheReadTokens"] > task["usage"]["cacheWriteTokens"]
