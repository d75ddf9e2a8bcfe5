"""The authorizer: an API key becomes a project, or 401."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.access.rate import KeyLimits
from tests.integration.support.account import CREATED_AT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext

STAGE_ARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/dev"


@pytest.fixture
def authorizer(start: Callable[..., ModuleType]) -> ModuleType:
    return start("authorizer")


def authorize(authorizer: ModuleType, authorization: str, route: str = "GET/a2a/assistant/tasks") -> Any:
    event = load_event("authorizer_token")
    event |= {"authorizationToken": authorization, "methodArn": f"{STAGE_ARN}/{route}"}
    return authorizer.handler(event, LambdaContext())


def assert_refused(authorizer: ModuleType, authorization: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(authorizer, authorization)


@pytest.mark.parametrize("route", ["GET/health", "POST/a2a/x/tasks", "DELETE/a2a/x/tasks/y/z", "GET/"])
def test_a_good_key_opens_every_route_of_the_stage(
    authorizer: ModuleType, account: Account, route: str
) -> None:
    key_id, key = account.add_key()

    policy = authorize(authorizer, f"Bearer {key}", route)

    # the gateway caches the answer by the key alone, so it must not name the route that was asked for
    assert policy == {
        "principalId": key_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE_ARN}/*"}],
        },
        "context": {"projectId": PROJECT, "keyId": key_id},
    }


def test_the_key_decides_the_project(authorizer: ModuleType, account: Account) -> None:
    _, key = account.add_key(OTHER_PROJECT)

    assert authorize(authorizer, f"bearer {key}")["context"]["projectId"] == OTHER_PROJECT


def test_a_keys_own_limits_go_with_it(authorizer: ModuleType, account: Account) -> None:
    key_id, key = account.add_key()
    account.registry.limit_key(key_id, KeyLimits(requests_per_hour=0, creation_burst=7))

    context = authorize(authorizer, f"Bearer {key}")["context"]

    # the gateway takes texts, numbers and truth values, and gives texts to the function
    assert context == {
        "projectId": PROJECT,
        "keyId": key_id,
        "requestsPerHour": "0",
        "creationBurst": "7",
    }


def test_authorizing_costs_one_read(authorizer: ModuleType, account: Account) -> None:
    _, key = account.add_key()
    account.calls.made.clear()

    authorize(authorizer, f"Bearer {key}")

    assert [call.operation for call in account.calls.made] == ["GetItem"]


def test_a_wrong_secret_is_refused(authorizer: ModuleType, account: Account) -> None:
    _, key = account.add_key()

    assert_refused(authorizer, f"Bearer {key[:-2]}{'AB' if key[-2:] != 'AB' else 'CD'}")


def test_another_keys_secret_is_refused(authorizer: ModuleType, account: Account) -> None:
    _, first = account.add_key()
    second_id, second = account.add_key(random=bytes(range(100, 142)))

    assert_refused(authorizer, f"Bearer a2a_{second_id}_{first[21:]}")
    assert authorize(authorizer, f"Bearer {second}")["principalId"] == second_id


def test_an_unknown_key_is_refused(authorizer: ModuleType, account: Account) -> None:
    account.add_key()

    assert_refused(authorizer, f"Bearer a2a_{'a' * 16}_{'A' * 43}")


def test_a_revoked_key_is_refused(authorizer: ModuleType, account: Account) -> None:
    key_id, key = account.add_key()
    account.registry.revoke_key(key_id, CREATED_AT)

    assert_refused(authorizer, f"Bearer {key}")


def test_a_key_works_until_it_expires(authorizer: ModuleType, account: Account) -> None:
    now = authorizer.clock.now()
    _, expired = account.add_key(expires_at=now)
    _, fresh = account.add_key(expires_at=now + 60_000, random=bytes(range(100, 142)))

    assert_refused(authorizer, f"Bearer {expired}")
    assert authorize(authorizer, f"Bearer {fresh}")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "{key}",
        "Basic {key}",
        "Bearer {key} x",
        "Bearer {key}=",
        "Bearer x{key}",
        "\0",
    ],
)
def test_a_malformed_header_is_refused(authorizer: ModuleType, account: Account, authorization: str) -> None:
    _, key = account.add_key()

    assert_refused(authorizer, authorization.replace("{key}", key))


def test_a_refusal_is_logged_without_the_key(
    authorizer: ModuleType, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    _, key = account.add_key()

    assert_refused(authorizer, f"Bearer {key}x")

    printed = capsys.readouterr().out
    assert "key refused" in printed
    assert key[21:] not in printed


def test_a_registry_that_does_not_answer_is_no_wrong_key(authorizer: ModuleType, account: Account) -> None:
    _, key = account.add_key()
    account.calls.fail("GetItem", Fault.THROTTLED)

    with pytest.raises(Exception, match="Rate exceeded"):
        authorize(authorizer, f"Bearer {key}")
