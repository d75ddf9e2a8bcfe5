"""The secrets that sign, as the webhooks function reads them."""

import json

import pytest

from a2a_tasks.adapters.webhooks.signing_secrets import TTL_MS, ProjectSecrets
from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.clock import FakeClock

SECRET = WebhookSecret.new(bytes(32), 0)
ROTATED = SECRET.rotated(bytes([1]) * 32, 1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def arn(account: Account) -> str:
    arn: str = account.secrets.create_secret(Name="a", SecretString=SECRET.to_json())["ARN"]
    account.registry.create_project(PROJECT, 1)
    account.registry.set_project(PROJECT, webhook_secret_arn=arn)
    account.calls.made.clear()
    return arn


@pytest.fixture
def secrets(account: Account, clock: FakeClock) -> ProjectSecrets:
    return ProjectSecrets(account.secrets, account.registry, clock)


def test_they_are_read_once_a_minute(
    account: Account, secrets: ProjectSecrets, clock: FakeClock, arn: str
) -> None:
    assert [secrets.of_project(PROJECT) for _ in range(3)] == [SECRET.live] * 3
    assert len(account.calls.made) == 2

    account.secrets.put_secret_value(SecretId=arn, SecretString=ROTATED.to_json())
    clock.advance(TTL_MS / 1000 - 1)
    assert secrets.of_project(PROJECT) == SECRET.live
    clock.advance(1)
    assert secrets.of_project(PROJECT) == ROTATED.live


def test_projects_have_their_own(account: Account, secrets: ProjectSecrets, arn: str) -> None:  # noqa: ARG001
    other = account.secrets.create_secret(Name="b", SecretString=ROTATED.retired().to_json())["ARN"]
    account.registry.create_project(OTHER_PROJECT, 1)
    account.registry.set_project(OTHER_PROJECT, webhook_secret_arn=other)
    assert secrets.of_project(PROJECT) == SECRET.live
    assert secrets.of_project(OTHER_PROJECT) == (ROTATED.current,)


def test_one_that_is_made_later_is_found_at_once(account: Account, secrets: ProjectSecrets) -> None:
    assert secrets.of_project(PROJECT) == ()
    account.registry.create_project(PROJECT, 1)
    assert secrets.of_project(PROJECT) == ()
    arn = account.secrets.create_secret(Name="a")["ARN"]
    account.registry.set_project(PROJECT, webhook_secret_arn=arn)
    assert secrets.of_project(PROJECT) == ()
    account.secrets.put_secret_value(SecretId=arn, SecretString=SECRET.to_json())
    assert secrets.of_project(PROJECT) == SECRET.live


def test_a_deleted_one_signs_nothing(account: Account, secrets: ProjectSecrets, arn: str) -> None:
    account.secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert secrets.of_project(PROJECT) == ()


@pytest.mark.parametrize("text", ["pa55word", json.dumps({"current": "pa55word"})])
def test_what_is_no_secret_is_a_fault_and_not_told(
    account: Account, secrets: ProjectSecrets, arn: str, text: str
) -> None:
    account.secrets.put_secret_value(SecretId=arn, SecretString=text)
    with pytest.raises(SecretsUnavailable) as raised:
        secrets.of_project(PROJECT)
    assert "pa55word" not in str(raised.value)
    assert arn in str(raised.value)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
@pytest.mark.parametrize(
    ("operation", "error"), [("GetSecretValue", SecretsUnavailable), ("GetItem", StoreUnavailable)]
)
def test_an_outage_is_no_missing_secret(
    account: Account,
    secrets: ProjectSecrets,
    arn: str,  # noqa: ARG001
    operation: str,
    error: type[Exception],
    fault: Fault,
) -> None:
    account.calls.fail(operation, fault)
    with pytest.raises(error):
        secrets.of_project(PROJECT)
    assert secrets.of_project(PROJECT) == SECRET.live
