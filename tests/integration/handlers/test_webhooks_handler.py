"""The webhooks function: the real handler, real calls of AWS, and receivers on this machine."""

import json
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest
from standardwebhooks import Webhook

from a2a_tasks.adapters.webhooks.client import GuardedClient
from a2a_tasks.domain.task import Artifact, Payload, Task
from a2a_tasks.domain.webhooks.push import Authentication, PushConfig, StoredPushConfig
from a2a_tasks.domain.webhooks.secret import WebhookSecret
from a2a_tasks.ports.webhooks import ReceiverAnswer
from a2a_tasks.webhooks.push_secrets import sealed
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.receiver import Receiver, receiving, reply, reset, trickle
from tests.integration.support.stored_task import completed, created

UNTIL = 2**41
TOKEN, CREDENTIALS = "t0ken-of-the-receiver", "cr3dentials-of-the-receiver"


@pytest.fixture
def secret(account: Account) -> WebhookSecret:
    return account.give_signing_secret()


@pytest.fixture
def webhooks(start: Callable[..., ModuleType], secret: WebhookSecret) -> ModuleType:  # noqa: ARG001
    return start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def done(account: Account, webhooks: ModuleType, number: int = 0, **changes: Any) -> Task:
    now = webhooks.deliverer.clock.now()
    task = created(account.store, now, number=number, **changes)
    return completed(account.store, task, now, Payload(inline='{"result":"42"}'))


def listen(account: Account, task: Task, url: str, config_id: str = "a") -> None:
    config = PushConfig(url, TOKEN, Authentication("Bearer", CREDENTIALS))
    kept = sealed(account.sealing(), task.ref.task_id, config_id, config)
    account.push.put(task.ref.task_id, StoredPushConfig(config_id, url, scheme="Bearer", sealed=kept), UNTIL)


def invoke(webhooks: ModuleType, account: Account) -> tuple[list[str], list[str]]:
    """Deliver what is visible: all ids, and those kept. Lambda deletes the others."""
    records = account.receive("NotificationQueue")
    answer: dict[str, Any] = webhooks.handler({"Records": records}, LambdaContext(60_000))
    kept = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    for record in records:
        if record["messageId"] not in kept:
            url = account.resources["NotificationQueue"]
            account.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
    return [record["messageId"] for record in records], kept


def invisible_for(account: Account) -> list[int]:
    """The seconds for which messages were put off, in order."""
    return [call.parameters["VisibilityTimeout"] for call in account.calls.of("ChangeMessageVisibility")]


def show_again(account: Account, webhooks: ModuleType) -> None:
    """Let the message that was put off last be visible now, to a process that has not seen it fail."""
    webhooks.deliverer.receivers._receivers.clear()
    last = account.calls.of("ChangeMessageVisibility")[-1].parameters
    account.sqs.change_message_visibility(
        QueueUrl=last["QueueUrl"], ReceiptHandle=last["ReceiptHandle"], VisibilityTimeout=0
    )


