"""What became of a task's notifications, through the real handlers."""

from collections.abc import Callable
from types import ModuleType

import pytest

from tests.integration.support.account import AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.receiver import receiving, reply
from tests.integration.support.table_stream import TableStream


@pytest.fixture
def caller(agents: Account, start: Callable[..., ModuleType]) -> Caller:
    agents.give_signing_secret()
    return Caller(start("api", ALLOW_LOOPBACK_WEBHOOKS="true").handler, PROJECT)


def test_a_delivery_is_pending_then_retried_then_done(
    caller: Caller, agents: Account, start: Callable[..., ModuleType]
) -> None:
    notifier = start("notifier")
    webhooks = start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")
    stream = TableStream(agents)
    with receiving(reply(503), reply(200)) as receiver:
        push = {"url": receiver.url, "id": "mine"}
        path = caller.post(AGENT, {"message": "hello", "pushNotificationConfig": push}).body["checkUrl"]
        before = caller.get(f"{path}/deliveries").body
        caller.delete(path)
        pending = caller.get(f"{path}/deliveries").body["deliveries"]
        notifier.handler({"Records": stream.new()}, LambdaContext())
        records = agents.receive("NotificationQueue")
        webhooks.handler({"Records": records}, LambdaContext())
        retrying = caller.get(f"{path}/deliveries").body["deliveries"]
        webhooks.deliverer.receivers._receivers.clear()  # another process
        webhooks.handler({"Records": records}, LambdaContext())

    delivered = caller.get(f"{path}/deliveries").body["deliveries"]

    assert before == {"deliveries": []}
    at = caller.get(path).body["completedAt"]
    change = {"configId": "mine", "event": "canceled", "at": at}
    assert pending == [change | {"state": "pending", "attempts": 0}]
    (tried,) = retrying
    assert (tried["state"], tried["attempts"], tried["lastStatus"]) == ("retrying", 1, 503)
    assert tried["lastError"] == "the receiver answered 503"
    assert tried["nextAttemptAt"] > tried["lastAttemptAt"]
    (done,) = delivered
    assert done["lastAttemptAt"] >= at
    tried_at = {"lastAttemptAt": done["lastAttemptAt"]}
    assert done == change | tried_at | {"state": "delivered", "attempts": 2, "lastStatus": 200}
    assert caller.get(f"{path}/timeline").body["deliveries"] == delivered


def test_a_task_without_receivers_has_none(caller: Caller) -> None:
    path = caller.post(AGENT, {"message": "hello"}).body["checkUrl"]

    assert caller.get(f"{path}/deliveries").body == {"deliveries": []}


def test_a_foreign_task_is_like_a_missing_one(caller: Caller, start: Callable[..., ModuleType]) -> None:
    path = caller.post(AGENT, {"message": "hello"}).body["checkUrl"]

    answer = Caller(start("api").handler, OTHER_PROJECT).get(f"{path}/deliveries")

    assert (answer.status, answer.code) == (404, "TASK_NOT_FOUND")
