"""``a2actl webhooks`` on a deployed stack, and beside the local one."""

import json
import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from standardwebhooks import Webhook

from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.sqs.notification_messages import delivery_of, notification_sender, to_message
from a2a_tasks.adapters.sqs.timed_queue import SQSTimedQueue
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.adapters.webhooks.signing_secrets import ProjectSecrets
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.domain.webhooks.push import Notification, StoredPushConfig
from a2a_tasks.domain.webhooks.secret import WebhookSecret, fingerprint
from a2a_tasks.webhooks.signing_secrets import opened
from tests.integration.cli.terminal import Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.receiver import receiving, reply

NOTIFICATION = Notification(
    TaskRef("assistant", "0197a4e0-0000-7000-8000-000000000001"),
    "demo",
    "a",
    Status.COMPLETED,
    1_750_000_000_000,
    "request-1",
    "msg_1",
)
OTHER_TASK = "0197a4e0-0000-7000-8000-000000000002"


def rotate(operator: Operator, *options: str) -> Any:
    return operator.run("webhooks", "secret", "rotate", "--project", "demo", *options)


def secret(account: Account) -> WebhookSecret:
    """As it is kept."""
    project = account.registry.project("demo")
    assert project is not None
    assert project.webhook_secret is not None
    return opened(account.sealing(Purpose.SIGNING), "demo", project.webhook_secret)


def live(account: Account) -> tuple[str, ...]:
    """What signs, as the function finds it."""
    opener = account.sealing(Purpose.SIGNING)
    return ProjectSecrets(account.registry, opener, SystemClock()).of_project("demo")


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "command",
    [
        ("keys", "create", "--project", "demo"),
        ("projects", "set", "--project", "demo", "--daily-tokens", "5"),
        ("mcp", "add", "--project", "demo", "--name", "docs", "--url", "https://mcp.example.com"),
        ("webhooks", "secret", "rotate", "--project", "demo"),
    ],
    ids=lambda command: command[0],
)
def test_a_new_project_has_a_secret_at_once(
    operator: Operator, account: Account, command: tuple[str, ...]
) -> None:
    done = operator.run(*command)
    assert done.exit_code == 0
    assert live(account) == (secret(account).current,)
    items = account.dynamodb.scan(TableName=account.resources["RegistryTable"])["Items"]
    for text in (done.output, str(items)):
        assert secret(account).current not in text


def test_a_project_of_an_earlier_release_gets_one_with_the_next_command(
    operator: Operator, account: Account
) -> None:
    account.registry.create_project("demo", 1)
    assert live(account) == ()
    operator.run("keys", "create", "--project", "demo")
    assert len(live(account)) == 1


def test_a_project_keeps_its_secret(operator: Operator, account: Account) -> None:
    for _ in range(2):
        operator.run("keys", "create", "--project", "demo")
    before = secret(account)
    operator.run("keys", "create", "--project", "demo")
    assert secret(account) == before


def test_rotation_keeps_the_previous_secret_until_it_is_retired(operator: Operator, account: Account) -> None:
    first = rotate(operator)
    old = secret(account).current
    assert first.stderr.splitlines()[0] == "Created the project demo."
    assert first.stdout == f"demo: the current secret is {fingerprint(old)}; it alone signs.\n"

    second = rotate(operator)
    new = secret(account).current
    assert second.stdout == (
        f"demo: the current secret is {fingerprint(new)}; both it and the previous one sign.\n"
    )
    assert live(account) == (new, old)

    third = rotate(operator, "--retire-previous")
    assert third.stdout == f"demo: the current secret is {fingerprint(new)}; it alone signs.\n"
    assert live(account) == (new,)


def test_a_secret_that_receivers_have_is_not_rotated_away(operator: Operator, account: Account) -> None:
    for _ in range(2):
        rotate(operator)
    before = live(account)
    refused = rotate(operator)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "already has two active secrets" in refused.stderr
    assert live(account) == before