def test_a_receiver_verifies_what_it_gets_with_the_schemes_own_library(
    account: Account, webhooks: ModuleType, secret: WebhookSecret, receiver: Receiver
) -> None:
    task = done(account, webhooks, context_id="context-1")
    listen(account, task, receiver.url)
    notification = account.notify(task)

    _, kept = invoke(webhooks, account)

    (request,) = receiver.requests
    event = Webhook(secret.current).verify(request.body, request.headers)
    assert event["task"]["id"] == task.ref.task_id
    assert event["task"]["artifacts"][0]["parts"] == [{"text": "42", "mediaType": "text/plain"}]
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["webhook-id"] == notification.notification_id
    assert request.headers["x-a2a-notification-token"] == TOKEN
    assert request.headers["authorization"] == f"Bearer {CREDENTIALS}"
    assert request.headers["content-type"] == "application/a2a+json"
    assert kept == []
    assert account.message_counts("NotificationQueue") == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_a_saved_file_is_a_link_that_works_for_a_while(
    account: Account, webhooks: ModuleType, receiver: Receiver
) -> None:
    task = done(account, webhooks)
    key = f"tasks/{task.ref.task_id}/artifact-1-c"
    account.dynamodb.update_item(
        TableName=account.resources["TasksTable"],
        Key={"pk": {"S": f"TASK#{task.ref.task_id}"}, "sk": {"S": f"TASK#{task.ref.agent_id}"}},
        UpdateExpression="SET artifacts = :saved",
        ExpressionAttributeValues={":saved": {"L": [{"M": {
            "artifactId": {"S": "c"}, "name": {"S": "a.txt"}, "mediaType": {"S": "text/plain"},
            "key": {"S": key}, "form": {"S": "file"},
        }}]}},
    )  # fmt: skip
    assert account.store.get(task.ref).artifacts == (Artifact("c", "a.txt", "text/plain", key=key),)  # type: ignore[union-attr]
    listen(account, task, receiver.url)
    account.notify(task)

    invoke(webhooks, account)

    part = json.loads(receiver.requests[0].body)["task"]["artifacts"][0]["parts"][0]
    assert key in part["url"]
    assert "X-Amz-Signature=" in part["url"]


def test_old_and_new_secret_verify_while_it_is_rotated(
    account: Account, start: Callable[..., ModuleType], secret: WebhookSecret, receiver: Receiver
) -> None:
    both = secret.rotated(bytes(32), 1)
    account.replace_signing_secret(both)
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")
    task = done(account, webhooks)
    listen(account, task, receiver.url)
    account.notify(task)

    invoke(webhooks, account)

    (request,) = receiver.requests
    for known in both.live:
        Webhook(known).verify(request.body, request.headers)


