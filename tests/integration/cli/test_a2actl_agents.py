"""``a2actl agents`` on a deployed stack."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.domain.tools.catalog import McpServer
from tests.integration.cli.terminal import STACK, Operator, deploy, stack_outputs
from tests.integration.support.account import Account

WRITER = "id: writer\nname: Writer\n"
READER = "id: reader\nname: Reader\nsystemPrompt: Read.\n"


def billion_laughs() -> str:
    """Eight levels, each ten times the one before."""
    lines = ["x: &a0 lol"]
    for n in range(8):
        lines.append(f"x{n}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]")
    return "\n".join(lines)


def test_apply_makes_the_project_and_says_so(operator: Operator, account: Account) -> None:
    applied = operator.run("agents", "apply", operator.write("writer.yaml", WRITER), "--project", "demo")
    assert (applied.exit_code, applied.stdout) == (0, "writer: revision 1 in project demo\n")
    assert applied.stderr == "Created the project demo.\n"
    agent = account.registry.agent("writer")
    assert agent is not None
    assert (agent.project_id, agent.name, agent.enabled) == ("demo", "Writer", True)


def test_every_apply_is_a_new_revision(operator: Operator) -> None:
    file = operator.write("writer.yaml", WRITER)
    operator.run("agents", "apply", file, "--project", "demo")
    again = operator.run("agents", "apply", file, "--project", "demo")
    assert (again.stdout, again.stderr) == ("writer: revision 2 in project demo\n", "")


def test_apply_takes_directories_and_several_documents(operator: Operator) -> None:
    operator.write("agents/both.yaml", f"{WRITER}---\n{READER}---\n")
    operator.write("agents/third.yml", "id: third\nname: Third\nenabled: false\n")
    operator.write("agents/notes.txt", "no agent")
    applied = operator.run("agents", "apply", "agents", "--project", "demo")
    assert applied.stdout.splitlines() == [
        "writer: revision 1 in project demo",
        "reader: revision 1 in project demo",
        "third: revision 1 in project demo, disabled",
    ]


def test_the_project_in_the_file_is_used(operator: Operator, account: Account) -> None:
    file = operator.write("writer.yaml", f"{WRITER}projectId: own\n")
    assert operator.run("agents", "apply", file).exit_code == 0
    agent = account.registry.agent("writer")
    assert agent is not None
    assert agent.project_id == "own"


def test_the_example_agents_can_be_applied(operator: Operator, pytestconfig: pytest.Config) -> None:
    applied = operator.run("agents", "apply", str(pytestconfig.rootpath / "agents"), "--project", "demo")
    assert applied.stdout.splitlines() == [
        "assistant: revision 1 in project demo",
        "coordinator: revision 1 in project demo",
        "librarian: revision 1 in project demo",
        "researcher: revision 1 in project demo",
    ]


CALLER = "id: caller\nname: Caller\nallowedTools: [Task]\n"
LISTER = "id: lister\nname: Lister\nallowedTools: [mcp__git-hub__list_issues, mcp__git-hub__close, Read]\n"


def test_an_agent_that_can_call_nobody_is_applied_with_a_warning(
    operator: Operator, account: Account
) -> None:
    file = operator.write("caller.yaml", CALLER)
    applied = operator.run("agents", "apply", file, "--project", "demo")
    assert (applied.exit_code, applied.stdout) == (0, "caller: revision 1 in project demo\n")
    assert applied.stderr.splitlines()[1:] == [
        "caller may call agents, but no agent of the project demo may be called yet; allow some with:"
        " a2actl projects set --project demo --callable-agent ID"
    ]
    account.registry.set_project("demo", callable_agents=frozenset({"writer"}))
    assert operator.run("agents", "apply", file, "--project", "demo").stderr == ""


def test_what_a_page_could_have_an_agent_do_is_said_when_it_is_applied(
    operator: Operator, account: Account
) -> None:
    account.registry.create_project("demo", 0)
    account.registry.put_mcp_server("demo", McpServer("wiki", "https://wiki.example.com"))
    tools = "allowedTools: [WebSearch, WebFetch, mcp__wiki__read, mcp__wiki__find, save_artifact]"
    file = operator.write("open.yaml", f"id: open\nname: Open\n{tools}\n")

    warned = operator.run("agents", "apply", file, "--project", "demo").stderr

    assert "open may use WebSearch on the whole web" in warned
    assert "toolOptions.WebFetch.allowedDomains" in warned
    assert "content from WebSearch, the MCP server wiki may make it use WebFetch in the same turn" in warned
    assert "content from WebSearch, WebFetch may make it use the MCP server wiki in the same turn" in warned
    assert "may then use save_artifact; if it does not need them, disable them with afterUntrusted" in warned


def test_an_agent_with_few_ways_out_is_applied_without_a_word(
    operator: Operator, account: Account, pytestconfig: pytest.Config
) -> None:
    file = str(pytestconfig.rootpath / "agents" / "librarian.yaml")
    account.registry.create_project("demo", 0)
    account.registry.set_project("demo", callable_agents=frozenset({"writer"}))
    operator.run("agents", "apply", file, "--project", "demo")

    again = operator.run("agents", "apply", file, "--project", "demo")

    assert (again.exit_code, again.stderr) == (0, "")
    shown = json.loads(operator.run("agents", "show", "librarian", "--json").stdout)
    assert shown["afterUntrusted"] == {"deny": ["call_agent"]}
    assert shown["artifactHosts"] == ["www.rfc-editor.org"]


def test_tools_of_an_mcp_server_that_the_project_lacks_are_refused_before_anything_is_written(
    operator: Operator, account: Account
) -> None:
    account.registry.create_project("rival", 1)
    account.registry.put_mcp_server("rival", McpServer("git-hub", "https://mcp.example.com"))
    files = operator.write("a.yaml", WRITER), operator.write("b.yaml", LISTER)
    refused = operator.run("agents", "apply", *files, "--project", "demo")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [
        f"{files[1]}: allowedTools: mcp__git-hub__close belongs to the MCP server 'git-hub', which the"
        " project demo does not have; register it with: a2actl mcp add --project demo --name git-hub --url https://…",
        "Nothing was applied; fix this and apply again.",
    ]
    assert account.registry.agent("writer") is None
    assert account.registry.project("demo") is None
    operator.run("mcp", "add", "--project", "demo", "--name", "git-hub", "--url", "https://mcp.example.com")
    assert operator.run("agents", "apply", *files, "--project", "demo").exit_code == 0


def deployed(visitor: Operator, account: Account, backend: str) -> Operator:
    deploy(STACK, stack_outputs(account) | {"ClaudeBackend": backend})
    return Operator(visitor.directory, ("--stack", STACK))


SEARCHER = "id: searcher\nname: Searcher\nallowedTools: [WebSearch, Bash, Read, mcp__wiki__find]\n"


def test_tools_that_the_backend_cannot_serve_are_refused(visitor: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    account.registry.put_mcp_server("demo", McpServer("wiki", "https://wiki.example.com"))
    operator = deployed(visitor, account, "bedrock")
    file = operator.write("searcher.yaml", SEARCHER)
    refused = operator.run("agents", "apply", file, "--project", "demo")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[0] == (
        f"{file}: allowedTools: this deployment calls Claude by bedrock, which does not serve WebSearch,"
        " Bash, mcp__wiki__find; remove that, or deploy with another backend"
    )
    assert account.registry.agent("searcher") is None
    assert (
        operator.run("agents", "apply", operator.write("w.yaml", WRITER), "--project", "demo").exit_code == 0
    )


@pytest.mark.parametrize(
    ("backend", "model", "problem"),
    [
        ("claude-api", "sonnet", None),
        ("claude-api", "claude-opus-5-5", None),
        ("claude-api", "claude-sonnet-5", "claude-sonnet-5 does not support it; remove it"),
        (
            "claude-on-aws",
            "sonnet",
            "calls Claude by claude-on-aws, which supports no fallback",
        ),
        ("bedrock", "sonnet", "calls Claude by bedrock, which supports no fallback"),
    ],
)
def test_models_that_stand_in_after_a_refusal_need_a_deployment_that_has_them(
    visitor: Operator, account: Account, backend: str, model: str, problem: str | None
) -> None:
    operator = deployed(visitor, account, backend)
    file = operator.write("writer.yaml", f"{WRITER}model: {model}\nfallbacks:\n  onRefusal: default\n")
    applied = operator.run("agents", "apply", file, "--project", "demo")
    assert (applied.exit_code == 0) == (problem is None)
    assert (problem or "") in applied.stderr


def test_models_that_stand_in_are_shown(operator: Operator) -> None:
    fallbacks = "fallbacks:\n  onRefusal: default\n  onOverload: [opus, haiku]\n"
    file = operator.write("writer.yaml", WRITER + fallbacks)
    operator.run("agents", "apply", file, "--project", "demo")
    shown = operator.run("agents", "show", "writer").stdout
    assert re.search(r"On refusal: +the model recommended by Anthropic", shown)
    assert re.search(r"On overload: +opus, haiku", shown)
    told = json.loads(operator.run("agents", "show", "writer", "--json").stdout)
    assert told["fallbacks"] == {"onRefusal": "default", "onOverload": ["opus", "haiku"]}


@pytest.mark.parametrize("backend", ["claude-api", "claude-on-aws"])
def test_other_backends_serve_every_tool(visitor: Operator, account: Account, backend: str) -> None:
    account.registry.create_project("demo", 1)
    account.registry.put_mcp_server("demo", McpServer("wiki", "https://wiki.example.com"))
    operator = deployed(visitor, account, backend)
    applied = operator.run("agents", "apply", operator.write("s.yaml", SEARCHER), "--project", "demo")
    assert applied.exit_code == 0


def test_a_backend_of_a_later_release_is_not_guessed_at(visitor: Operator, account: Account) -> None:
    operator = deployed(visitor, account, "carrier-pigeon")
    refused = operator.run("agents", "apply", operator.write("w.yaml", WRITER), "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"The stack '{STACK}' calls Claude by 'carrier-pigeon', which this")


def test_nothing_is_written_unless_everything_is_valid(operator: Operator, account: Account) -> None:
    good = operator.write("good.yaml", WRITER)
    bad = operator.write("bad.yaml", "id: reader\nname: Reader\nmaxTurns: none\ncolour: red\n---\nname: X\n")
    refused = operator.run("agents", "apply", good, bad, "--project", "demo")
    assert refused.exit_code == 2
    assert f"{bad} (document 1): maxTurns: " in refused.stderr
    assert f"{bad} (document 1): colour: unknown field; known fields are id, name" in refused.stderr
    assert f"{bad} (document 2): id: is required" in refused.stderr
    assert refused.stderr.endswith("Nothing was applied; fix this and apply again.\n")
    assert account.registry.agent("writer") is None
    assert account.registry.project("demo") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id: [", "a.yaml: is not valid YAML: "),
        ("id: " + "[" * 40 + "]" * 40, "a.yaml: is nested more than 32 levels deep"),
        ("id: " + "[" * 5_000, "a.yaml: is nested more than 32 levels deep"),
        ("id: &a [*a]", "a.yaml: is nested more than 32 levels deep"),
        (billion_laughs(), "a.yaml: has more than 100000 values"),
        ("id: 2026-02-30", "a.yaml: is not valid YAML: day is out of range"),
        ("", "a.yaml: contains no agent definition."),
        ("- id: writer", "a.yaml: an agent definition is a mapping"),
        (f"{WRITER}---\n{WRITER}", "a.yaml (document 2): id: 'writer' is already the agent of"),
        (f"{WRITER}projectId: other\n", "projectId is 'other', but --project is 'demo'; remove one"),
        (f"{WRITER}allowedTools: [Fly]\n", "allowedTools: unknown tool Fly; known are"),
        (f"{WRITER}systemPrompt: {'🙂' * 90_000}\n", "a.yaml: the definition takes 360"),
    ],
)
def test_a_file_that_cannot_be_applied_is_explained(operator: Operator, text: str, problem: str) -> None:
    refused = operator.run("agents", "apply", operator.write("a.yaml", text), "--project", "demo")
    assert refused.exit_code == 2
    assert problem in refused.stderr


def test_a_path_without_definitions_is_explained(operator: Operator) -> None:
    (operator.directory / "empty").mkdir()
    (operator.directory / "latin.yaml").write_bytes(b"id: writer\nname: \xe9\n")
    missing, empty, latin = (
        operator.run("agents", "apply", path, "--project", "demo")
        for path in ("missing.yaml", "empty", "latin.yaml")
    )
    assert {missing.exit_code, empty.exit_code, latin.exit_code} == {2}
    assert missing.stderr == "missing.yaml: cannot be read (No such file or directory).\n"
    assert empty.stderr == "empty: the directory contains no .yaml or .yml file.\n"
    assert latin.stderr == "latin.yaml: is not UTF-8 text; save it as UTF-8.\n"


def test_an_agent_without_a_project_is_refused(operator: Operator) -> None:
    refused = operator.run("agents", "apply", operator.write("writer.yaml", WRITER))
    assert refused.exit_code == 2
    assert "name one with --project" in refused.stderr


def test_an_id_of_another_project_is_refused_before_anything_is_written(
    operator: Operator, account: Account
) -> None:
    account.add_agent("reader", "rival")
    file = operator.write("both.yaml", f"{WRITER}---\n{READER}")
    refused = operator.run("agents", "apply", file, "--project", "demo")
    assert refused.exit_code == 2
    assert "the id 'reader' belongs to another project" in refused.stderr
    assert account.registry.agent("writer") is None


def test_an_apply_that_was_overtaken_asks_to_apply_again(
    operator: Operator, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact = DynamoDBRegistry._transact

    def overtaken(registry: DynamoDBRegistry, *writes: Any) -> bool:
        monkeypatch.undo()
        account.add_agent("writer", "demo")
        return transact(registry, *writes)

    monkeypatch.setattr(DynamoDBRegistry, "_transact", overtaken)
    refused = operator.run("agents", "apply", operator.write("writer.yaml", WRITER), "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr.endswith("'writer' was applied by somebody else at the same time; apply again.\n")


def test_list_shows_a_project_s_agents(operator: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    account.add_agent("writer", model="opus")
    account.add_agent("reader", enabled=False)
    account.add_agent("spy", "rival")
    listed = operator.run("agents", "list", "--project", "demo")
    assert listed.stdout.splitlines() == [
        "AGENT\tNAME\tMODEL\tREVISION\tSTATE",
        "reader\tReader\tsonnet\t1\tdisabled",
        "writer\tWriter\topus\t1\tenabled",
    ]
    as_json = json.loads(operator.run("agents", "list", "--project", "demo", "--json").stdout)
    assert [agent["id"] for agent in as_json] == ["reader", "writer"]


def test_list_needs_a_project_that_exists(operator: Operator, account: Account) -> None:
    account.registry.create_project("empty", 1)
    which = operator.run("agents", "list")
    unknown = operator.run("agents", "list", "--project", "nobody")
    empty = operator.run("agents", "list", "--project", "empty", "--json")
    assert (which.exit_code, unknown.exit_code) == (2, 2)
    assert "name one with --project" in which.stderr
    assert unknown.stderr == (
        "There is no project 'nobody'; `a2actl keys create --project nobody` creates it.\n"
    )
    assert (empty.exit_code, json.loads(empty.stdout)) == (0, [])


def test_show_as_json_is_the_whole_definition(operator: Operator, account: Account) -> None:
    skill = {"id": "report", "name": "Report", "description": "Writes.", "tags": [], "examples": []}
    account.add_agent("writer", allowedTools=["Read"], skills=[skill])
    assert json.loads(operator.run("agents", "show", "writer", "--json").stdout) == {
        "id": "writer",
        "projectId": "demo",
        "revision": 1,
        "enabled": True,
        "name": "Writer",
        "description": "",
        "systemPrompt": "Be brief.",
        "model": "sonnet",
        "maxTurns": 30,
        "maxTokens": 16_000,
        "timeoutMs": 300_000,
        "queueTimeoutMs": 86_400_000,
        "maxConcurrentTasks": None,
        "allowedTools": ["Read"],
        "skills": [skill],
    }


BOUNDED: dict[str, Any] = {
    "effort": "high",
    "maxAttempts": 2,
    "maxPendingTasks": 1_000,
    "visibility": "private",
    "taskBudget": {"maxCostUsd": 2.5, "maxTokens": 90_000},
    "allowedTools": ["WebSearch", "WebFetch"],
    "toolOptions": {
        "WebSearch": {"allowedDomains": ["a.com", "b.com"], "maxUses": 3},
        "WebFetch": {"maxContentTokens": 9},
    },
    "outputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
}


def test_show_as_json_can_be_applied_again(operator: Operator, account: Account) -> None:
    account.add_agent("writer", **BOUNDED)
    shown = json.loads(operator.run("agents", "show", "writer", "--json").stdout)
    assert {name: shown[name] for name in BOUNDED} == BOUNDED
    del shown["revision"]
    assert operator.run("agents", "apply", operator.write("again.yaml", json.dumps(shown))).exit_code == 0
    first, again = (account.registry.revision("writer", number) for number in (1, 2))
    assert first is not None
    assert again is not None
    assert replace(first, revision=2, updated_at=again.updated_at) == again


def test_show_tells_what_bounds_a_task(operator: Operator, account: Account) -> None:
    account.add_agent("writer", **BOUNDED)
    shown = operator.run("agents", "show", "writer").stdout
    for line in (
        "Model:       sonnet, effort high",
        "Task budget: $2.50, 90,000 tokens",
        "Attempts:    2",
        "WebSearch:   allowedDomains a.com, b.com; maxUses 3",
        "WebFetch:    maxContentTokens 9",
    ):
        assert f"\n{line}\n" in shown
    assert shown.endswith(
        '\nOutput schema:\n{\n  "type": "object",\n  "properties": {},\n  "additionalProperties": false\n}\n'
    )


def test_show_is_readable(operator: Operator, account: Account) -> None:
    account.add_agent("writer", description="Schreibt\nBerichte\x1b[31m.", allowedTools=["Read", "Glob"])
    shown = operator.run("agents", "show", "writer").stdout
    assert "Description: Schreibt Berichte[31m.\n" in shown
    assert "Tools:       Read, Glob\n" in shown
    assert shown.endswith("System prompt:\nBe brief.\n")


def test_disable_stops_new_tasks_until_the_next_apply(operator: Operator, account: Account) -> None:
    account.add_agent("writer")
    assert operator.run("agents", "disable", "writer").stdout.startswith("writer: disabled.")
    disabled = account.registry.agent("writer")
    operator.run("agents", "apply", operator.write("writer.yaml", WRITER), "--project", "demo")
    enabled = account.registry.agent("writer")
    assert disabled is not None
    assert enabled is not None
    assert (disabled.enabled, enabled.enabled) == (False, True)


@pytest.mark.parametrize("command", ["show", "disable"])
def test_an_unknown_agent_is_a_sentence(operator: Operator, command: str) -> None:
    refused = operator.run("agents", command, "nobody")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "There is no agent 'nobody'; `a2actl agents list --project ID` lists the agents.\n"
    )