def test_nothing_is_retired_that_is_not_there(operator: Operator, account: Account) -> None:
    refused = rotate(operator, "--retire-previous")
    assert refused.stderr.startswith("The project demo has no signing secret; ")
    assert account.registry.project("demo") is None
    rotate(operator)
    refused = rotate(operator, "--retire-previous")
    assert refused.stderr == "The project demo has no previous secret to retire.\n"
    assert len(live(account)) == 1


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("operation", ["GetItem", "GenerateDataKey", "Decrypt", "UpdateItem"])
def test_a_rotation_that_broke_off_never_loses_the_secret_that_receivers_have(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    rotate(operator)
    known = secret(account).current
    account.calls.fail(operation, fault)
    rotate(operator)
    rotate(operator)
    assert known in live(account)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("operation", ["GetItem", "GenerateDataKey", "UpdateItem"])
def test_a_first_rotation_that_broke_off_can_be_made_again(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    account.calls.fail(operation, fault)
    assert rotate(operator).exit_code != 0
    assert rotate(operator).exit_code == 0
    assert secret(account).current in live(account)


def test_a_rotation_that_the_sdk_repeats_is_one(operator: Operator, account: Account) -> None:
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    assert rotate(operator).exit_code == 0
    known = secret(account).current
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    assert rotate(operator).exit_code == 0
    assert live(account)[1:] == (known,)


def test_two_who_rotate_at_once_do_not_lose_what_receivers_have(operator: Operator, account: Account) -> None:
    rotate(operator)
    known = secret(account)
    quicker = known.rotated(bytes(32), 1)
    change = DynamoDBRegistry.replace_webhook_secret

    def after_another(registry: DynamoDBRegistry, *arguments: Any) -> bool:
        with patch.object(DynamoDBRegistry, "replace_webhook_secret", change):
            account.replace_signing_secret(quicker)
        return change(registry, *arguments)

    with patch.object(DynamoDBRegistry, "replace_webhook_secret", after_another):
        refused = rotate(operator)
    assert refused.exit_code == 2
    assert "The signing secret of demo was changed by somebody else" in refused.stderr
    assert live(account) == quicker.live


def test_one_that_no_key_opens_is_told_and_made_anew(operator: Operator, account: Account) -> None:
    account.registry.create_project("demo", 1)
    lost = account.sealing(Purpose.RECEIVER).seal(b"{}", {"projectId": "demo"})
    account.registry.replace_webhook_secret("demo", None, lost)
    for command in (("show", "--reveal"), ("rotate",), ("rotate", "--retire-previous")):
        refused = operator.run("webhooks", "secret", *command, "--project", "demo")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "a2actl webhooks secret rotate --project demo --start-anew" in refused.stderr
    anew = rotate(operator, "--start-anew")
    assert anew.stdout == (
        f"demo: the current secret is {fingerprint(secret(account).current)}; it alone signs.\n"
    )
    assert len(live(account)) == 1
    assert rotate(operator, "--start-anew", "--retire-previous").exit_code == 2


def test_show_gives_no_secret_away_unless_it_is_asked_to(operator: Operator, account: Account) -> None:
    for _ in range(2):
        rotate(operator)
    show = ("webhooks", "secret", "show", "--project", "demo")
    kept = secret(account)
    current, previous = (fingerprint(found) for found in kept.live)
    assert operator.run(*show).stdout.splitlines() == [
        "Project:         demo",
        f"Current secret:  {current}",
        f"Previous secret: {previous}",
        f"Rotated:         {kept.rotated_at}",
    ]
    assert json.loads(operator.run(*show, "--json").stdout) == {
        "projectId": "demo",
        "current": current,
        "previous": previous,
        "rotatedAt": kept.rotated_at,
    }
    assert json.loads(operator.run(*show, "--reveal").stdout) == json.loads(kept.to_json())


@pytest.mark.parametrize("command", [("show",), ("test", "https://example.com/")], ids=["show", "test"])
def test_without_a_secret_there_is_a_way_to_one(
    operator: Operator, account: Account, command: tuple[str, ...]
) -> None:
    unknown = operator.run("webhooks", "secret", *command, "--project", "demo")
    assert unknown.stderr.startswith("There is no project 'demo'; ")
    account.registry.create_project("demo", 1)
    without = operator.run("webhooks", "secret", *command, "--project", "demo")
    assert (without.exit_code, without.stdout) == (2, "")
    assert without.stderr.endswith("this creates one: a2actl webhooks secret rotate --project demo\n")


# ---------------------------------------------------------------- a test event


def send_test(operator: Operator, url: str) -> Any:
    return operator.run("webhooks", "secret", "test", url, "--project", "demo")


def test_a_test_event_is_signed_with_every_live_secret(local_operator: Operator, account: Account) -> None:
    for _ in range(2):
        rotate(local_operator)
    with receiving() as receiver:
        sent = send_test(local_operator, receiver.url)
    assert (sent.exit_code, sent.stdout) == (
        0,
        "127.0.0.1 accepted the test event (200), signed with the current and the previous secret.\n",
    )
    (request,) = receiver.requests
    for found in live(account):
        event = Webhook(found).verify(request.body, request.headers)
        assert event["statusUpdate"]["metadata"] == {"test": True}
    assert request.headers["content-type"] == "application/a2a+json"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (302, "redirects are not followed"),
        (401, "it may not have this secret"),
        (410, "deletes the push configuration"),
        (503, "a notification would be retried"),
    ],
)
def test_what_a_receiver_answers_is_told_in_words(local_operator: Operator, status: int, words: str) -> None:
    rotate(local_operator)
    with receiving(reply(status)) as receiver:
        refused = send_test(local_operator, receiver.url)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"The receiver responded with {status}")
    assert words in refused.stderr


