"""Push notification configurations through the real handler, as API Gateway calls it."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Payload, Status, TaskRef
from a2a_tasks.domain.webhooks.push import MAX_CONFIGS, PushConfig, StoredPushConfig
from a2a_tasks.webhooks.push_secrets import PushSecrets, opened
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import completed, created

URL = "https://example.com/hook"
FULL = {
    "id": "mine",
    "url": f"{URL}?x=1",
    "token": "t0ken-of-mine",
    "authentication": {"scheme": "Bearer", "credentials": "cr3dentials"},
}
SECRETS = ("t0ken-of-mine", "cr3dentials")
ABSENT = "0197a4e0-0000-7000-8000-000000000001"


def path_of(task_id: str, config_id: str = "", agent_id: str = AGENT) -> str:
    base = f"/a2a/{agent_id}/tasks/{task_id}/pushNotificationConfigs"
    return f"{base}/{config_id}" if config_id else base


def add(caller: Caller, task_id: str, document: object = None, **options: Any) -> Answer:
    body = json.dumps({"url": URL} if document is None else document)
    return caller.send("POST", path_of(task_id), body=body, **options)


@pytest.fixture(autouse=True)
def webhooks(account: Account) -> None:
    """The project can be notified."""
    account.give_signing_secret()
    account.calls.made.clear()


@pytest.fixture
def task_id(agents: Account) -> str:
    """A pending task that nobody listens to."""
    return created(agents.store).ref.task_id


# ---------------------------------------------------------------- with the creation


def test_a_task_is_created_with_its_configuration(caller: Caller, account: Account) -> None:
    answer = caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": FULL})

    task_id = answer.body["taskId"]
    task = account.store.get(TaskRef(AGENT, task_id))
    stored = account.push.get(task_id, "mine")
    assert answer.status == 202
    assert task is not None
    assert task.notifies
    assert stored is not None
    assert (stored.url, stored.scheme) == (FULL["url"], "Bearer")
    assert opened(account.sealing(), task_id, stored) == PushSecrets(*SECRETS)


def test_the_configuration_is_there_before_the_task(caller: Caller, account: Account) -> None:
    caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": {"url": URL}})

    written = [call.parameters["Item"]["sk"]["S"] for call in account.calls.of("PutItem")]
    places = [sk.partition("#")[0] for sk in written]
    assert places.index("NOTIFY") < places.index("TASK")


def test_without_an_id_it_has_the_tasks_so_that_a_repetition_makes_no_second(
    caller: Caller, account: Account
) -> None:
    document = {"message": "Hi.", "pushNotificationConfig": {"url": URL}}
    headers = {"Idempotency-Key": "order-7"}
    account.calls.fail("PutItem", on="TASK#")
    assert caller.post(AGENT, document, headers=headers).status == 503
    answer = caller.post(AGENT, document, headers=headers)

    assert answer.status == 202
    assert account.push.ids(answer.body["taskId"]) == [answer.body["taskId"]]


def test_another_configuration_is_another_request(caller: Caller) -> None:
    headers = {"Idempotency-Key": "order-7"}
    caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": {"url": URL}}, headers=headers)
    other = {"message": "Hi.", "pushNotificationConfig": {"url": URL, "token": "x"}}

    assert caller.post(AGENT, other, headers=headers).code == "IDEMPOTENCY_KEY_REUSED"


def test_many_tasks_are_created_each_with_its_own(caller: Caller, account: Account) -> None:
    tasks = [
        {"message": "1", "pushNotificationConfig": FULL},
        {"message": "2", "pushNotificationConfig": {"url": "http://example.com"}},
        {"message": "3"},
    ]
    answer = caller.send("POST", f"/a2a/{AGENT}/tasks:batchCreate", body=json.dumps({"tasks": tasks}))

    first, second, third = answer.body["results"]
    assert account.push.ids(first["taskId"]) == ["mine"]
    assert (second["code"], second["details"][0]["field"]) == (
        "VALIDATION_ERROR",
        "pushNotificationConfig.url",
    )
    assert account.push.ids(third["taskId"]) == []


def test_a_message_that_is_waited_for_takes_one_too(caller: Caller, account: Account) -> None:
    refused = caller.send(
        "POST",
        f"/a2a/{AGENT}/messages",
        body=json.dumps({"message": "Hi.", "pushNotificationConfig": {"url": "http://example.com"}}),
    )

    assert (refused.status, refused.body["details"][0]["field"]) == (400, "pushNotificationConfig.url")
    assert account.store.page(AGENT, None, 10, None).tasks == []


def test_a_task_without_a_configuration_uses_no_key(caller: Caller, account: Account) -> None:
    caller.post(AGENT, {"message": "Hi."})
    caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": {"url": URL}})

    assert account.calls.of("GenerateDataKey") == []


# ---------------------------------------------------------------- added later


def test_one_that_is_added_is_shown_without_its_secrets(
    caller: Caller, account: Account, task_id: str
) -> None:
    answer = add(caller, task_id, FULL)
    shown = {
        "id": "mine",
        "taskId": task_id,
        "url": FULL["url"],
        "authentication": {"scheme": "Bearer"},
    }
    assert (answer.status, answer.body) == (201, shown)
    assert answer.headers["Location"] == "pushNotificationConfigs/mine"
    assert caller.get(path_of(task_id, "mine")).body == shown
    assert caller.get(path_of(task_id)).body == {"configs": [shown]}
    task = account.store.get(TaskRef(AGENT, task_id))
    assert task is not None
    assert task.notifies


def test_without_an_id_each_has_one_of_its_own(caller: Caller, account: Account, task_id: str) -> None:
    ids = {add(caller, task_id).body["id"] for _ in range(3)}

    assert len(ids) == 3
    assert set(account.push.ids(task_id)) == ids


def test_the_same_id_again_replaces(caller: Caller, account: Account, task_id: str) -> None:
    add(caller, task_id, FULL)
    answer = add(caller, task_id, {"id": "mine", "url": URL})

    assert answer.status == 201
    (stored,) = account.push.all(task_id)
    assert replace(stored, created_at=0) == StoredPushConfig("mine", URL)


def test_an_ended_task_takes_them_too(caller: Caller, account: Account, task_id: str) -> None:
    task = account.store.get(TaskRef(AGENT, task_id))
    assert task is not None
    completed(account.store, task, task.created_at, Payload(inline="{}"))

    assert add(caller, task_id).status == 201
    assert len(caller.get(path_of(task_id)).body["configs"]) == 1
    ended = account.store.get(task.ref)
    assert ended is not None
    assert ended.status is Status.COMPLETED


def test_deleting_is_the_same_each_time(caller: Caller, account: Account, task_id: str) -> None:
    add(caller, task_id, FULL)
    answers = [caller.delete(path_of(task_id, "mine")) for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, {})] * 2
    assert account.push.all(task_id) == []
    gone = caller.get(path_of(task_id, "mine"))
    assert (gone.status, gone.code) == (404, "PUSH_CONFIG_NOT_FOUND")


def test_a_task_has_at_most_ten_and_one_of_them_can_still_be_replaced(
    caller: Caller, account: Account, task_id: str
) -> None:
    for n in range(MAX_CONFIGS):
        assert add(caller, task_id, {"id": f"{n}", "url": URL}).status == 201
    refused = add(caller, task_id)

    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert "10" in refused.body["error"]
    assert add(caller, task_id, {"id": "3", "url": f"{URL}/new"}).status == 201
    assert len(account.push.ids(task_id)) == MAX_CONFIGS


@pytest.mark.parametrize("config_id", ["", "mine"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_projects_task_is_one_that_does_not_exist(
    caller: Caller, rival: Caller, task_id: str, method: str, config_id: str
) -> None:
    if method == "DELETE" and not config_id:
        method, body = "POST", json.dumps(FULL)
    else:
        body = None
    add(caller, task_id, FULL)
    theirs = rival.send(method, path_of(task_id, config_id), body=body)
    absent = caller.send(method, path_of(ABSENT, config_id), body=body)

    assert (theirs.status, theirs.code) == (404, "TASK_NOT_FOUND")
    assert theirs.text == absent.text
    assert len(caller.get(path_of(task_id)).body["configs"]) == 1


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://example.com"}, "url"),
        ({"url": "https://127.0.0.1/x"}, "url"),
        ({"url": "https://localhost:8443"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://user:pw@example.com"}, "url"),
        ({"url": "https://example.com/#x"}, "url"),
        ({"url": "https://example.com/" + "x" * 2_048}, "url"),
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"id": ""}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": "一"}, "id"),
        ({"token": ""}, "token"),
        ({"token": "line\nfeed"}, "token"),
        ({"token": "令牌"}, "token"),
        ({"token": "\ud800"}, "token"),
        ({"token": " padded "}, "token"),
        ({"authentication": {"scheme": "Bearer x", "credentials": "y"}}, "authentication.scheme"),
        ({"authentication": {"credentials": "y"}}, "authentication.scheme"),
        ({"authentication": {"scheme": "Basic", "credentials": "a\r\nb"}}, "authentication.credentials"),
        ({"token": "x" * 3_000, "authentication": {"scheme": "B", "credentials": "y" * 3_000}},
         "authentication.credentials"),
        ({"authentication": {"scheme": "B", "schemes": ["B"]}}, "authentication.schemes"),
        ({"headers": {}}, "headers"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_in_both_places(
    caller: Caller, account: Account, task_id: str, change: dict[str, Any], field: str
) -> None:
    document = {"url": URL} | change
    added = add(caller, task_id, document)
    inline = caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": document})

    for answer, name in ((added, field), (inline, f"pushNotificationConfig.{field}")):
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), answer.text
        assert [detail["field"] for detail in answer.body["details"]] == [name]
        assert answer.body["error"].startswith(f"{name}: ")
    assert account.push.ids(task_id) == []
    assert [task.ref.task_id for task in account.store.page(AGENT, None, 10, None).tasks] == [task_id]


def test_an_unknown_field_is_told_what_is_known_where_it_stands(caller: Caller, task_id: str) -> None:
    answer = add(caller, task_id, {"url": URL, "authentication": {"scheme": "B", "key": "x"}})
    inline = caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": {"url": URL, "key": "x"}})

    assert "scheme, credentials" in answer.body["error"]
    assert "id, url, token, authentication" in inline.body["error"]


def test_a_project_whose_notifications_nobody_could_verify_is_told_who_can_help(
    caller: Caller, account: Account, task_id: str
) -> None:
    account.take_signing_secret()
    added = add(caller, task_id)
    inline = caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": {"url": URL}})

    for answer in (added, inline):
        assert (answer.status, answer.code) == (409, "PUSH_NOT_SUPPORTED")
        assert f"a2actl webhooks secret rotate --project {PROJECT}" in answer.body["error"]
    assert account.push.ids(task_id) == []
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 1


def test_no_error_and_no_log_line_holds_a_secret(
    account: Account, task_id: str, start: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    # here, so that its logger writes into what is captured here
    caller = Caller(start("api", REQUESTS_PER_HOUR="0").handler, PROJECT)
    answers = [add(caller, task_id, FULL | {"url": "ftp://x"}), add(caller, task_id, FULL | {"x": 1})]
    for operation in ("GenerateDataKey", "PutItem"):
        account.calls.fail(operation, Fault.NOT_SENT)
        answers.append(add(caller, task_id, FULL))

    printed = capsys.readouterr()
    texts = [answer.text for answer in answers] + [printed.out, printed.err]
    assert [answer.status for answer in answers] == [400, 400, 503, 503]
    assert printed.out.count('"level":"ERROR"') == 2
    assert not [text for text in texts for secret in SECRETS if secret in text]


def test_nothing_in_the_table_holds_a_secret(caller: Caller, account: Account) -> None:
    caller.post(AGENT, {"message": "Hi.", "pushNotificationConfig": FULL})

    stored = str([call.parameters for call in account.calls.of("PutItem", "UpdateItem")])
    assert "mine" in stored
    assert not [secret for secret in SECRETS if secret in stored]


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("operation", ["GenerateDataKey", "PutItem", "UpdateItem", "Query"])
def test_an_addition_that_failed_is_completed_by_the_same_again(
    caller: Caller, account: Account, task_id: str, operation: str, fault: Fault
) -> None:
    account.calls.fail(operation, fault, on=task_id if operation != "GenerateDataKey" else "")
    failed = add(caller, task_id, FULL)
    again = add(caller, task_id, FULL)

    assert (failed.status, again.status) == (503, 201)
    task = account.store.get(TaskRef(AGENT, task_id))
    assert task is not None
    assert task.notifies
    assert account.push.ids(task_id) == ["mine"]


@pytest.mark.parametrize(
    ("operation", "fault", "notifies", "configs"),
    [
        ("UpdateItem", Fault.NOT_SENT, False, []),
        ("UpdateItem", Fault.ANSWER_LOST, True, []),
        ("PutItem", Fault.NOT_SENT, True, []),
        ("PutItem", Fault.ANSWER_LOST, True, ["mine"]),
    ],
)
def test_who_sees_a_configuration_is_told(
    caller: Caller,
    account: Account,
    task_id: str,
    operation: str,
    fault: Fault,
    notifies: bool,
    configs: list[str],
) -> None:
    """Wherever an addition dies: there is never a configuration of a task whose changes are not told."""
    account.calls.fail(operation, fault, on=task_id)
    assert add(caller, task_id, FULL).status == 503
    task = account.store.get(TaskRef(AGENT, task_id))
    assert task is not None
    assert (task.notifies, account.push.ids(task_id)) == (notifies, configs)


def test_the_local_stack_may_call_its_own_machine(agents: Account, start: Callable[..., ModuleType]) -> None:
    local = start("api", ALLOW_LOOPBACK_WEBHOOKS="true")
    task_id = created(agents.store).ref.task_id
    answer = add(Caller(local.handler, PROJECT), task_id, {"url": "http://127.0.0.1:8000/hook"})

    assert answer.status == 201
    assert PushConfig(answer.body["url"]).url == "http://127.0.0.1:8000/hook"


def test_a_repeated_request_adds_no_second_one(caller: Caller, task_id: str) -> None:
    key = {"Idempotency-Key": "hook-1"}

    first = add(caller, task_id, headers=key)
    again = add(caller, task_id, headers=key)
    other = add(caller, task_id, {"url": f"{URL}/other"}, headers=key)

    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert caller.get(path_of(task_id)).body == {"configs": [first.body]}


def test_a_key_is_one_for_each_task(caller: Caller, agents: Account, task_id: str) -> None:
    other_task = created(agents.store, number=2).ref.task_id
    key = {"Idempotency-Key": "hook-1"}

    ids = {add(caller, task, headers=key).body["id"] for task in (task_id, other_task)}

    assert len(ids) == 2
