"""The contract of the readers of connections and their secrets, and what DynamoDB's writes protect."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from a2a_tasks.adapters.wecom.connection_secrets import CachedConnectionSecrets
from a2a_tasks.adapters.wecom.connections import ConnectionTaken, UnknownConnection
from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets, ConversationScope
from a2a_tasks.wecom.ports import ConnectionReader, ConnectionSecretsReader
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.clock import FakeClock
from tests.twins.stores.connections import MemoryConnections

SECRETS = ConnectionSecrets("token", "Zk3mQ9vT7xYbR2nLcW5dHsJ8pA1gUeF6oKtXiVyBhMr", corp_secret="corp")
HELPER = Connection(
    "helper", PROJECT, ConnectionKind.BOT, "arn:of:helper", 5, agent_id="assistant", bot_id="aib1"
)
DESK = Connection(
    "desk",
    PROJECT,
    ConnectionKind.APP,
    "arn:of:desk",
    6,
    agent_id="assistant",
    corp_id="ww0123456789abcdef",
    app_id="1000002",
    conversation=ConversationScope.GROUP,
    allowed_users=frozenset({"LiLei", "han"}),
    allowed_departments=frozenset({2, 7}),
    welcome="你好",
    fallback="ops",
    api_url="https://wecom.example.cn",
    public_url="https://agents.example.cn",
    markdown=True,
    enabled=False,
)
OPS = Connection("ops", PROJECT, ConnectionKind.GROUP, "arn:of:ops", 7)


@dataclass
class Both:
    """An operator's writes, and the functions' two readers on them, whatever is below."""

    account: Account | None
    memory: MemoryConnections

    @property
    def reader(self) -> ConnectionReader:
        return self.account.connections if self.account else self.memory

    def secrets(self, clock: FakeClock) -> ConnectionSecretsReader:
        account = self.account
        return CachedConnectionSecrets(lambda: account.secrets, clock) if account else self.memory

    def put(self, connection: Connection, secrets: ConnectionSecrets) -> Connection:
        """The connection as it is stored, with its secret's ARN."""
        if self.account is None:
            self.memory.put(connection, secrets)
            return connection
        name, text = f"test/wecom/{connection.connection_id}", json.dumps(secrets.to_named())
        arn = self.account.secrets.create_secret(Name=name, SecretString=text)["ARN"]
        stored = replace(connection, secret_arn=arn)
        self.account.connections.create(stored)
        return stored


@pytest.fixture(params=["aws", "memory"])
def both(request: pytest.FixtureRequest) -> Both:
    account = request.getfixturevalue("account") if request.param == "aws" else None
    return Both(account, MemoryConnections())


@pytest.mark.parametrize("connection", [HELPER, DESK, OPS])
def test_a_connection_is_read_as_it_was_written(both: Both, connection: Connection) -> None:
    assert both.reader.connection(connection.connection_id) is None
    stored = both.put(connection, SECRETS)
    assert both.reader.connection(connection.connection_id) == stored
    assert both.reader.connection("other") is None


def test_secrets_are_read_as_they_were_written(both: Both) -> None:
    stored = both.put(HELPER, SECRETS)
    secrets = both.secrets(FakeClock())
    assert secrets.secrets(stored) == SECRETS
    assert secrets.secrets(stored, fresh=True) == SECRETS


def test_a_connection_whose_secret_is_gone_cannot_be_used(both: Both) -> None:
    with pytest.raises(SecretsUnavailable, match="the connection 'helper' has no secret"):
        both.secrets(FakeClock()).secrets(HELPER)


def test_secrets_are_kept_for_five_minutes(account: Account) -> None:
    clock, stored = FakeClock(), Both(account, MemoryConnections()).put(HELPER, SECRETS)
    secrets = CachedConnectionSecrets(lambda: account.secrets, clock)
    assert secrets.secrets(stored) == SECRETS
    rotated = rotate(account, stored)
    clock.advance(299)
    assert secrets.secrets(stored) == SECRETS
    clock.advance(1)
    assert secrets.secrets(stored) == rotated
    assert len(account.calls.of("GetSecretValue")) == 2


def test_a_rotated_key_is_found_when_it_is_needed_but_not_as_often_as_strangers_ask(
    account: Account,
) -> None:
    clock, stored = FakeClock(), Both(account, MemoryConnections()).put(HELPER, SECRETS)
    secrets = CachedConnectionSecrets(lambda: account.secrets, clock)
    secrets.secrets(stored)
    rotated = rotate(account, stored)
    clock.advance(9)
    assert {secrets.secrets(stored, fresh=True) for _ in range(50)} == {SECRETS}
    clock.advance(1)
    assert {secrets.secrets(stored, fresh=True) for _ in range(50)} == {rotated}
    assert len(account.calls.of("GetSecretValue")) == 2


