"""The contract of ``PayloadStore`` and ``PayloadCleaner``: the same on S3 and in memory."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests

from a2a_tasks.adapters import clients
from a2a_tasks.adapters.payloads.s3_payloads import S3Payloads
from a2a_tasks.adapters.payloads.task_payloads import TaskPayloads
from a2a_tasks.domain.ids import oldest_task_id
from a2a_tasks.domain.task import Payload
from a2a_tasks.ports.errors import PayloadUnavailable
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.tasks import payload
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, new_task
from tests.integration.support.texts import incompressible
from tests.twins.stores.payloads import MemoryPayloads


class AwsPayloads(TaskPayloads):
    """With what only clean-up has."""

    def delete_all(self, task_id: str) -> int:
        return self.objects.delete_all(task_id)

    def task_ids(self, after: str, before: str, limit: int) -> list[str]:
        return self.objects.task_ids(after, before, limit)


type Payloads = AwsPayloads | MemoryPayloads

IDS = [new_task(NOW + n * 1_000).ref.task_id for n in range(5)]


@pytest.fixture(params=["aws", "memory"])
def payloads(request: pytest.FixtureRequest) -> Payloads:
    if request.param == "memory":
        return MemoryPayloads()
    opened: TaskPayloads = request.getfixturevalue("account").payloads
    return AwsPayloads(opened.texts, opened.objects)


@pytest.mark.parametrize(
    "data", [b"", b"{}", "报告 😀\u0000\r\n".encode(), bytes(range(256)), "测x".encode() * 1_000_000]
)
def test_what_was_put_comes_back_byte_for_byte(payloads: Payloads, data: bytes) -> None:
    payloads.put("tasks/a/input.json", data)

    assert payloads.get("tasks/a/input.json") == data


def test_what_is_put_again_is_replaced(payloads: Payloads) -> None:
    payloads.put("tasks/a/x.json", b"old")
    payloads.put("tasks/a/x.json", b"new")

    assert payloads.get("tasks/a/x.json") == b"new"


def test_what_is_gone_is_corrupt(payloads: Payloads) -> None:
    with pytest.raises(PayloadCorrupt, match=r"^tasks/a/input\.json is gone$"):
        payloads.get("tasks/a/input.json")


def test_a_document_is_saved_and_loaded(payloads: Payloads) -> None:
    documents = [
        {"message": text}
        for text in ("hi", incompressible(300), incompressible(9_000), incompressible(12_000))
    ]

    kept = [payload.save(payloads, IDS[0], f"n{n}", document) for n, document in enumerate(documents)]

    keys = [saved.key and saved.key.partition("#")[0] for saved in kept]
    texts = [f"items/{IDS[0]}/N{n}" for n in (1, 2)]
    assert keys == [None, *texts, f"tasks/{IDS[0]}/n3.json"]
    assert [payload.load(payloads, saved) for saved in kept] == documents
    tasks = [replace(new_task(), input=saved, output=saved) for saved in kept]
    known = [task.input.inline is not None for task in payload.with_inlined(payloads, tasks)]
    assert known == [True, True, True, False]
    read = [task.output for task in payload.with_inlined(payloads, tasks)]
    assert [payload.load(payloads, text) for text in read if text] == documents


@pytest.mark.parametrize("text", [incompressible(3_000), incompressible(12_000)])
def test_a_document_that_was_altered_is_corrupt(payloads: Payloads, text: str) -> None:
    saved = payload.save(payloads, IDS[0], "input", {"message": text})
    assert saved.key
    payloads.put(saved.key, b"{}")

    with pytest.raises(PayloadCorrupt):
        payload.load(payloads, saved)


def test_a_file_is_saved_and_loaded(payloads: Payloads) -> None:
    data = bytes(range(256)) * 100

    saved = payload.save_bytes(payloads, IDS[0], "workspace-1-call-1.tar.gz", data, "application/gzip")

    assert saved == Payload(
        key=f"tasks/{IDS[0]}/workspace-1-call-1.tar.gz", sha256=hashlib.sha256(data).hexdigest()
    )
    assert payload.load_bytes(payloads, saved) == data


def test_a_file_that_was_altered_is_corrupt(payloads: Payloads) -> None:
    saved = payload.save_bytes(payloads, IDS[0], "workspace-1-call-1.tar.gz", b"x", "application/gzip")
    payloads.put(saved.key or "", b"y")

    with pytest.raises(PayloadCorrupt):
        payload.load_bytes(payloads, saved)


def test_everything_of_one_task_is_deleted_and_nothing_else(payloads: Payloads) -> None:
    for name in ("input", "output-1", "artifacts/a/b"):
        payloads.put(f"tasks/{IDS[0]}/{name}.json", b"{}")
    payloads.put(f"tasks/{IDS[1]}/input.json", b"{}")
    payloads.put(f"tasks/{IDS[0]}x/input.json", b"{}")

    assert payloads.delete_all(IDS[0]) == 3
    assert payloads.delete_all(IDS[0]) == 0
    assert payloads.get(f"tasks/{IDS[1]}/input.json") == b"{}"
    assert payloads.get(f"tasks/{IDS[0]}x/input.json") == b"{}"


def test_older_tasks_are_named_once_each_oldest_first(payloads: Payloads) -> None:
    for task_id in (IDS[3], IDS[1], IDS[0]):
        payloads.put(f"tasks/{task_id}/input.json", b"{}")
        payloads.put(f"tasks/{task_id}/output-1.json", b"{}")

    assert payloads.task_ids("", IDS[3], 10) == [IDS[0], IDS[1]]
    assert payloads.task_ids("", IDS[3], 1) == [IDS[0]]
    assert payloads.task_ids("", oldest_task_id(NOW), 10) == []
    assert payloads.task_ids("", IDS[4], 10) == [IDS[0], IDS[1], IDS[3]]
    assert payloads.task_ids(IDS[0], IDS[4], 10) == [IDS[1], IDS[3]]
    assert payloads.task_ids(IDS[2], IDS[4], 1) == [IDS[3]]
    assert payloads.task_ids(IDS[3], IDS[4], 10) == []


def test_more_than_a_page_of_objects_is_deleted(account: Account) -> None:
    for n in range(1_050):
        account.payloads.put(f"tasks/{IDS[0]}/turn-{n:04d}.json", b"{}")

    assert account.payloads.objects.delete_all(IDS[0]) == 1_050
    assert len(account.calls.of("DeleteObjects")) == 2
    assert account.payloads.objects.task_ids("", IDS[4], 10) == []


@pytest.mark.parametrize(
    ("media_type", "stored"), [(None, "application/json; charset=utf-8"), ("image/png", "image/png")]
)
def test_an_object_has_its_media_type(account: Account, media_type: str | None, stored: str) -> None:
    if media_type is None:
        account.payloads.put("tasks/a/x", b"{}")
    else:
        account.payloads.put("tasks/a/x", b"{}", media_type)

    answer = account.s3.head_object(Bucket=account.resources["PayloadBucket"], Key="tasks/a/x")
    assert answer["ContentType"] == stored


@pytest.mark.parametrize("name", ["report.md", "报告 😀.md", 'a"; b=c\r\nX-Evil: 1', "../../x/y"])
def test_a_link_gives_the_object_as_a_download_of_that_name(account: Account, name: str) -> None:
    account.payloads.put(f"tasks/{IDS[0]}/artifact-1-call-1", b"\x00<script>", "text/html")
    account.calls.made.clear()

    address = account.payloads.link(f"tasks/{IDS[0]}/artifact-1-call-1", name)
    answer = requests.get(address, timeout=5)

    assert account.calls.made == [], "links are made without asking anybody"
    assert (answer.status_code, answer.content) == (200, b"\x00<script>")
    assert answer.headers["Content-Type"] == "text/html"
    kind, _, encoded = answer.headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert (kind, unquote(encoded)) == ("attachment", name)
    assert re.fullmatch(r"[A-Za-z0-9._~%-]+", encoded)
    assert "X-Evil" not in answer.headers


def test_a_link_works_for_an_hour(account: Account) -> None:
    parameters = parse_qs(urlsplit(account.payloads.link("tasks/a/x", "x")).query)

    assert parameters["X-Amz-Expires"] == ["3600"]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1"])
def test_a_link_is_one_that_every_bucket_takes(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    link = urlsplit(S3Payloads(clients.s3, "payloads").link("tasks/a/x", "x"))

    assert parse_qs(link.query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    # boto3 names the global address of the first region in either case
    regional = "" if region == "us-east-1" else f".{region}"
    assert link.hostname == f"payloads.s3{regional}.amazonaws.com"


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutObject", lambda payloads: payloads.put("tasks/a/x.json", b"{}")),
        ("GetObject", lambda payloads: payloads.get("tasks/a/x.json")),
        ("ListObjectsV2", lambda payloads: payloads.delete_all("a")),
        ("DeleteObjects", lambda payloads: payloads.delete_all("a")),
        ("ListObjectsV2", lambda payloads: payloads.task_ids("", "b", 10)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.FORBIDDEN, Fault.ANSWER_LOST])
def test_no_answer_is_payload_unavailable(
    account: Account, operation: str, call: Callable[[S3Payloads], object], fault: Fault
) -> None:
    account.payloads.put("tasks/a/x.json", b"{}")
    account.calls.fail(operation, fault)

    with pytest.raises(PayloadUnavailable):
        call(account.payloads.objects)
