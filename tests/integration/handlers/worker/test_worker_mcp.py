"""MCP servers are the registry's in every turn, whatever a task's stored prompt says."""

import json
from collections.abc import Callable

import pytest

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.record_keys import PROMPT_KEY
from a2a_tasks.domain.task import Payload, Status, Task
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.tasks import Record
from a2a_tasks.tasks import payload
from local.standin.client import StandInClient
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.worker import Worker

TOKEN = "t0ken-of-docs"
ELSEWHERE = "https://evil.example/mcp"
HANDED_OVER_MS = 59_000
"""So little of an invocation is left that a task is handed over after each turn."""


@pytest.fixture
def server(worker: Worker) -> McpServer:
    """A server of the project with a token."""
    account = worker.account
    secret = account.secrets.create_secret(Name="a2a-tasks/mcp/demo/docs", SecretString=TOKEN)
    server = McpServer("docs", "https://docs.example/mcp", secret["ARN"])
    account.registry.create_project(PROJECT, 0)
    account.registry.put_mcp_server(PROJECT, server)
    return server


@pytest.fixture
def begun(worker: Worker, server: McpServer) -> Task:
    """A task after its first turn."""
    tools = [f"mcp__{server.name}__search", "Read"]
    agent = worker.account.add_agent(AGENT, PROJECT, allowedTools=tools)
    step = f"tool=Read:{json.dumps({'file_path': 'x'})}"
    task = worker.accept(f"[[standin: {step} | say=done]]", agent_revision=agent.revision)
    worker.deliver(remaining_ms=HANDED_OVER_MS)
    assert worker.now(task).turns == 1
    return task


def saved_prompt(worker: Worker, task: Task) -> str:
    records = {record.key: record for record in worker.account.records.records(task.ref.task_id)}
    prompt: str = payload.load(worker.account.payloads, records[PROMPT_KEY].payload)["prompt"]
    return prompt


def rewrite(worker: Worker, task: Task, change: Callable[[dict[str, object]], None]) -> None:
    """Write the stored prompt as somebody could who can write the tasks' table."""
    prompt = json.loads(saved_prompt(worker, task))
    change(prompt)
    document = json.dumps({"prompt": json.dumps(prompt)})
    record = Record(PROMPT_KEY, Payload(inline=document))
    assert worker.account.records.put_record(task.ref.task_id, worker.now(task).fence, record)


def test_a_stored_prompt_holds_names_alone(worker: Worker, begun: Task, server: McpServer) -> None:
    prompt = saved_prompt(worker, begun)

    assert json.loads(prompt)["mcp_servers"] == ["docs"]
    assert server.url not in prompt
    assert str(server.secret_arn) not in prompt


def test_an_address_in_a_stored_prompt_is_not_believed(
    worker: Worker, begun: Task, server: McpServer, claude: StandInClient
) -> None:
    forged = {"name": "docs", "url": ELSEWHERE, "secret_arn": server.secret_arn}
    rewrite(worker, begun, lambda prompt: prompt.update(mcp_servers=[forged]))

    worker.work()

    assert worker.now(begun).status is Status.COMPLETED
    sent = [claude.requests(number).body["mcp_servers"] for number in range(2)]
    assert [[each["url"] for each in servers] for servers in sent] == [[server.url]] * 2
    assert sent[1][0]["authorization_token"] == TOKEN


@pytest.mark.parametrize("name", ["nowhere", "other"])
def test_a_server_that_is_not_the_agents_ends_the_task_and_no_token_is_sent(
    worker: Worker, begun: Task, claude: StandInClient, name: str
) -> None:
    worker.account.registry.put_mcp_server(PROJECT, McpServer("other", "https://other.example/mcp"))
    rewrite(worker, begun, lambda prompt: prompt.update(mcp_servers=[name]))

    worker.work()

    ended = worker.now(begun)
    assert ended.failure is not None
    assert ended.failure.code is FailureCode.AGENT_MISCONFIGURED
    assert len(claude.calls()) == 1


def test_a_server_that_is_removed_in_mid_task_ends_it_with_the_reason(
    worker: Worker, begun: Task, claude: StandInClient, start_worker: Callable[..., Worker]
) -> None:
    assert worker.account.registry.remove_mcp_server(PROJECT, "docs")

    start_worker().work()  # a process that does not have the settings yet; others read them every 30 s

    ended = worker.now(begun)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == (Status.FAILED, FailureCode.AGENT_MISCONFIGURED)
    assert ended.failure.message == "MCP server 'docs' is not in the project's registry"
    assert len(claude.calls()) == 1


def test_a_server_that_has_moved_is_met_where_it_is_now(
    worker: Worker,
    begun: Task,
    server: McpServer,
    claude: StandInClient,
    start_worker: Callable[..., Worker],
) -> None:
    moved = McpServer("docs", "https://docs.example.net/mcp", server.secret_arn)
    worker.account.registry.put_mcp_server(PROJECT, moved)

    start_worker().work()  # a process that does not have the settings yet; others read them every 30 s

    assert worker.now(begun).status is Status.COMPLETED
    assert claude.requests(1).body["mcp_servers"][0]["url"] == moved.url