@pytest.mark.parametrize("text", ["", "hidden", "[]", '{"token": ["hidden"]}', '"hidden"'])
def test_a_secret_of_another_shape_is_not_told(account: Account, text: str) -> None:
    arn = account.secrets.create_secret(Name="test/wecom/odd", SecretString=text or " ")["ARN"]
    with pytest.raises(SecretsUnavailable) as raised:
        CachedConnectionSecrets(lambda: account.secrets, FakeClock()).secrets(replace(HELPER, secret_arn=arn))
    assert "hidden" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_an_outage_is_no_missing_secret_and_is_not_kept(account: Account, fault: Fault) -> None:
    stored = Both(account, MemoryConnections()).put(HELPER, SECRETS)
    secrets = CachedConnectionSecrets(lambda: account.secrets, FakeClock())
    account.calls.fail("GetSecretValue", fault)
    with pytest.raises(SecretsUnavailable):
        secrets.secrets(stored)
    assert secrets.secrets(stored) == SECRETS


def test_an_id_that_is_taken_stays_whose_it_is(account: Account) -> None:
    account.connections.create(HELPER)
    with pytest.raises(ConnectionTaken):
        account.connections.create(replace(HELPER, project_id=OTHER_PROJECT, secret_arn="arn:theirs"))
    assert account.connections.connection("helper") == HELPER
    assert account.connections.connections_of(OTHER_PROJECT) == []


def test_of_two_that_are_made_at_once_one_is(account: Account) -> None:
    rival = replace(HELPER, project_id=OTHER_PROJECT)

    def create(connection: Connection) -> bool:
        try:
            account.connections.create(connection)
        except ConnectionTaken:
            return False
        return True

    with ThreadPoolExecutor() as pool:
        assert sorted(pool.map(create, [HELPER, rival])) == [False, True]
    owners = [account.connections.connections_of(project) for project in (PROJECT, OTHER_PROJECT)]
    assert sorted(len(found) for found in owners) == [0, 1]


def test_a_project_s_connections_are_by_id_and_its_own(account: Account) -> None:
    theirs = replace(HELPER, connection_id="theirs", project_id=OTHER_PROJECT)
    for connection in (OPS, HELPER, DESK, theirs):
        account.connections.create(connection)
    assert account.connections.connections_of(PROJECT) == [DESK, HELPER, OPS]
    assert account.connections.connections_of(OTHER_PROJECT) == [theirs]
    assert account.connections.connections_of("nobody") == []


def test_a_connection_is_replaced_as_a_whole(account: Account) -> None:
    account.connections.create(DESK)
    changed = Connection(
        "desk", PROJECT, ConnectionKind.APP, "arn:of:desk", 6, agent_id="writer", app_id="1000003"
    )
    account.connections.replace(changed)
    assert account.connections.connection("desk") == changed


@pytest.mark.parametrize(
    "other",
    [
        replace(HELPER, project_id=OTHER_PROJECT),
        replace(HELPER, kind=ConnectionKind.APP),
        replace(HELPER, created_at=9),
        replace(HELPER, connection_id="gone"),
    ],
)
def test_only_the_same_connection_is_replaced(account: Account, other: Connection) -> None:
    account.connections.create(HELPER)
    with pytest.raises(UnknownConnection):
        account.connections.replace(other)
    assert account.connections.connection("helper") == HELPER
    assert account.connections.connection("gone") is None


def test_a_deleted_connection_is_in_no_list_and_deleting_it_again_is_harmless(account: Account) -> None:
    account.connections.create(HELPER)
    account.connections.delete(HELPER)
    account.connections.delete(HELPER)
    assert account.connections.connection("helper") is None
    assert account.connections.connections_of(PROJECT) == []
    account.connections.create(HELPER)


def test_a_connection_that_was_made_anew_is_not_deleted_by_who_saw_the_one_before(account: Account) -> None:
    account.connections.create(HELPER)
    account.connections.delete(HELPER)
    anew = replace(HELPER, created_at=9)
    account.connections.create(anew)
    with pytest.raises(UnknownConnection):
        account.connections.delete(HELPER)
    assert account.connections.connections_of(PROJECT) == [anew]


@pytest.mark.parametrize("operation", ["GetItem", "Query", "TransactWriteItems", "PutItem"])
def test_an_outage_is_told_as_such(account: Account, operation: str) -> None:
    account.calls.fail(operation, times=4)
    store = account.connections
    calls: dict[str, Callable[[], object]] = {
        "GetItem": lambda: store.connection("helper"),
        "Query": lambda: store.connections_of(PROJECT),
        "TransactWriteItems": lambda: store.create(HELPER),
        "PutItem": lambda: store.replace(HELPER),
    }
    with pytest.raises(StoreUnavailable):
        calls[operation]()


def rotate(account: Account, connection: Connection) -> ConnectionSecrets:
    rotated = replace(SECRETS, token="new", previous_token="token", previous_aes_key=SECRETS.aes_key)
    text = json.dumps(rotated.to_named())
    account.secrets.put_secret_value(SecretId=connection.secret_arn, SecretString=text)
    return rotated
