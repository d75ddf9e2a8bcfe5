"""``a2actl projects`` on a deployed stack."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.tools.catalog import McpServer
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault

MIDNIGHT = 1_780_012_800_000
"""2026-05-29T00:00:00Z."""


def settings(account: Account) -> ProjectSettings | None:
    """Without what no operator sets: the signing secret, which every project has."""
    found = account.registry.project("demo")
    return None if found is None else replace(found, webhook_secret=None)


def test_set_makes_the_project_and_says_what_is_set(operator: Operator, account: Account) -> None:
    done = operator.run(
        *("projects", "set", "--project", "demo", "--daily-cost-usd", "12.50", "--daily-tokens", "3000000"),
        *("--callable-agent", "writer", "--callable-agent", "reader"),
    )
    assert (done.exit_code, done.stdout) == (
        0,
        "demo: daily cost $12.50, daily tokens 3,000,000, callable agents reader, writer\n",
    )
    assert done.stderr.splitlines() == [
        "The agent 'reader' does not exist yet; it can be called once it is applied.",
        "The agent 'writer' does not exist yet; it can be called once it is applied.",
        "Created the project demo.",
        "Running tasks use it within half a minute.",
    ]
    agents = frozenset({"writer", "reader"})
    assert settings(account) == ProjectSettings("demo", Decimal("12.5"), 3_000_000, agents)


def test_what_is_not_named_stays_and_a_named_list_replaces(operator: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    account.registry.set_project("demo", daily_tokens=7, callable_agents=frozenset({"writer"}))
    account.add_agent("reader")
    done = operator.run("projects", "set", "--project", "demo", "--callable-agent", "reader")
    assert done.stderr == "Running tasks use it within half a minute.\n"
    assert settings(account) == ProjectSettings("demo", None, 7, frozenset({"reader"}))


@pytest.mark.parametrize(
    ("option", "left"),
    [
        ("--no-daily-cost-usd", ProjectSettings("demo", None, 7, frozenset({"writer"}))),
        ("--no-daily-tokens", ProjectSettings("demo", Decimal(5), None, frozenset({"writer"}))),
        ("--no-callable-agents", ProjectSettings("demo", Decimal(5), 7)),
    ],
)
def test_each_limit_can_be_lifted(
    operator: Operator, account: Account, option: str, left: ProjectSettings
) -> None:
    account.registry.create_project("demo", 1)
    account.registry.set_project(
        "demo", daily_cost_usd=Decimal(5), daily_tokens=7, callable_agents=frozenset({"writer"})
    )
    assert operator.run("projects", "set", "--project", "demo", option).exit_code == 0
    assert settings(account) == left


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "No setting was given; `a2actl projects set --help` lists them."),
        (("--daily-cost-usd", "0"), "--daily-cost-usd takes US dollars, such as 5 or 0.25, at most 1000000;"),
        (("--daily-cost-usd", "-1"), "--daily-cost-usd takes US dollars"),
        (("--daily-tokens", "0"), "--daily-tokens"),
        (
            ("--daily-tokens", "5", "--no-daily-tokens"),
            "--daily-tokens is both set and removed; use one of them.",
        ),
        (("--callable-agent", "a", "--no-callable-agents"), "--callable-agent is both set and removed"),
        (("--callable-agent", "Writer!"), "--callable-agent takes an agent's id, such as 'report-writer'"),
        (("--callable-agent", "spy"), "The agent 'spy' belongs to another project, whose agents cannot be"),
    ],
)
def test_set_refuses_what_makes_no_sense(
    operator: Operator, account: Account, options: tuple[str, ...], problem: str
) -> None:
    account.add_agent("spy", "rival")
    refused = operator.run("projects", "set", "--project", "demo", *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert settings(account) is None


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
def test_a_change_that_may_be_lost_is_said_and_can_be_made_again(
    operator: Operator, account: Account, fault: Fault
) -> None:
    command = ("projects", "set", "--project", "demo", "--daily-tokens", "9")
    account.calls.fail("UpdateItem", fault)
    lost = operator.run(*command)
    assert lost.exit_code == 2
    assert lost.stderr.splitlines()[-1].startswith("AWS does not respond (")
    assert operator.run(*command).exit_code == 0
    assert settings(account) == ProjectSettings("demo", daily_tokens=9)


def test_list_shows_every_project(operator: Operator, account: Account) -> None:
    operator.run("keys", "create", "--project", "rival")
    account.registry.create_project("demo", 1)
    account.registry.set_project("demo", daily_cost_usd=Decimal("0.0125"), callable_agents=frozenset("ba"))
    account.registry.put_mcp_server("demo", McpServer("wiki", "https://wiki.example.com"))
    assert operator.run("projects", "list").stdout.splitlines() == [
        "PROJECT\tDAILY COST\tDAILY TOKENS\tCALLABLE AGENTS\tMCP SERVERS",
        "demo\t$0.0125\tunlimited\ta, b\twiki",
        "rival\tunlimited\tunlimited\t–\t–",
    ]
    assert json.loads(operator.run("projects", "list", "--json").stdout) == [
        {"projectId": "demo", "dailyCostUsd": 0.0125, "callableAgents": ["a", "b"], "mcpServers": ["wiki"]},
        {"projectId": "rival", "callableAgents": [], "mcpServers": []},
    ]


def put_spend(account: Account, day: str, cost: str, tokens: int) -> None:
    item = {"pk": "SPEND#demo", "sk": day, "costUsd": Decimal(cost), "tokens": tokens}
    account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=to_attributes(item))


def test_show_tells_what_was_spent_today(
    operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: MIDNIGHT - 1_000)
    account.registry.create_project("demo", 1)
    account.registry.set_project("demo", daily_cost_usd=Decimal(20))
    put_spend(account, "2026-05-27", "9", 9)
    put_spend(account, "2026-05-28", "0.0123", 45_000)
    put_spend(account, "2026-05-29", "8", 8)
    assert operator.run("projects", "show", "--project", "demo").stdout.splitlines() == [
        "Project:         demo",
        "Daily cost:      $20.00",
        "Daily tokens:    unlimited",
        "Spent today:     $0.0123, 45,000 tokens (UTC)",
        "Callable agents: –",
        "MCP servers:     –",
    ]
    as_json = json.loads(operator.run("projects", "show", "--project", "demo", "--json").stdout)
    assert as_json["today"] == {"date": "2026-05-28", "costUsd": 0.0123, "tokens": 45_000}


def test_show_without_any_spending(operator: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    unlimited = operator.run("projects", "show", "--project", "demo").stdout
    account.registry.set_project("demo", daily_tokens=5)
    limited = operator.run("projects", "show", "--project", "demo").stdout
    assert "Spent today:     not counted without a daily limit\n" in unlimited
    assert "Spent today:     $0.00, 0 tokens (UTC)\n" in limited


def test_a_project_that_does_not_exist(operator: Operator) -> None:
    refused = operator.run("projects", "show", "--project", "nobody")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith("There is no project 'nobody'; ")


def test_the_local_stack_s_project_is_the_default(local_operator: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    assert local_operator.run("projects", "show").stdout.startswith("Project:         demo\n")
