"""The contract of ``KeyReader`` and ``AgentReader``, on DynamoDB and in memory, and DynamoDB's writes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb_registry import AgentTaken, DynamoDBRegistry, RevisionRaced
from a2a_tasks.domain.agent import AgentRevision
from a2a_tasks.domain.agent_definition import parse_agent
from a2a_tasks.domain.api_key import ApiKey
from a2a_tasks.ports.faults import StoreUnavailable
from tests.integration.account import AGENT, CREATED_AT, OTHER_PROJECT, PROJECT, Account
from tests.integration.aws_calls import Fault
from tests.twins.registry import MemoryRegistry

KEY = ApiKey("abcdefghijklmnop", PROJECT, "ci", "ab" * 32, CREATED_AT)
LATER = CREATED_AT + 5


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
        max_concurrent_tasks=5,
        enabled=True,
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


class MemoryOperator:
    """The same in memory."""

    def __init__(self) -> None:
        self.reader = MemoryRegistry()

    def apply(self, name: str) -> None:
        self.reader.apply(revision(name=name))

    def disable(self) -> None:
        self.reader.disable(AGENT)

    def put_key(self, key: ApiKey) -> None:
        self.reader.put_key(key)


type Operator = DynamoDBOperator | MemoryOperator


@pytest.fixture(params=["dynamodb", "memory"])
def operator(request: pytest.FixtureRequest) -> Operator:
    if request.param == "memory":
        return MemoryOperator()
    return DynamoDBOperator(request.getfixturevalue("account").registry)


def test_what_is_not_there_is_none(operator: Operator) -> None:
    operator.apply("One")

    assert operator.reader.key("nokey") is None
    assert operator.reader.agent("nobody") is None
    assert operator.reader.revision("nobody", 1) is None
    assert operator.reader.revision(AGENT, 2) is None


def test_an_agent_is_its_newest_revision_and_old_ones_stay(operator: Operator) -> None:
    operator.apply("One")
    operator.apply("Two")

    assert operator.reader.agent(AGENT) == revision(name="Two", revision=2)
    assert operator.reader.revision(AGENT, 1) == revision(name="One")
    assert operator.reader.revision(AGENT, 2) == revision(name="Two", revision=2)


def test_disabling_touches_the_agent_and_no_pinned_revision(operator: Operator) -> None:
    operator.apply("One")
    operator.disable()

    assert operator.reader.agent(AGENT) == revision(name="One", enabled=False)
    assert operator.reader.revision(AGENT, 1) == revision(name="One")


def test_applying_a_disabled_agent_enables_it(operator: Operator) -> None:
    operator.apply("One")
    operator.disable()
    operator.apply("Two")

    assert operator.reader.agent(AGENT) == revision(name="Two", revision=2)


@pytest.mark.parametrize("key", [KEY, replace(KEY, expires_at=LATER)])
def test_a_key_is_read_as_it_was_stored(operator: Operator, key: ApiKey) -> None:
    operator.put_key(key)

    assert operator.reader.key(key.key_id) == key


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
    before = registry.project_exists(PROJECT)
    first, second = registry.create_project(PROJECT, CREATED_AT), registry.create_project(PROJECT, LATER)

    assert (before, first, second, registry.project_exists(PROJECT)) == (False, True, False, True)


def test_keys_are_listed_oldest_first_with_revoked_ones(registry: DynamoDBRegistry) -> None:
    newer = replace(KEY, key_id="ponmlkjihgfedcba", created_at=LATER)
    for key in (newer, KEY, replace(KEY, key_id="rivalrivalrivalr", project_id=OTHER_PROJECT)):
        registry.create_key(key)

    revoked = registry.revoke_key(KEY.key_id, LATER)

    assert registry.keys_of(PROJECT) == [revoked, newer]


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
        ("PutItem", lambda registry: registry.create_project(PROJECT, 1)),
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
