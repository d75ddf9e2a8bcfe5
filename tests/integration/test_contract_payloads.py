"""The contract of ``PayloadStore`` and ``PayloadCleaner``: the same on S3 and in memory."""

from collections.abc import Callable

import pytest

from a2a_tasks.adapters.s3_payloads import S3Payloads
from a2a_tasks.domain.ids import oldest_task_id
from a2a_tasks.ports.faults import PayloadUnavailable
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.services import payload
from tests.integration.account import Account
from tests.integration.aws_calls import Fault
from tests.integration.stored_task import NOW, new_task
from tests.twins.payloads import MemoryPayloads

type Payloads = S3Payloads | MemoryPayloads

IDS = [new_task(NOW + n * 1_000).ref.task_id for n in range(5)]


@pytest.fixture(params=["s3", "memory"])
def payloads(request: pytest.FixtureRequest) -> Payloads:
    if request.param == "memory":
        return MemoryPayloads()
    opened: S3Payloads = request.getfixturevalue("account").payloads
    return opened


@pytest.mark.parametrize("text", ["", "{}", "报告 😀\u0000\r\n", "测x" * 1_000_000])
def test_a_text_comes_back_as_it_was(payloads: Payloads, text: str) -> None:
    payloads.put("tasks/a/input.json", text)

    assert payloads.get("tasks/a/input.json") == text


def test_a_text_put_again_is_replaced(payloads: Payloads) -> None:
    payloads.put("tasks/a/x.json", "old")
    payloads.put("tasks/a/x.json", "new")

    assert payloads.get("tasks/a/x.json") == "new"


def test_a_text_that_is_gone_is_corrupt(payloads: Payloads) -> None:
    with pytest.raises(PayloadCorrupt, match=r"^tasks/a/input\.json is gone$"):
        payloads.get("tasks/a/input.json")


def test_a_document_is_saved_and_loaded(payloads: Payloads) -> None:
    small, large = {"message": "hi"}, {"message": "测" * 10_000}

    kept = [payload.save(payloads, IDS[0], f"n{n}", document) for n, document in enumerate((small, large))]

    assert [saved.key for saved in kept] == [None, f"tasks/{IDS[0]}/n1.json"]
    assert [payload.load(payloads, saved) for saved in kept] == [small, large]


def test_a_document_that_was_altered_is_corrupt(payloads: Payloads) -> None:
    saved = payload.save(payloads, IDS[0], "input", {"message": "x" * 10_000})
    assert saved.key
    payloads.put(saved.key, "{}")

    with pytest.raises(PayloadCorrupt):
        payload.load(payloads, saved)


def test_everything_of_one_task_is_deleted_and_nothing_else(payloads: Payloads) -> None:
    for name in ("input", "output-1", "artifacts/a/b"):
        payloads.put(f"tasks/{IDS[0]}/{name}.json", "{}")
    payloads.put(f"tasks/{IDS[1]}/input.json", "{}")
    payloads.put(f"tasks/{IDS[0]}x/input.json", "{}")

    assert payloads.delete_all(IDS[0]) == 3
    assert payloads.delete_all(IDS[0]) == 0
    assert payloads.get(f"tasks/{IDS[1]}/input.json") == "{}"
    assert payloads.get(f"tasks/{IDS[0]}x/input.json") == "{}"


def test_older_tasks_are_named_once_each_oldest_first(payloads: Payloads) -> None:
    for task_id in (IDS[3], IDS[1], IDS[0]):
        payloads.put(f"tasks/{task_id}/input.json", "{}")
        payloads.put(f"tasks/{task_id}/output-1.json", "{}")

    assert payloads.task_ids_before(IDS[3], 10) == [IDS[0], IDS[1]]
    assert payloads.task_ids_before(IDS[3], 1) == [IDS[0]]
    assert payloads.task_ids_before(oldest_task_id(NOW), 10) == []
    assert payloads.task_ids_before(IDS[4], 10) == [IDS[0], IDS[1], IDS[3]]


def test_more_than_a_page_of_objects_is_deleted(account: Account) -> None:
    for n in range(1_050):
        account.payloads.put(f"tasks/{IDS[0]}/turn-{n:04d}.json", "{}")

    assert account.payloads.delete_all(IDS[0]) == 1_050
    assert len(account.calls.of("DeleteObjects")) == 2
    assert account.payloads.task_ids_before(IDS[4], 10) == []


def test_bytes_that_are_no_text_are_corrupt(account: Account) -> None:
    account.s3.put_object(Bucket=account.resources["PayloadBucket"], Key="tasks/a/x.json", Body=b"\xff\xfe")

    with pytest.raises(PayloadCorrupt):
        account.payloads.get("tasks/a/x.json")


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutObject", lambda payloads: payloads.put("tasks/a/x.json", "{}")),
        ("GetObject", lambda payloads: payloads.get("tasks/a/x.json")),
        ("ListObjectsV2", lambda payloads: payloads.delete_all("a")),
        ("DeleteObjects", lambda payloads: payloads.delete_all("a")),
        ("ListObjectsV2", lambda payloads: payloads.task_ids_before("b", 10)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
def test_no_answer_is_payload_unavailable(
    account: Account, operation: str, call: Callable[[S3Payloads], object], fault: Fault
) -> None:
    account.payloads.put("tasks/a/x.json", "{}")
    account.calls.fail(operation, fault)

    with pytest.raises(PayloadUnavailable):
        call(account.payloads)