def test_nobody_there_is_told_in_words(local_operator: Operator) -> None:
    rotate(local_operator)
    with receiving() as receiver:
        url = receiver.url
    assert send_test(local_operator, url).stderr == "The receiver was not reached: no connection.\n"


def test_a_deployed_stack_s_rules_hold_here_too(operator: Operator) -> None:
    rotate(operator)
    with receiving() as receiver:
        urls = [receiver.url, receiver.url.replace("http", "https"), "https://169.254.169.254/"]
        refused = [send_test(operator, url) for url in urls]
    assert all("The receiver was not reached: the address must " in done.stderr for done in refused)
    assert receiver.connections == 0


# ---------------------------------------------------------------- notifications that were given up


def add_dead_letters(
    account: Account, *notifications: Notification, reason: str = "the receiver answered 503"
) -> None:
    """Let the notifications be given up."""
    notification_sender(account.sqs, account.resources["NotificationQueue"]).send(notifications)
    urls = (account.resources["NotificationQueue"], account.resources["NotificationDeadLetterQueue"])
    for record in account.receive("NotificationQueue"):
        SQSTimedQueue(account.sqs, *urls).dead_letter(delivery_of(record), reason)
        account.sqs.delete_message(QueueUrl=urls[0], ReceiptHandle=record["receiptHandle"])


def numbered(count: int) -> list[Notification]:
    return [replace(NOTIFICATION, notification_id=f"msg_{n}") for n in range(count)]


def waiting(account: Account, queue: str = "NotificationQueue") -> int:
    return account.message_counts(queue)["visible"]


