"""``a2actl keys`` on a deployed stack."""

import json
import time

import pytest

from a2a_tasks.access.authentication import authenticate
from a2a_tasks.domain.access.rate import KeyLimits
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault

DAY_MS = 86_400_000


def now() -> int:
    return time.time_ns() // 1_000_000


def test_create_prints_json_alone_and_makes_the_project(operator: Operator, account: Account) -> None:
    created = operator.run("keys", "create", "--project", "demo", "--name", "接口")
    assert created.exit_code == 0
    shown = json.loads(created.stdout)
    assert set(shown) == {"keyId", "key"}
    assert created.stderr.splitlines() == [
        "Created the project demo.",
        "Store the key safely: only its hash is kept, so it cannot be shown again.",
    ]
    opened = authenticate(account.registry, f"Bearer {shown['key']}", now())
    assert opened is not None
    assert (opened.key_id, opened.project_id, opened.name) == (shown["keyId"], "demo", "接口")
    assert opened.expires_at is None


def test_a_project_whose_creation_the_sdk_repeats_is_there(operator: Operator, account: Account) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE, times=2)

    created = operator.run("keys", "create", "--project", "demo")

    assert created.exit_code == 0
    assert [key.key_id for key in account.registry.keys_of("demo")] == [json.loads(created.stdout)["keyId"]]
    project = account.registry.project("demo")
    assert project is not None
    assert project.webhook_secret is not None


def test_a_second_key_is_another_one(operator: Operator) -> None:
    first, second = (operator.run("keys", "create", "--project", "demo") for _ in range(2))
    assert json.loads(first.stdout)["key"] != json.loads(second.stdout)["key"]
    assert "Created the project demo." in first.stderr
    assert "Created" not in second.stderr


def test_a_key_can_expire(operator: Operator, account: Account) -> None:
    before = now()
    created = operator.run("keys", "create", "--project", "demo", "--expires", "90d")
    key = account.registry.key(json.loads(created.stdout)["keyId"])
    assert key is not None
    assert key.expires_at is not None
    assert before <= key.expires_at - 90 * DAY_MS <= now()


