"""Every event in ``events/`` goes through its function."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.access import api_key
from a2a_tasks.domain.access.api_key import ApiKey
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.webhooks.push import StoredPushConfig
from local.standin.client import StandInClient
from tests.integration.support.account import CREATED_AT, PROJECT, Account
from tests.integration.support.event_files import DIRECTORY, load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.receiver import receiving
from tests.integration.support.stored_task import asking, new_task

type Start = Callable[..., ModuleType]

TASK = TaskRef("assistant", load_event("api_get_task")["pathParameters"]["taskId"])


@pytest.fixture
def stored(agents: Account, start: Start) -> Task:
    """The task that the events name, with a deadline in the future."""
    now = start("api").services.submitter.clock.now()
    task = replace(new_task(now), ref=TASK)
    agents.store.create(task)
    return task


def invoke(start: Start, function: str, event: str, **overrides: str) -> Any:
    return start(function, **overrides).handler(load_event(event), LambdaContext())


def test_each_event_is_named_after_its_function() -> None:
    functions = (
        "a2a", "api", "authorizer", "worker", "dead_letter", "sweeper", "cleanup", "batcher", "notifier",
        "webhooks", "wecom", "wecom_sender",
    )  # fmt: skip

    names = {path.stem for path in DIRECTORY.rglob("*.json")}

    assert all(name.startswith(functions) for name in names)
    assert all(any(name.startswith(function) for name in names) for function in functions)


def test_departments_of_somebody_whose_application_is_gone(agents: Account, start: Start) -> None:  # noqa: ARG001
    assert invoke(start, "wecom_sender", "wecom_sender_departments") == {"departments": []}


def test_a_file_for_an_application_that_is_gone(agents: Account, start: Start) -> None:  # noqa: ARG001
    answer = invoke(start, "wecom_sender", "wecom_sender_media")
    assert answer == {"unavailable": "there is no such application"}


def test_post(agents: Account, start: Start) -> None:
    answer = invoke(start, "api", "api_post_task")

    assert answer["statusCode"] == 202
    assert agents.message_counts()["visible"] == 1


@pytest.mark.parametrize(("event", "state"), [("api_get_task", "pending"), ("api_delete_task", "canceled")])
def test_one_task(stored: Task, start: Start, event: str, state: str) -> None:
    answer = invoke(start, "api", event)

    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["taskId"], body["status"]) == (200, stored.ref.task_id, state)


def test_events_of_a_task(stored: Task, start: Start) -> None:
    answer = invoke(start, "api", "api_get_events")

    assert answer["statusCode"] == 200
    assert [event["status"] for event in json.loads(answer["body"])["events"]] == [stored.status]


def test_answer(agents: Account, stored: Task, start: Start) -> None:
    asking(agents.store, stored, stored.created_at)

    answer = invoke(start, "api", "api_post_message")

    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (202, "pending")
    assert agents.message_counts()["visible"] == 1


def test_push_config(agents: Account, stored: Task, start: Start) -> None:
    agents.give_signing_secret()
    answer = invoke(start, "api", "api_post_push_config")

    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["taskId"]) == (201, stored.ref.task_id)
    assert agents.push.ids(stored.ref.task_id) == [body["id"]]


def test_notifier(agents: Account, stored: Task, start: Start) -> None:
    agents.push.put(stored.ref.task_id, StoredPushConfig("a", "https://example.com"), CREATED_AT)

    assert invoke(start, "notifier", "notifier_stream") == {"batchItemFailures": []}

    (message,) = agents.receive("NotificationQueue")
    told = json.loads(message["body"])
    assert (told["taskId"], told["configId"], told["status"]) == (stored.ref.task_id, "a", "running")


def test_webhooks(agents: Account, stored: Task, start: Start) -> None:
    agents.give_signing_secret()
    with receiving() as receiver:
        agents.push.put(stored.ref.task_id, StoredPushConfig("a", receiver.url), CREATED_AT)
        answer = invoke(start, "webhooks", "webhooks_sqs", ALLOW_LOOPBACK_WEBHOOKS="true")

    assert answer == {"batchItemFailures": []}
    (request,) = receiver.requests
    assert json.loads(request.body)["statusUpdate"]["taskId"] == stored.ref.task_id


def test_list(stored: Task, start: Start) -> None:
    answer = invoke(start, "api", "api_list_tasks")

    assert [task["taskId"] for task in json.loads(answer["body"])["tasks"]] == [stored.ref.task_id]


def test_health(account: Account, start: Start) -> None:
    answer = invoke(start, "api", "api_health")

    assert (answer["statusCode"], answer["body"]) == (200, '{"status":"ok"}')
    assert account.calls.made == []


@pytest.mark.usefixtures("agents")
def test_agent_card(start: Start) -> None:
    answer = invoke(start, "a2a", "a2a_agent_card")

    assert (answer["statusCode"], json.loads(answer["body"])["name"]) == (200, "Assistant")


def test_message_by_json_rpc(agents: Account, start: Start) -> None:
    answer = invoke(start, "a2a", "a2a_json_rpc")

    task = json.loads(answer["body"])["result"]["task"]
    assert (answer["statusCode"], task["status"]["state"]) == (200, "TASK_STATE_SUBMITTED")
    assert agents.message_counts()["visible"] == 1


def test_task_by_http_json(stored: Task, start: Start) -> None:
    answer = invoke(start, "a2a", "a2a_http_json")

    assert (answer["statusCode"], json.loads(answer["body"])["id"]) == (200, stored.ref.task_id)


def test_authorizer(account: Account, start: Start) -> None:
    presented = api_key.parse(load_event("authorizer_token")["authorizationToken"].removeprefix("Bearer "))
    assert presented is not None
    zeros = api_key.issue(bytes(42))[2]
    account.registry.create_key(ApiKey(presented.key_id, PROJECT, "example", zeros, CREATED_AT))

    assert invoke(start, "authorizer", "authorizer_token")["context"]["projectId"] == PROJECT


def test_worker(agents: Account, start: Start, claude: StandInClient) -> None:
    # the task of the event is not there: the message is out of date, and dropped
    answer = invoke(start, "worker", "worker_sqs", CLAUDE_BASE_URL=claude.base_url)

    assert answer == {"batchItemFailures": []}
    assert claude.calls() == []
    assert [call.operation for call in agents.calls.made] == [
        "GetItem",  # whether work is paused
        "ChangeMessageVisibilityBatch",
        "GetItem",
        "DeleteMessage",
    ]


def test_dead_letter(agents: Account, stored: Task, start: Start) -> None:
    assert invoke(start, "dead_letter", "dead_letter_sqs") == {"batchItemFailures": []}

    seen = agents.store.get(stored.ref)
    assert seen is not None
    assert seen.undelivered is not None
    assert (seen.status, seen.undelivered.times) == (Status.PENDING, 1)
    assert agents.message_counts()["delayed"] == 1


def test_sweeper(account: Account, start: Start) -> None:
    report = invoke(start, "sweeper", "sweeper_schedule")

    assert (report["errors"], report["looked_at"]) == (0, 0)
    assert len(account.calls.of("Query")) > 1


@pytest.mark.usefixtures("account")
def test_batcher(start: Start, claude: StandInClient) -> None:
    report = invoke(start, "batcher", "batcher_schedule", CLAUDE_BASE_URL=claude.base_url)

    assert report["finished"]
    assert claude.batches() == []


def test_cleanup(account: Account, start: Start) -> None:
    report = invoke(start, "cleanup", "cleanup_schedule")

    assert report["finished"]
    assert len(account.calls.of("Query")) > 1


def test_a_url_of_nobody_is_not_verified(agents: Account, start: Start) -> None:  # noqa: ARG001
    """With its connection it is: tests/integration/handlers/wecom/test_wecom_handler.py."""
    assert invoke(start, "wecom", "wecom_verify_url")["statusCode"] == 403


def test_an_answer_for_nobodys_chat_is_done_with(stored: Task, start: Start) -> None:  # noqa: ARG001
    """For somebody's: tests/integration/handlers/wecom/test_wecom_sender_handler.py."""
    assert invoke(start, "wecom_sender", "wecom_sender_sqs") == {"batchItemFailures": []}
