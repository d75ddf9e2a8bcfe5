"""The contracts of push configurations, their encryption and their queue: on AWS and in memory."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from a2a_tasks.adapters.dynamodb.push_configs import DynamoDBPushConfigs
from a2a_tasks.adapters.secrets.kms_envelopes import MAX_USES, MOST_KEPT, KmsEnvelopes, Purpose
from a2a_tasks.adapters.sqs import notification_messages
from a2a_tasks.domain.task import Payload, Status, TaskRef
from a2a_tasks.domain.webhooks.push import Notification, PushFormat, StoredPushConfig
from a2a_tasks.ports.errors import SealingUnavailable, StoreUnavailable
from a2a_tasks.ports.sealing import SealBroken
from a2a_tasks.ports.tasks import Record
from tests.integration.support.account import AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import created
from tests.twins.clock import FakeClock
from tests.twins.stores.push import MemoryPushConfigs, MemorySealing

TASK, OTHER_TASK = "0197a4e0-0000-7000-8000-000000000001", "0197a4e0-0000-7000-8000-000000000002"
UNTIL = 1_790_000_000_000
PLAIN = StoredPushConfig("a", "https://example.com/a")
FULL = StoredPushConfig("b.1", "https://example.com/b?x=1", PushFormat.A2A_0_3, "Bearer", b"\x00sealed\xff")
CONTEXT = {"taskId": TASK, "configId": "a"}

type Store = DynamoDBPushConfigs | MemoryPushConfigs
type Sealing = KmsEnvelopes | MemorySealing


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryPushConfigs()
    account: Account = request.getfixturevalue("account")
    return account.push


@pytest.fixture(params=["kms", "memory"])
def sealing(request: pytest.FixtureRequest) -> Sealing:
    if request.param == "memory":
        return MemorySealing()
    account: Account = request.getfixturevalue("account")
    return account.sealing()


# ---------------------------------------------------------------- the store


def test_a_task_has_none_at_first(store: Store) -> None:
    assert (store.all(TASK), store.ids(TASK), store.get(TASK, "a")) == ([], [], None)


def test_what_is_kept_is_read_as_it_was(store: Store) -> None:
    for config in (FULL, PLAIN):
        store.put(TASK, config, UNTIL)

    assert [store.get(TASK, "a"), store.get(TASK, "b.1")] == [PLAIN, FULL]


def test_all_come_in_the_order_of_their_ids(store: Store) -> None:
    configs = [StoredPushConfig(name, f"https://example.com/{name}") for name in ("10", "9", "A", "_", "a")]
    for config in reversed(configs):
        store.put(TASK, config, UNTIL)

    assert store.all(TASK) == configs
    assert store.ids(TASK) == ["10", "9", "A", "_", "a"]


def test_one_of_the_same_id_is_replaced_whole(store: Store) -> None:
    store.put(TASK, FULL, UNTIL)
    bare = StoredPushConfig(FULL.config_id, "https://example.com/new")
    store.put(TASK, bare, UNTIL)

    assert store.all(TASK) == [bare]


def test_another_tasks_are_its_own(store: Store) -> None:
    store.put(TASK, PLAIN, UNTIL)
    store.put(OTHER_TASK, FULL, UNTIL)

    assert (store.ids(TASK), store.ids(OTHER_TASK)) == (["a"], ["b.1"])
    assert store.get(OTHER_TASK, "a") is None


def test_what_is_deleted_is_gone_and_deleting_again_is_nothing(store: Store) -> None:
    store.put(TASK, PLAIN, UNTIL)
    store.put(TASK, FULL, UNTIL)
    for _ in range(2):
        store.delete(TASK, "a")

    assert store.all(TASK) == [FULL]


@pytest.mark.parametrize("seen", [PLAIN, FULL, replace(FULL, created_at=1)])
def test_one_is_deleted_as_it_was_seen_or_not_at_all(store: Store, seen: StoredPushConfig) -> None:
    for change in ({"url": "https://example.com/new"}, {"sealed": b"other"}, {"created_at": 2}):
        store.put(TASK, replace(seen, **change), UNTIL)
        store.delete(TASK, seen.config_id, seen)
        assert store.all(TASK) == [replace(seen, **change)]
    store.put(TASK, seen, UNTIL)
    for _ in range(2):
        store.delete(TASK, seen.config_id, seen)
        assert store.all(TASK) == []


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_store_that_does_not_answer_says_so_and_takes_the_same_again(
    account: Account, fault: Fault
) -> None:
    account.calls.fail("PutItem", fault)
    with pytest.raises(StoreUnavailable):
        account.push.put(TASK, PLAIN, UNTIL)
    account.push.put(TASK, PLAIN, UNTIL)
    for operation, read in (("Query", account.push.all), ("Query", account.push.ids)):
        account.calls.fail(operation, fault)
        with pytest.raises(StoreUnavailable):
            read(TASK)
    account.calls.fail("DeleteItem", fault)
    with pytest.raises(StoreUnavailable):
        account.push.delete(TASK, "a")

    assert account.push.all(TASK) == ([PLAIN] if fault is not Fault.ANSWER_LOST else [])


def test_a_list_of_several_pages_is_whole(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(7):
        account.push.put(TASK, StoredPushConfig(f"{n}", "https://example.com"), UNTIL)
    query = account.dynamodb.query
    monkeypatch.setattr(account.dynamodb, "query", lambda **arguments: query(**arguments, Limit=3))

    assert account.push.ids(TASK) == [f"{n}" for n in range(7)]


def test_the_tables_own_ttl_may_delete_it_when_its_task_is_gone_for_certain(account: Account) -> None:
    account.push.put(TASK, PLAIN, UNTIL)

    (call,) = account.calls.of("PutItem")
    assert call.parameters["Item"]["ttl"] == {"N": str(UNTIL // 1000)}


def test_records_are_read_without_configurations_and_clean_up_deletes_both(account: Account) -> None:
    task = created(account.store)
    task_id = task.ref.task_id
    records = [Record(key, Payload(inline="{}")) for key in ("PROMPT", "TURN#0001", "TURN#0001#TOOL#c")]
    for record in records:
        account.records.put_record(task_id, 1, record)
    account.push.put(task_id, FULL, UNTIL)

    assert account.records.records(task_id) == records
    assert account.push.all(task_id) == [FULL]

    account.store.delete(task.ref)

    assert account.records.records(task_id) == []
    assert account.push.all(task_id) == []


# ---------------------------------------------------------------- encryption


def test_what_is_sealed_opens_under_the_same_context(sealing: Sealing) -> None:
    sealed = sealing.seal(b'{"token":"t0p"}', CONTEXT)

    assert b"t0p" not in sealed
    assert sealing.open(sealed, dict(reversed(CONTEXT.items()))) == b'{"token":"t0p"}'


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"taskId": TASK},
        CONTEXT | {"taskId": OTHER_TASK},
        CONTEXT | {"configId": "b"},
        CONTEXT | {"x": ""},
    ],
)
def test_it_opens_for_nothing_else(sealing: Sealing, context: dict[str, str]) -> None:
    sealed = sealing.seal(b"secret", CONTEXT)

    with pytest.raises(SealBroken):
        sealing.open(sealed, context)


def test_what_was_never_sealed_does_not_open(sealing: Sealing) -> None:
    with pytest.raises(SealBroken):
        sealing.open(b"anything", CONTEXT)


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_key_service_that_does_not_answer_says_so(account: Account, fault: Fault) -> None:
    sealed = account.sealing().seal(b"secret", CONTEXT)
    account.calls.fail("GenerateDataKey", fault)
    account.calls.fail("Decrypt", fault)

    sealing = account.sealing()
    with pytest.raises(SealingUnavailable):
        sealing.seal(b"secret", CONTEXT)
    with pytest.raises(SealingUnavailable):
        sealing.open(sealed, CONTEXT)
    # nothing is kept of what failed
    assert sealing.open(sealing.seal(b"secret", CONTEXT), CONTEXT) == b"secret"


def key_calls(account: Account) -> list[int]:
    """How often KMS was asked for a new data key, and for one that it had given."""
    return [len(account.calls.of(name)) for name in ("GenerateDataKey", "Decrypt")]


def test_a_data_key_seals_for_five_minutes_and_never_twice_the_same(account: Account) -> None:
    clock = FakeClock()
    sealing, opening = account.sealing(clock=clock), account.sealing(clock=clock)
    sealed = [sealing.seal(b"secret", CONTEXT) for _ in range(3)]
    assert len(set(sealed)) == 3
    assert [opening.open(one, CONTEXT) for one in sealed] == [b"secret"] * 3
    assert key_calls(account) == [1, 1]
    clock.advance(300)
    assert opening.open(sealing.seal(b"secret", CONTEXT), CONTEXT) == b"secret"
    assert key_calls(account) == [2, 2]


def test_a_data_key_seals_so_many_secrets_and_no_more(account: Account) -> None:
    sealing, opening = account.sealing(), account.sealing()
    sealed = [sealing.seal(b"secret", CONTEXT) for _ in range(MAX_USES)]
    assert key_calls(account) == [1, 0]
    sealed.append(sealing.seal(b"secret", CONTEXT))
    assert {opening.open(one, CONTEXT) for one in sealed} == {b"secret"}
    assert key_calls(account) == [2, 2]


def test_threads_that_seal_and_open_at_once_ask_once(account: Account) -> None:
    sealing, opening = account.sealing(), account.sealing()
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda n: sealing.seal(b"%d" % n, CONTEXT), range(64)))
        opened = list(threads.map(lambda one: opening.open(one, CONTEXT), sealed))
    assert opened == [b"%d" % n for n in range(64)]
    assert key_calls(account) == [1, 1]


def test_what_many_processes_have_sealed_fills_no_memory(account: Account) -> None:
    """Each process has a data key of its own, and what could not be delivered comes back for days."""
    opening = account.sealing()
    sealed = account.sealing().seal(b"secret", CONTEXT)
    with patch.object(KmsEnvelopes, "_decrypted", return_value=bytes(32)):
        for n in range(MOST_KEPT + 500):
            key = n.to_bytes(8)
            with pytest.raises(SealBroken):
                opening.open(len(key).to_bytes(2) + key + bytes(40), CONTEXT)
    assert len(opening._others._entries) == MOST_KEPT
    assert opening.open(sealed, CONTEXT) == b"secret"


def test_a_key_that_is_disabled_opens_nothing_after_five_minutes(account: Account) -> None:
    clock = FakeClock()
    sealing, opening = account.sealing(clock=clock), account.sealing(clock=clock)
    sealed = sealing.seal(b"secret", CONTEXT)
    assert opening.open(sealed, CONTEXT) == b"secret"
    # moto lets a disabled key be used; AWS refuses each call
    for operation in ("GenerateDataKey", "Decrypt"):
        account.calls.fail(operation, Fault.NOT_SENT)

    clock.advance(299)
    assert opening.open(sealing.seal(b"secret", CONTEXT), CONTEXT) == b"secret"
    clock.advance(1)
    with pytest.raises(SealingUnavailable):
        sealing.seal(b"secret", CONTEXT)
    with pytest.raises(SealingUnavailable):
        opening.open(sealed, CONTEXT)
    assert opening.open(sealed, CONTEXT) == b"secret"


def test_what_was_sealed_for_another_purpose_does_not_open(account: Account) -> None:
    sealed = account.sealing(Purpose.RESPONSE_URL).seal(b"secret", CONTEXT)
    with pytest.raises(SealBroken):
        account.sealing(Purpose.RECEIVER).open(sealed, CONTEXT)


def test_a_key_that_is_gone_is_no_broken_seal(account: Account) -> None:
    sealed = account.sealing().seal(b"secret", CONTEXT)
    gone = replace(account.sealing(), key_arn=account.resources["PushKey"][:-12] + "000000000000")

    with pytest.raises(SealingUnavailable):
        gone.open(sealed, CONTEXT)
    with pytest.raises(SealingUnavailable):
        gone.seal(b"secret", CONTEXT)


# ---------------------------------------------------------------- the queue


def notification(n: int, project_id: str = PROJECT) -> Notification:
    ref = TaskRef(AGENT, TASK)
    return Notification(ref, project_id, f"config-{n}", Status.COMPLETED, UNTIL + n, "request-1", f"msg_{n}")


def queued(account: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while batch := account.receive("NotificationQueue"):
        found += batch
    return found


def test_any_number_is_sent_and_read_again_as_it_was(account: Account) -> None:
    sent = [notification(n) for n in range(23)]

    assert account.notifications.send(sent) == []

    read = [notification_messages.notification_of(message["body"]) for message in queued(account)]
    assert sorted(read, key=lambda found: found.at) == sent
    assert len(account.calls.of("SendMessageBatch")) == 3


def test_nothing_is_sent_where_there_is_nothing(account: Account) -> None:
    assert account.notifications.send([]) == []
    assert account.calls.made == []


def test_projects_share_the_queue_fairly(account: Account) -> None:
    account.notifications.send([notification(1), notification(2, OTHER_PROJECT)])

    groups = {message["attributes"]["MessageGroupId"] for message in queued(account)}
    assert groups == {PROJECT, OTHER_PROJECT}


@pytest.mark.parametrize(("fault", "arrives"), [(Fault.NOT_SENT, 2), (Fault.ANSWER_LOST, 12)])
def test_a_call_that_fails_leaves_the_other_calls_alone(account: Account, fault: Fault, arrives: int) -> None:
    sent = [notification(n) for n in range(12)]
    account.calls.fail("SendMessageBatch", fault)

    unsent = account.notifications.send(sent)

    assert [failed.content for failed in unsent] == sent[:10]
    assert len(queued(account)) == arrives


def test_of_a_call_that_fails_in_part_the_failed_are_told(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some_fail(**arguments: Any) -> Any:
        failed = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
                  for entry in arguments["Entries"] if "config-3" in entry["MessageBody"]]  # fmt: skip
        return {"Successful": [], "Failed": failed}

    monkeypatch.setattr(account.sqs, "send_message_batch", some_fail)

    (unsent,) = account.notifications.send([notification(n) for n in range(5)])

    assert (unsent.content, unsent.reason) == (notification(3), "InternalError")


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"agentId": "a"}', json.dumps({"status": "done"}), "\u4e00", '"text"']
)
def test_a_message_that_is_no_notification_is_refused(body: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        notification_messages.notification_of(body)