def test_a_failing_receiver_is_tried_again_with_the_same_id_and_body(
    account: Account, webhooks: ModuleType, receiver: Receiver
) -> None:
    receiver.script = [reply(503, Retry_After="100"), reset, reply(200)]
    task = done(account, webhooks)
    listen(account, task, receiver.url)
    account.notify(task)

    for _ in range(2):
        invoke(webhooks, account)
        show_again(account, webhooks)
    invoke(webhooks, account)

    first, second, third = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == third.headers["webhook-id"]
    assert first.body == second.body == third.body
    asked, _, backoff, _ = invisible_for(account)  # and each time a test shows it again
    assert 100 <= asked <= 103
    assert 10 <= backoff <= 15
    assert account.message_counts("NotificationQueue") == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_what_is_told_has_the_tasks_ids_and_no_address_and_no_secret(
    account: Account,
    start: Callable[..., ModuleType],
    secret: WebhookSecret,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")
    receiver.script = [reply(503), reply(200)]
    task = done(account, webhooks)
    listen(account, task, f"{receiver.url}?key=K3Y")
    account.notify(task)

    invoke(webhooks, account)
    show_again(account, webhooks)
    invoke(webhooks, account)

    told = capsys.readouterr().out
    lines = [json.loads(line) for line in told.splitlines()]
    put_off, delivered = (line for line in lines if "message" in line)
    assert (put_off["message"], put_off["reason"]) == (
        "notification rescheduled",
        "the receiver answered 503",
    )
    assert (delivered["message"], delivered["host"]) == ("notification delivered", "127.0.0.1")
    for line in (put_off, delivered):
        assert (line["task_id"], line["correlation_id"]) == (task.ref.task_id, task.correlation_id)
    assert '"WebhookRetries":[1.0]' in told
    assert '"WebhooksDelivered":[1.0]' in told
    for text in (TOKEN, CREDENTIALS, "/hook", "K3Y", secret.current):
        assert text not in told


def test_receivers_that_fail_fail_alone(
    account: Account, webhooks: ModuleType, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = done(account, webhooks)
    silence = trickle(b"", b"")
    patient = webhooks.deliverer.client
    impatient = GuardedClient(allow_loopback=True, total_seconds=0.3)
    with receiving() as gone:
        closed = gone.url
    with receiving(silence) as slow, receiving(reply(500)) as broken:

        async def post(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> ReceiverAnswer:
            client = impatient if url == slow.url else patient
            return await GuardedClient.post(client, url, headers, body)

        monkeypatch.setattr(patient, "post", post)
        urls = [receiver.url, slow.url, broken.url, closed, "https://10.0.0.1/"]
        for config_id, url in zip("abcde", urls, strict=True):
            listen(account, task, url, config_id)
            account.notify(task, config_id)
        delivered, kept = invoke(webhooks, account)

    assert (len(delivered), len(kept)) == (5, 4)
    assert len(receiver.requests) == 1
    assert len(invisible_for(account)) == 4


def test_a_receiver_that_wants_no_more_is_forgotten(
    account: Account, webhooks: ModuleType, receiver: Receiver
) -> None:
    receiver.script = [reply(410)]
    task = done(account, webhooks)
    listen(account, task, receiver.url)
    listen(account, task, receiver.url, "b")
    account.notify(task)

    assert invoke(webhooks, account)[1] == []
    assert account.push.ids(task.ref.task_id) == ["b"]


def test_after_the_span_it_is_in_the_dead_letter_queue(
    account: Account, start: Callable[..., ModuleType], secret: WebhookSecret, receiver: Receiver
) -> None:
    receiver.script = [reply(503)]
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true", WEBHOOK_RETRY_HOURS="0")
    task = done(account, webhooks)
    listen(account, task, receiver.url)
    notification = account.notify(task)

    assert invoke(webhooks, account)[1] == []

    (record,) = account.receive("NotificationDeadLetterQueue")
    assert json.loads(record["body"])["notificationId"] == notification.notification_id
    assert record["messageAttributes"]["reason"]["stringValue"] == "the receiver answered 503"
    assert secret.current not in str(record)


def test_a_deployed_stack_calls_nothing_on_its_own_machine(
    account: Account, start: Callable[..., ModuleType], secret: WebhookSecret, receiver: Receiver
) -> None:
    assert secret
    webhooks = start("webhooks")
    task = done(account, webhooks)
    for config_id, url in (("a", receiver.url), ("b", receiver.url.replace("http", "https"))):
        listen(account, task, url, config_id)
        account.notify(task, config_id)

    delivered, kept = invoke(webhooks, account)

    assert kept == delivered
    assert receiver.connections == 0


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("GetItem", Fault.NOT_SENT),
        ("GetItem", Fault.THROTTLED),
        ("Decrypt", Fault.THROTTLED),
        ("ChangeMessageVisibility", Fault.NOT_SENT),
        ("ChangeMessageVisibility", Fault.ANSWER_LOST),
    ],
)
def test_an_outage_here_loses_nothing(
    account: Account, webhooks: ModuleType, receiver: Receiver, operation: str, fault: Fault
) -> None:
    receiver.script = [reply(503), reply(200)] if operation.startswith("Change") else [reply(200)]
    task = done(account, webhooks)
    listen(account, task, receiver.url)
    account.notify(task)
    account.calls.fail(operation, fault)

    delivered, kept = invoke(webhooks, account)
    assert kept == delivered

    show_again(account, webhooks)
    invoke(webhooks, account)
    assert json.loads(receiver.requests[-1].body)["task"]["id"] == task.ref.task_id


def test_what_is_no_notification_is_dropped(
    capsys: pytest.CaptureFixture[str], account: Account, webhooks: ModuleType
) -> None:
    account.sqs.send_message(QueueUrl=account.resources["NotificationQueue"], MessageBody="garbage")
    assert invoke(webhooks, account)[1] == []
    assert '"MalformedMessages":[1.0]' in capsys.readouterr().out
