"""The contract of the registry's readers, on DynamoDB and in memory, and DynamoDB's writes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.registry import AgentTaken, DynamoDBRegistry, RevisionRaced, UnknownProject
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.access.rate import KeyLimits
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.agents.definition import parse_agent
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.errors import StoreUnavailable
from tests.integration.support.account import AGENT, CREATED_AT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.registry import MemoryRegistry

KEY = ApiKey("abcdefghijklmnop", PROJECT, "ci", "ab" * 32, CREATED_AT)
LATER = CREATED_AT + 5
SERVERS = (
    McpServer(
        "git-hub", "https://mcp.example.com/v1", "arn:aws:secretsmanager:x:1:secret:a/mcp/demo/git-hub-1"
    ),
    McpServer("wiki", "https://wiki.example.com/mcp"),
)
SETTINGS = ProjectSettings(PROJECT, Decimal("12.5"), 3_000_000, frozenset({"writer", "reader"}), SERVERS)


def definition(**fields: Any) -> dict[str, Any]:
    return parse_agent({"id": AGENT, "name": "Assistant"} | fields).to_stored()


def revision(**changes: Any) -> AgentRevision:
    """What ``definition()`` becomes."""
    first = AgentRevision(
        agent_id=AGENT,
        project_id=PROJECT,
        revision=1,
        name="Assistant",
        description="",
        system_prompt="",
        model="sonnet",
        max_turns=30,
        max_tokens=16_000,
        timeout_ms=300_000,
        enabled=True,
        updated_at=CREATED_AT,
    )
    return replace(first, **changes)


class DynamoDBOperator:
    """What an operator does, on DynamoDB."""

    def __init__(self, registry: DynamoDBRegistry) -> None:
        self.reader = registry

    def apply(self, name: str) -> None:
        self.reader.apply_agent(AGENT, PROJECT, definition(name=name), CREATED_AT)

    def disable(self) -> None:
        self.reader.disable_agent(AGENT, LATER)

    def put_key(self, key: ApiKey) -> None:
        self.reader.create_key(key)

    def put_project(self, settings: ProjectSettings) -> None:
        self.reader.create_project(settings.project_id, CREATED_AT)
        self.reader.set_project(
            settings.project_id,
            daily_cost_usd=settings.daily_cost_usd,
            daily_tokens=settings.daily_tokens,
            callable_agents=settings.callable_agents,
        )
        for server in reversed(settings.mcp_servers):
            self.reader.put_mcp_server(settings.project_id, server)


class MemoryOperator:
    """The same in memory."""

    def __init__(self) -> None:
        self.reader = MemoryRegistry()

    def apply(self, name: str) -> None:
        self.reader.apply(revision(name=name))

    def disable(self) -> None:
        self.reader.disable(AGENT, LATER)

    def put_key(self, key: ApiKey) -> None:
        self.reader.put_key(key)

    def put_project(self, settings: ProjectSettings) -> None:
        self.reader.put_project(settings)


type Operator = DynamoDBOperator | MemoryOperator


@pytest.fixture(params=["dynamodb", "memory"])
def operator(request: pytest.FixtureRequest) -> Operator:
    if request.param == "memory":
        return MemoryOperator()
    return DynamoDBOperator(request.getfixturevalue("account").registry)


def test_what_is_not_there_is_none(operator: Operator) -> None:
    operator.apply("One")

    assert operator.reader.key("nokey") is None
    assert operator.reader.project("nobody") is None
    assert operator.reader.agent("nobody") is None
    assert operator.reader.revision("nobody", 1) is None
    assert operator.reader.revision(AGENT, 2) is None


def test_a_pause_is_the_first_that_was_asked_for_until_it_is_ended(operator: Operator) -> None:
    registry = operator.reader
    assert registry.pause() is None

    assert registry.start_pause(Pause(CREATED_AT, "why")) == Pause(CREATED_AT, "why")
    assert registry.start_pause(Pause(LATER)) == Pause(CREATED_AT, "why")
    assert registry.pause() == Pause(CREATED_AT, "why")
    assert [registry.end_pause() for _ in range(2)] == [True, False]
    assert registry.pause() is None


def test_an_agent_is_its_newest_revision_and_old_ones_stay(operator: Operator) -> None:
    operator.apply("One")
    operator.apply("Two")

    assert operator.reader.agent(AGENT) == revision(name="Two", revision=2)
    assert operator.reader.revision(AGENT, 1) == revision(name="One")
    assert operator.reader.revision(AGENT, 2) == revision(name="Two", revision=2)


def test_disabling_touches_the_agent_and_no_pinned_revision(operator: Operator) -> None:
    operator.apply("One")
    operator.disable()

    assert operator.reader.agent(AGENT) == revision(name="One", enabled=False, updated_at=LATER)
    assert operator.reader.revision(AGENT, 1) == revision(name="One")


def test_applying_a_disabled_agent_enables_it(operator: Operator) -> None:
    operator.apply("One")
    operator.disable()
    operator.apply("Two")

    assert operator.reader.agent(AGENT) == revision(name="Two", revision=2)


@pytest.mark.parametrize(
    "key", [KEY, replace(KEY, expires_at=LATER), replace(KEY, limits=KeyLimits(9, 8, 0))]
)
def test_a_key_is_read_as_it_was_stored(operator: Operator, key: ApiKey) -> None:
    operator.put_key(key)

    assert operator.reader.key(key.key_id) == key


@pytest.mark.parametrize("settings", [SETTINGS, ProjectSettings(PROJECT)])
def test_a_project_s_settings_are_read_as_they_were_stored(
    operator: Operator, settings: ProjectSettings
) -> None:
    operator.put_project(settings)

    assert operator.reader.project(PROJECT) == settings


@pytest.fixture
def registry(account: Account) -> DynamoDBRegistry:
    return account.registry


def test_a_full_definition_survives(registry: DynamoDBRegistry) -> None:
    skill = {"id": "report", "name": "报告", "description": "Writes.", "tags": ["a"], "examples": ["b"]}
    full = definition(systemPrompt="你好" * 20_000, allowedTools=["Read"], skills=[skill], maxTurns=7)

    registry.apply_agent(AGENT, PROJECT, full, CREATED_AT)

    stored = registry.agent(AGENT)
    assert stored is not None
    assert (stored.system_prompt, stored.allowed_tools) == ("你好" * 20_000, ("Read",))
    assert (stored.skills, stored.max_turns) == ((skill,), 7)


def test_what_bounds_a_task_survives(registry: DynamoDBRegistry) -> None:
    schema = {"type": "object", "properties": {"b": {"const": None}, "a": {"type": "string"}}}
    full = definition(
        allowedTools=["WebSearch"],
        toolOptions={"WebSearch": {"allowedDomains": ["example.com"], "maxUses": 3}},
        outputSchema=schema | {"additionalProperties": False},
        effort="high",
        maxAttempts=2,
        taskBudget={"maxCostUsd": 0.1, "maxTokens": 9_000},
    )

    applied = registry.apply_agent(AGENT, PROJECT, full, CREATED_AT)

    assert registry.agent(AGENT) == registry.revision(AGENT, 1) == applied
    assert applied.tool_options == {"WebSearch": {"allowedDomains": ["example.com"], "maxUses": 3}}
    assert applied.output_schema is not None
    assert list(applied.output_schema["properties"]) == ["b", "a"], "in the order in which it was written"
    assert (applied.effort, applied.max_attempts) == ("high", 2)
    assert (applied.max_cost_usd, applied.max_task_tokens) == (Decimal("0.1"), 9_000)


def test_an_agent_id_belongs_to_the_project_that_took_it(registry: DynamoDBRegistry) -> None:
    applied = registry.apply_agent(AGENT, PROJECT, definition(), CREATED_AT)

    with pytest.raises(AgentTaken):
        registry.apply_agent(AGENT, OTHER_PROJECT, definition(name="Mine"), LATER)

    assert registry.agent(AGENT) == applied
    assert registry.agents_of(OTHER_PROJECT) == []


def test_of_two_who_apply_at_once_one_is_told(registry: DynamoDBRegistry) -> None:
    def apply(n: int) -> AgentRevision | None:
        try:
            return registry.apply_agent(AGENT, PROJECT, definition(name=f"Name {n}"), CREATED_AT)
        except RevisionRaced:
            return None

    with ThreadPoolExecutor(8) as pool:
        applied = [found for found in pool.map(apply, range(16)) if found]

    assert sorted(found.revision for found in applied) == list(range(1, len(applied) + 1))
    assert all(registry.revision(AGENT, found.revision) == found for found in applied)
    assert registry.agent(AGENT) == max(applied, key=lambda found: found.revision)


def test_agents_are_listed_by_project_and_id(registry: DynamoDBRegistry) -> None:
    for agent_id in ("zeta", "alpha"):
        registry.apply_agent(agent_id, PROJECT, definition(), CREATED_AT)
    registry.apply_agent("spy", OTHER_PROJECT, definition(), CREATED_AT)
    registry.apply_agent("alpha", PROJECT, definition(), LATER)

    assert [(agent.agent_id, agent.revision) for agent in registry.agents_of(PROJECT)] == [
        ("alpha", 2),
        ("zeta", 1),
    ]


def test_disabling_nobody_makes_nobody(registry: DynamoDBRegistry) -> None:
    assert registry.disable_agent("nobody", LATER) is None
    assert registry.agent("nobody") is None


def test_a_project_is_new_once(registry: DynamoDBRegistry) -> None:
    before = registry.project(PROJECT)
    first, second = registry.create_project(PROJECT, CREATED_AT), registry.create_project(PROJECT, LATER)

    assert (before, first, second) == (None, True, False)
    assert registry.project(PROJECT) == ProjectSettings(PROJECT)


def test_creating_a_project_again_keeps_its_settings(registry: DynamoDBRegistry) -> None:
    registry.create_project(PROJECT, CREATED_AT)
    registry.set_project(PROJECT, daily_tokens=7)
    registry.create_project(PROJECT, LATER)

    assert registry.project(PROJECT) == ProjectSettings(PROJECT, daily_tokens=7)


def test_projects_are_listed_by_id(account: Account) -> None:
    registry = account.registry
    for project_id in ("zeta", PROJECT):
        registry.create_project(project_id, CREATED_AT)
    registry.set_project("zeta", daily_tokens=1)
    account.calls.fail("PutItem", Fault.NOT_SENT)
    with pytest.raises(StoreUnavailable):
        registry.create_project("lost", CREATED_AT)

    assert registry.projects() == [ProjectSettings(PROJECT), ProjectSettings("zeta", daily_tokens=1)]


def test_a_listed_project_that_was_never_made_is_skipped(account: Account) -> None:
    listed = {"pk": "PROJECTS", "sk": "PROJECT#half"}
    account.dynamodb.put_item(TableName=account.resources["RegistryTable"], Item=to_attributes(listed))

    assert account.registry.projects() == []
    assert account.registry.create_project("half", LATER)
    assert account.registry.projects() == [ProjectSettings("half")]


def test_a_project_of_the_first_release_is_listed_once_it_is_used(account: Account) -> None:
    item = {"pk": f"PROJECT#{PROJECT}", "sk": "PROJECT", "createdAt": CREATED_AT}
    account.dynamodb.put_item(TableName=account.resources["RegistryTable"], Item=to_attributes(item))

    before = account.registry.projects()
    is_new = account.registry.create_project(PROJECT, LATER)

    assert (before, is_new) == ([], False)
    assert account.registry.projects() == [ProjectSettings(PROJECT)]


def test_a_change_leaves_the_other_settings(registry: DynamoDBRegistry) -> None:
    DynamoDBOperator(registry).put_project(SETTINGS)

    registry.set_project(PROJECT, daily_cost_usd=None, callable_agents=frozenset({"writer"}))
    changed = registry.set_project(PROJECT, daily_tokens=5)

    assert changed == registry.project(PROJECT)
    assert changed == ProjectSettings(PROJECT, None, 5, frozenset({"writer"}), SERVERS)
    assert registry.set_project(PROJECT, callable_agents=frozenset()).callable_agents == frozenset()


def test_changes_at_the_same_moment_do_not_undo_each_other(registry: DynamoDBRegistry) -> None:
    registry.create_project(PROJECT, CREATED_AT)
    changes: list[Callable[[], object]] = [
        lambda: registry.set_project(PROJECT, daily_cost_usd=SETTINGS.daily_cost_usd),
        lambda: registry.set_project(PROJECT, daily_tokens=SETTINGS.daily_tokens),
        lambda: registry.set_project(PROJECT, callable_agents=SETTINGS.callable_agents),
        lambda: registry.put_mcp_server(PROJECT, SERVERS[0]),
        lambda: registry.put_mcp_server(PROJECT, SERVERS[1]),
    ]
    with ThreadPoolExecutor(len(changes)) as pool:
        list(pool.map(lambda change: change(), changes))

    assert registry.project(PROJECT) == SETTINGS


def test_an_mcp_server_is_replaced_by_one_of_its_name_and_removed_once(registry: DynamoDBRegistry) -> None:
    DynamoDBOperator(registry).put_project(SETTINGS)
    moved = McpServer("git-hub", "https://elsewhere.example.com")

    assert registry.put_mcp_server(PROJECT, moved).mcp_servers == (moved, SERVERS[1])
    assert [registry.remove_mcp_server(PROJECT, "git-hub") for _ in range(2)] == [True, False]
    assert registry.project(PROJECT) == replace(SETTINGS, mcp_servers=(SERVERS[1],))


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.set_project("nobody", daily_tokens=1),
        lambda registry: registry.put_mcp_server("nobody", SERVERS[0]),
    ],
)
def test_settings_make_no_project(registry: DynamoDBRegistry, change: Callable[[Any], object]) -> None:
    with pytest.raises(UnknownProject):
        change(registry)

    assert registry.project("nobody") is None
    assert not registry.remove_mcp_server("nobody", "git-hub")


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.SENT_TWICE])
def test_a_change_whose_answer_is_lost_may_be_made_again(account: Account, fault: Fault) -> None:
    registry = account.registry
    registry.create_project(PROJECT, CREATED_AT)
    registry.put_mcp_server(PROJECT, SERVERS[1])
    for change in (
        lambda: registry.set_project(PROJECT, daily_tokens=3, daily_cost_usd=None),
        lambda: registry.put_mcp_server(PROJECT, SERVERS[0]),
        lambda: registry.remove_mcp_server(PROJECT, "wiki"),
    ):
        account.calls.fail("UpdateItem", fault)
        try:
            change()
        except StoreUnavailable:
            change()

    assert registry.project(PROJECT) == ProjectSettings(PROJECT, daily_tokens=3, mcp_servers=(SERVERS[0],))


def test_keys_are_listed_oldest_first_with_revoked_ones(registry: DynamoDBRegistry) -> None:
    newer = replace(KEY, key_id="ponmlkjihgfedcba", created_at=LATER)
    for key in (newer, KEY, replace(KEY, key_id="rivalrivalrivalr", project_id=OTHER_PROJECT)):
        registry.create_key(key)

    revoked = registry.revoke_key(KEY.key_id, LATER)

    assert registry.keys_of(PROJECT) == [revoked, newer]


def test_a_keys_limits_change_one_by_one_until_they_are_reset(registry: DynamoDBRegistry) -> None:
    registry.create_key(KEY)

    registry.limit_key(KEY.key_id, KeyLimits(requests_per_hour=10, creation_burst=3))
    changed = registry.limit_key(KEY.key_id, KeyLimits(requests_per_hour=20, request_burst=2))
    assert changed == replace(KEY, limits=KeyLimits(20, 2, None, 3)) == registry.key(KEY.key_id)

    reset = registry.limit_key(KEY.key_id, KeyLimits(creations_per_hour=0), reset=True)
    assert reset == replace(KEY, limits=KeyLimits(creations_per_hour=0))
    assert registry.limit_key(KEY.key_id, KeyLimits(), reset=True) == KEY
    full = KeyLimits(1, 2, 3, 4)
    assert registry.limit_key(KEY.key_id, full, reset=True) == replace(KEY, limits=full)


def test_there_is_no_key_to_limit(registry: DynamoDBRegistry) -> None:
    assert registry.limit_key("nokey", KeyLimits(1)) is None
    assert registry.key("nokey") is None


def test_a_key_stays_revoked_since_the_first_time(registry: DynamoDBRegistry) -> None:
    registry.create_key(KEY)

    registry.revoke_key(KEY.key_id, LATER)

    assert registry.revoke_key(KEY.key_id, LATER + 99) == replace(KEY, revoked_at=LATER)
    assert registry.revoke_key("nokey", LATER) is None
    assert registry.key("nokey") is None


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("GetItem", lambda registry: registry.key("k")),
        ("GetItem", lambda registry: registry.agent(AGENT)),
        ("GetItem", lambda registry: registry.revision(AGENT, 1)),
        ("TransactWriteItems", lambda registry: registry.create_key(KEY)),
        ("TransactWriteItems", lambda registry: registry.apply_agent(AGENT, PROJECT, definition(), 1)),
        ("UpdateItem", lambda registry: registry.disable_agent(AGENT, 1)),
        ("UpdateItem", lambda registry: registry.revoke_key("k", 1)),
        ("UpdateItem", lambda registry: registry.limit_key("k", KeyLimits(1))),
        ("PutItem", lambda registry: registry.create_project(PROJECT, 1)),
        ("GetItem", lambda registry: registry.project(PROJECT)),
        ("UpdateItem", lambda registry: registry.set_project(PROJECT, daily_tokens=1)),
        ("UpdateItem", lambda registry: registry.put_mcp_server(PROJECT, SERVERS[0])),
        ("GetItem", lambda registry: registry.remove_mcp_server(PROJECT, "wiki")),
        ("Query", lambda registry: registry.projects()),
        ("Query", lambda registry: registry.keys_of(PROJECT)),
        ("Query", lambda registry: registry.agents_of(PROJECT)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBRegistry], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(account.registry)