def test_a_key_can_have_limits_of_its_own(operator: Operator, account: Account) -> None:
    options = ("--requests-per-hour", "100", "--request-burst", "5", "--creations-per-hour", "0")
    created = operator.run("keys", "create", "--project", "demo", *options)
    key_id = json.loads(created.stdout)["keyId"]
    key = account.registry.key(key_id)
    assert key is not None
    assert key.limits == KeyLimits(100, 5, 0)
    listed = operator.run("keys", "list", "--project", "demo").stdout
    assert "never\trequestsPerHour 100, requestBurst 5, creationsPerHour 0" in listed


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--project", "demo", "--expires", "90"), "--expires takes a number above zero with a unit"),
        (("--project", "demo", "--expires", "9999w"), "--expires takes at most 3650d"),
        (("--project", "demo", "--request-burst", "0"), "'--request-burst'"),
        (("--project", "demo", "--creations-per-hour", "-1"), "'--creations-per-hour'"),
        (("--project", "Demo!"), "--project takes 1 to 64 lower-case letters"),
        ((), "name one with --project"),
    ],
)
def test_create_refuses_what_makes_no_sense(
    operator: Operator, account: Account, arguments: tuple[str, ...], problem: str
) -> None:
    refused = operator.run("keys", "create", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert account.registry.project("demo") is None


def test_list_tells_states_and_no_secrets(operator: Operator, account: Account) -> None:
    active, secret = account.add_key()
    expired, _ = account.add_key(expires_at=1_750_000_001_000, random=bytes(42))
    revoked, _ = account.add_key(random=bytes(range(1, 43)))
    account.add_key("rival", random=bytes(range(2, 44)))
    account.registry.revoke_key(revoked, 1_750_000_002_000)
    listed = operator.run("keys", "list", "--project", "demo", "--json")
    by_id = {key["keyId"]: key for key in json.loads(listed.stdout)}
    common = {"projectId": "demo", "name": "tests", "createdAt": "2025-06-15T15:06:40.000Z"}
    assert by_id == {
        active: {"keyId": active, "state": "active"} | common,
        expired: {"keyId": expired, "state": "expired", "expiresAt": "2025-06-15T15:06:41.000Z"} | common,
        revoked: {"keyId": revoked, "state": "revoked", "revokedAt": "2025-06-15T15:06:42.000Z"} | common,
    }
    table = operator.run("keys", "list", "--project", "demo").stdout
    assert f"{active}\ttests\tactive\t2025-06-15T15:06:40.000Z\tnever" in table
    stored = account.registry.key(active)
    assert stored is not None
    for output in (listed.stdout, table):
        assert secret.rpartition("_")[2] not in output
        assert stored.secret_sha256 not in output


def test_list_of_a_project_that_does_not_exist(operator: Operator) -> None:
    refused = operator.run("keys", "list", "--project", "nobody")
    assert refused.exit_code == 2
    assert "There is no project 'nobody'" in refused.stderr


def test_limit_changes_what_is_named(operator: Operator, account: Account) -> None:
    key_id, shown = account.add_key()
    limited = operator.run("keys", "limit", key_id, "--requests-per-hour", "60", "--creation-burst", "3")
    assert (limited.exit_code, limited.stdout) == (0, f"{key_id}: requestsPerHour 60, creationBurst 3\n")
    assert "up to 60 seconds" in limited.stderr
    again = operator.run("keys", "limit", shown, "--request-burst", "2", "--json")
    limits = {"requestsPerHour": 60, "requestBurst": 2, "creationBurst": 3}
    assert json.loads(again.stdout)["limits"] == limits
    assert (
        json.loads(operator.run("keys", "list", "--project", "demo", "--json").stdout)[0]["limits"] == limits
    )


def test_limit_goes_back_to_the_deployments(operator: Operator, account: Account) -> None:
    key_id, _ = account.add_key()
    operator.run("keys", "limit", key_id, "--requests-per-hour", "60")
    reset = operator.run("keys", "limit", key_id, "--reset")
    assert (reset.exit_code, reset.stdout) == (0, f"{key_id}: as deployed\n")
    stored = account.registry.key(key_id)
    assert stored is not None
    assert stored.limits == KeyLimits()


def test_limit_refuses_what_makes_no_sense(operator: Operator, account: Account) -> None:
    key_id, _ = account.add_key()
    nothing, unknown = operator.run("keys", "limit", key_id), operator.run("keys", "limit", "abc", "--reset")
    assert (nothing.exit_code, unknown.exit_code) == (2, 2)
    assert "No limit was given" in nothing.stderr
    assert unknown.stderr.startswith("There is no key 'abc'")


def test_revoke_ends_a_key_for_good(operator: Operator, account: Account) -> None:
    key_id, shown = account.add_key()
    revoked = operator.run("keys", "revoke", key_id)
    assert (revoked.exit_code, revoked.stdout) == (0, f"{key_id}: revoked.\n")
    assert "up to 60 seconds" in revoked.stderr
    assert authenticate(account.registry, f"Bearer {shown}", now()) is None


def test_revoke_takes_the_key_itself_and_answers_json(operator: Operator, account: Account) -> None:
    key_id, shown = account.add_key()
    first, again = (operator.run("keys", "revoke", given, "--json") for given in (shown, key_id))
    answer = json.loads(first.stdout)
    assert (answer["keyId"], answer["state"]) == (key_id, "revoked")
    assert json.loads(again.stdout) == answer, "the first revocation counts"


def test_revoke_of_an_unknown_key(operator: Operator) -> None:
    refused = operator.run("keys", "revoke", "abc")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert (
        refused.stderr == "There is no key 'abc'; `a2actl keys list --project ID` shows a project's keys.\n"
    )
