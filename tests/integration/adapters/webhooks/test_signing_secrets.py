"""The secrets that sign, as the webhooks function reads them."""

import pytest

from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.webhooks.signing_secrets import TTL_MS, ProjectSecrets
from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def secret(account: Account) -> WebhookSecret:
    secret = account.give_signing_secret()
    account.calls.made.clear()
    return secret


@pytest.fixture
def secrets(account: Account, clock: FakeClock) -> ProjectSecrets:
    return ProjectSecrets(account.registry, account.sealing(Purpose.SIGNING, clock), clock)


def test_they_are_read_once_a_minute_and_decrypted_once_in_five(
    account: Account, secrets: ProjectSecrets, clock: FakeClock, secret: WebhookSecret
) -> None:
    assert [secrets.of_project(PROJECT) for _ in range(3)] == [secret.live] * 3
    assert [call.operation for call in account.calls.made] == ["GetItem", "Decrypt"]
    for _ in range(3):
        clock.advance(TTL_MS / 1000)
        assert secrets.of_project(PROJECT) == secret.live
    assert len(account.calls.of("Decrypt")) == 1

    rotated = secret.rotated(bytes([1]) * 32, 1)
    account.replace_signing_secret(rotated)
    clock.advance(TTL_MS / 1000 - 1)
    assert secrets.of_project(PROJECT) == secret.live
    clock.advance(1)
    assert secrets.of_project(PROJECT) == rotated.live


def test_projects_have_their_own(account: Account, secrets: ProjectSecrets, secret: WebhookSecret) -> None:
    account.registry.create_project(OTHER_PROJECT, 1)
    other = WebhookSecret.new(bytes([2]) * 32, 1)
    account.replace_signing_secret(other, OTHER_PROJECT)
    assert secrets.of_project(PROJECT) == secret.live
    assert secrets.of_project(OTHER_PROJECT) == other.live


def test_one_that_is_made_later_is_found_at_once(account: Account, secrets: ProjectSecrets) -> None:
    assert secrets.of_project(PROJECT) == ()
    account.registry.create_project(PROJECT, 1)
    assert secrets.of_project(PROJECT) == ()
    secret = account.give_signing_secret()
    assert secrets.of_project(PROJECT) == secret.live


def test_one_that_is_copied_from_another_project_does_not_open(
    account: Account, secrets: ProjectSecrets, secret: WebhookSecret
) -> None:
    project = account.registry.project(PROJECT)
    assert project is not None
    assert project.webhook_secret is not None
    account.registry.create_project(OTHER_PROJECT, 1)
    account.registry.replace_webhook_secret(OTHER_PROJECT, None, project.webhook_secret)
    with pytest.raises(SecretsUnavailable, match=OTHER_PROJECT):
        secrets.of_project(OTHER_PROJECT)
    assert secrets.of_project(PROJECT) == secret.live


def test_what_is_no_secret_is_a_fault_and_not_told(account: Account, secrets: ProjectSecrets) -> None:
    account.registry.create_project(PROJECT, 1)
    text = account.sealing(Purpose.SIGNING).seal(b"pa55word", {"projectId": PROJECT})
    account.registry.replace_webhook_secret(PROJECT, None, text)
    with pytest.raises(SecretsUnavailable) as raised:
        secrets.of_project(PROJECT)
    assert "pa55word" not in str(raised.value)
    assert PROJECT in str(raised.value)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
@pytest.mark.parametrize(
    ("operation", "error"), [("Decrypt", SecretsUnavailable), ("GetItem", StoreUnavailable)]
)
def test_an_outage_is_no_missing_secret(
    account: Account,
    secrets: ProjectSecrets,
    secret: WebhookSecret,
    operation: str,
    error: type[Exception],
    fault: Fault,
) -> None:
    account.calls.fail(operation, fault)
    with pytest.raises(error):
        secrets.of_project(PROJECT)
    assert secrets.of_project(PROJECT) == secret.live