def test_redeliver_sends_them_again_as_they_were(operator: Operator, account: Account) -> None:
    for start in (0, 10):
        add_dead_letters(account, *numbered(12)[start : start + 10])
    time.sleep(0.002)  # moto's clock has milliseconds
    began = time.time_ns() // 1_000_000

    done = operator.run("webhooks", "redeliver")

    assert (done.exit_code, done.stdout) == (0, "12 notifications sent again.\n")
    assert account.message_counts("NotificationDeadLetterQueue") == {
        "visible": 0,
        "in_flight": 0,
        "delayed": 0,
    }
    records = account.receive("NotificationQueue") + account.receive("NotificationQueue")
    deliveries = [delivery_of(record) for record in records]
    found = {item.content.notification_id for item in deliveries if item.content}
    assert found == {f"msg_{n}" for n in range(12)}
    for item in deliveries:
        assert (item.group_id, item.receive_count) == ("demo", 1)
        assert item.sent_at >= began, "its span begins anew"


def test_redeliver_of_one_task_leaves_the_others_visible(operator: Operator, account: Account) -> None:
    other = replace(NOTIFICATION, ref=TaskRef("assistant", OTHER_TASK), notification_id="msg_2")
    add_dead_letters(account, NOTIFICATION, other)

    done = operator.run("webhooks", "redeliver", "--task", OTHER_TASK)

    assert done.stdout == "1 notification sent again.\n"
    (record,) = account.receive("NotificationQueue")
    assert json.loads(record["body"]) == to_message(other)
    assert waiting(account, "NotificationDeadLetterQueue") == 1


def test_redeliver_sends_no_more_than_its_limit(operator: Operator, account: Account) -> None:
    add_dead_letters(account, *numbered(5))
    assert operator.run("webhooks", "redeliver", "--limit", "2").stdout == "2 notifications sent again.\n"
    assert (waiting(account), waiting(account, "NotificationDeadLetterQueue")) == (2, 3)


def test_a_dry_run_only_shows_them(operator: Operator, account: Account) -> None:
    add_dead_letters(account, NOTIFICATION)
    shown = operator.run("webhooks", "redeliver", "--dry-run")
    columns, row = (line.split("\t") for line in shown.stdout.splitlines())
    assert columns == ["TASK", "CONFIGURATION", "CHANGE", "GIVEN UP", "REASON"]
    assert [*row[:3], row[4]] == [
        NOTIFICATION.ref.task_id,
        "a",
        "completed",
        "the receiver answered 503",
    ]
    assert (waiting(account), waiting(account, "NotificationDeadLetterQueue")) == (0, 1)


def test_what_is_no_notification_is_left_there(operator: Operator, account: Account) -> None:
    account.sqs.send_message(QueueUrl=account.resources["NotificationDeadLetterQueue"], MessageBody="garbage")
    done = operator.run("webhooks", "redeliver")
    assert done.stdout == "0 notifications sent again.\n"
    assert done.stderr == (
        "Messages in the dead-letter queue that are not notifications, and were left there: 1\n"
    )
    assert waiting(account, "NotificationDeadLetterQueue") == 1


@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage"])
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
def test_a_redelivery_that_broke_off_loses_nothing(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    add_dead_letters(account, *numbered(3))
    account.calls.fail(operation, fault)
    assert operator.run("webhooks", "redeliver").exit_code == 2
    # what it had in its hands is invisible a while
    left = account.message_counts("NotificationDeadLetterQueue")
    found = {json.loads(record["body"])["notificationId"] for record in account.receive("NotificationQueue")}
    assert len(found) + left["visible"] + left["in_flight"] >= 3
    assert left["visible"] == 2


def test_list_shows_who_is_told(operator: Operator, account: Account) -> None:
    task_id = NOTIFICATION.ref.task_id
    account.push.put(task_id, StoredPushConfig("a", "https://example.com/a", scheme="Bearer"), 2**40)
    listed = operator.run("webhooks", "list", "--task", task_id)
    assert listed.stdout == "CONFIGURATION\tURL\tFORMAT\na\thttps://example.com/a\ta2a\n"
    as_json = operator.run("webhooks", "list", "--task", task_id, "--json")
    assert json.loads(as_json.stdout) == [{"id": "a", "url": "https://example.com/a", "format": "a2a"}]
