"""Keys and tokens in Secrets Manager: what is read, how long it is kept, and what is no secret at all."""

import pytest

from a2a_tasks.adapters.secrets.secrets_manager import Secrets
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.ports.errors import SecretsUnavailable
from tests.integration.support.account import CLAUDE_KEY, Account
from tests.integration.support.aws_calls import Fault

ABSENT = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:absent-AbCdEf"
TOKEN = "token-of-wiki"


@pytest.fixture
def api_key_arn(account: Account) -> str:
    return account.resources["ClaudeApiKeySecret"]


@pytest.fixture
def token_arn(account: Account) -> str:
    arn: str = account.secrets.create_secret(Name="wiki", SecretString=TOKEN)["ARN"]
    account.calls.made.clear()
    return arn


@pytest.fixture
def secrets(account: Account, api_key_arn: str) -> Secrets:
    return Secrets(account.secrets, api_key_arn, SystemClock())


def reads(account: Account) -> int:
    return len(account.calls.of("GetSecretValue"))


def test_a_key_and_a_token_are_read_once(account: Account, secrets: Secrets, token_arn: str) -> None:
    for _ in range(3):
        assert secrets.api_key(fresh=False) == CLAUDE_KEY
        assert secrets.token(token_arn, fresh=False) == TOKEN

    assert reads(account) == 2


def test_what_was_rotated_is_there_when_it_is_asked_for_anew(
    account: Account, secrets: Secrets, token_arn: str
) -> None:
    secrets.api_key(fresh=False)
    secrets.token(token_arn, fresh=False)
    account.put_claude_key("sk-ant-new")
    account.secrets.put_secret_value(SecretId=token_arn, SecretString="new token")

    assert secrets.api_key(fresh=False) == CLAUDE_KEY
    assert (secrets.api_key(fresh=True), secrets.token(token_arn, fresh=True)) == ("sk-ant-new", "new token")
    assert secrets.api_key(fresh=False) == "sk-ant-new"
    assert secrets.token(token_arn, fresh=False) == "new token"


def test_a_key_that_was_not_put_in_is_empty(account: Account, secrets: Secrets) -> None:
    account.put_claude_key("")

    assert secrets.api_key(fresh=False) == ""


def test_a_key_put_in_later_is_found(account: Account, secrets: Secrets) -> None:
    account.put_claude_key("")
    assert secrets.api_key(fresh=False) == ""

    account.put_claude_key(CLAUDE_KEY)

    assert secrets.api_key(fresh=True) == CLAUDE_KEY


@pytest.mark.parametrize("text", ["not json", '{"key": "x"}', "[]", '"text"'])
def test_a_key_in_another_shape_is_an_error_and_not_told(
    account: Account, secrets: Secrets, api_key_arn: str, text: str
) -> None:
    account.secrets.put_secret_value(SecretId=api_key_arn, SecretString=text)

    with pytest.raises(Exception) as raised:  # noqa: PT011  of any kind
        secrets.api_key(fresh=False)

    assert text not in str(raised.value)


def test_a_secret_that_is_not_there_is_empty(account: Account, secrets: Secrets) -> None:
    assert secrets.token(ABSENT, fresh=False) == ""
    assert Secrets(account.secrets, ABSENT, SystemClock()).api_key(fresh=False) == ""


def test_a_secret_without_a_value_is_empty(account: Account) -> None:
    arn = account.secrets.create_secret(Name="empty")["ARN"]
    secrets = Secrets(account.secrets, arn, SystemClock())

    assert secrets.token(arn, fresh=False) == ""
    assert secrets.api_key(fresh=False) == ""


def test_a_deleted_secret_is_empty_until_it_is_restored(
    account: Account, secrets: Secrets, token_arn: str, api_key_arn: str
) -> None:
    for arn in (token_arn, api_key_arn):
        account.secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert (secrets.api_key(fresh=False), secrets.token(token_arn, fresh=False)) == ("", "")

    account.secrets.restore_secret(SecretId=token_arn)

    assert secrets.token(token_arn, fresh=False) == TOKEN


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_an_outage_is_no_missing_secret(
    account: Account, secrets: Secrets, token_arn: str, fault: Fault
) -> None:
    account.calls.fail("GetSecretValue", fault, times=2)

    with pytest.raises(SecretsUnavailable):
        secrets.api_key(fresh=False)
    with pytest.raises(SecretsUnavailable):
        secrets.token(token_arn, fresh=False)

    assert (secrets.api_key(fresh=False), secrets.token(token_arn, fresh=False)) == (CLAUDE_KEY, TOKEN)


def test_an_outage_while_a_secret_is_read_anew_loses_nothing(account: Account, secrets: Secrets) -> None:
    secrets.api_key(fresh=False)
    account.calls.fail("GetSecretValue")

    with pytest.raises(SecretsUnavailable):
        secrets.api_key(fresh=True)

    assert secrets.api_key(fresh=False) == CLAUDE_KEY
