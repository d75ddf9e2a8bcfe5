"""What the operator's command writes."""

from dataclasses import replace

from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.rate import KeyLimits
from a2a_tasks.domain.agents.definition import parse_agent
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2actl.erasure.deletion import _Partition
from tests.integration.contracts.sent_twice.write import Write
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.stored_task import NOW, created

LATER = NOW + 5
KEY = ApiKey("abcdefghijklmnop", PROJECT, "ci", "ab" * 32, NOW)
SERVER = McpServer("wiki", "https://wiki.example.com/mcp")
PAUSE = Pause(NOW, "an upgrade")
DEFINITION = parse_agent({"id": AGENT, "name": "Assistant"}).to_stored()
HELPER = Connection("helper", PROJECT, ConnectionKind.BOT, "arn:of:helper", 5, agent_id=AGENT, bot_id="aib1")


def project(account: Account) -> None:
    account.registry.create_project(PROJECT, NOW)


def signing(account: Account) -> None:
    project(account)
    account.registry.replace_webhook_secret(PROJECT, None, b"first")


def serving(account: Account) -> None:
    project(account)
    account.registry.put_mcp_server(PROJECT, SERVER)


def issued(account: Account) -> None:
    account.registry.create_key(KEY)


def applied(account: Account) -> None:
    account.registry.apply_agent(AGENT, PROJECT, DEFINITION, NOW)


def connected(account: Account) -> None:
    account.connections.create(HELPER)


def erase(account: Account) -> int:
    table = _Partition(account.dynamodb, account.resources["TasksTable"])
    return table.delete(f"TASK#{created(account.store).ref.task_id}")


OF_OPERATORS = [
    Write(
        "DynamoDBRegistry.create_project",
        lambda account: account.registry.create_project(PROJECT, NOW),
        harmless="the command does not say that the project is new",
    ),
    Write(
        "DynamoDBRegistry.set_project",
        lambda account: account.registry.set_project(PROJECT, daily_tokens=3, daily_cost_usd=None),
        project,
    ),
    Write(
        "DynamoDBRegistry.replace_webhook_secret",
        lambda account: account.registry.replace_webhook_secret(PROJECT, None, b"first"),
        project,
    ),
    Write(
        "DynamoDBRegistry.replace_webhook_secret",
        lambda account: account.registry.replace_webhook_secret(PROJECT, b"first", b"second"),
        signing,
    ),
    Write(
        "DynamoDBRegistry.put_mcp_server",
        lambda account: account.registry.put_mcp_server(PROJECT, SERVER),
        project,
    ),
    Write(
        "DynamoDBRegistry.remove_mcp_server",
        lambda account: account.registry.remove_mcp_server(PROJECT, SERVER.name),
        serving,
    ),
    Write("DynamoDBRegistry.create_key", lambda account: account.registry.create_key(KEY)),
    Write(
        "DynamoDBRegistry.revoke_key", lambda account: account.registry.revoke_key(KEY.key_id, LATER), issued
    ),
    Write(
        "DynamoDBRegistry.limit_key",
        lambda account: account.registry.limit_key(
            KEY.key_id, KeyLimits.from_named({"requestsPerHour": 5}), reset=True
        ),
        issued,
    ),
    Write(
        "DynamoDBRegistry.apply_agent",
        lambda account: account.registry.apply_agent(AGENT, PROJECT, DEFINITION, NOW),
    ),
    Write(
        "DynamoDBRegistry.apply_agent",
        lambda account: account.registry.apply_agent(AGENT, PROJECT, DEFINITION, LATER),
        applied,
    ),
    Write(
        "DynamoDBRegistry.disable_agent",
        lambda account: account.registry.disable_agent(AGENT, LATER),
        applied,
    ),
    Write("DynamoDBRegistry.start_pause", lambda account: account.registry.start_pause(PAUSE)),
    Write(
        "DynamoDBRegistry.end_pause",
        lambda account: account.registry.end_pause(),
        lambda account: account.registry.start_pause(PAUSE),
        harmless="the command leaves out a note on messages that SQS has dropped",
    ),
    Write("DynamoDBConnections.create", lambda account: account.connections.create(HELPER)),
    Write(
        "DynamoDBConnections.replace",
        lambda account: account.connections.replace(replace(HELPER, welcome="hello")),
        connected,
    ),
    Write("DynamoDBConnections.delete", lambda account: account.connections.delete(HELPER), connected),
    Write("_Partition.delete", erase),
]
