"""What docs/restore.md tells to do brings back what is lost and touches nothing else (on moto)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.preflight.target import Target
from tests.unit.repository.documents import CHINESE_DOCS, DOCS, fenced

REGION = "us-east-1"
LIVE, RESTORED = "live", "restored"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture(scope="module")
def bring_back() -> Callable[..., int]:
    """The function in the document."""
    [code] = [code for language, code in fenced(DOCS / "restore.md") if language == "python"]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/restore.md", "exec"), names)  # noqa: S102  our own document
    function: Callable[..., int] = names["bring_back"]
    return function


def item(key: str, text: str = "") -> dict[str, Any]:
    return {"pk": {"S": key}, "sk": {"S": "TASK"}, "text": {"S": text}}


def all_items(client: Any, table: str) -> dict[str, str]:
    found = client.get_paginator("scan").paginate(TableName=table)
    return {entry["pk"]["S"]: entry["text"]["S"] for page in found for entry in page["Items"]}


def restored_after(client: Any, damage: Callable[[], None], kept: list[dict[str, Any]]) -> None:
    """The stack's table with ``kept``, its state restored beside it, and then damaged."""
    target = Target.of_environment("prod")
    described = target.of_type("AWS::DynamoDB::Table")["RegistryTable"]
    assert described["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    schema = {name: described[name] for name in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    client.create_table(TableName=LIVE, **schema)
    client.update_continuous_backups(
        TableName=LIVE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    for one in kept:
        client.put_item(TableName=LIVE, Item=one)
    client.restore_table_to_point_in_time(
        SourceTableName=LIVE, TargetTableName=RESTORED, RestoreDateTime=datetime(2026, 1, 31, tzinfo=UTC)
    )
    damage()


@pytest.mark.usefixtures("account")
def test_what_is_missing_comes_back_and_what_has_changed_since_stays(bring_back: Callable[..., int]) -> None:
    client = boto3.client("dynamodb")

    def damage() -> None:
        client.delete_item(TableName=LIVE, Key={"pk": {"S": "lost"}, "sk": {"S": "TASK"}})
        client.put_item(TableName=LIVE, Item=item("changed", "since then"))
        client.put_item(TableName=LIVE, Item=item("new", "since then"))

    restored_after(client, damage, [item("lost", "old"), item("changed", "old")])

    assert bring_back(LIVE, RESTORED) == 1
    assert all_items(client, LIVE) == {"lost": "old", "changed": "since then", "new": "since then"}
    assert bring_back(LIVE, RESTORED) == 0, "running it again does nothing"


@pytest.mark.usefixtures("account")
def test_only_what_is_wanted_comes_back_and_a_second_page_too(bring_back: Callable[..., int]) -> None:
    client = boto3.client("dynamodb")
    kept = [item(f"TASK#{number}", "x" * 300_000) for number in range(8)] + [item("KEY#1")]

    def damage() -> None:
        for one in kept:
            client.delete_item(TableName=LIVE, Key={"pk": one["pk"], "sk": one["sk"]})

    restored_after(client, damage, kept)

    assert bring_back(LIVE, RESTORED, lambda one: one["pk"]["S"].startswith("TASK#")) == 8
    assert set(all_items(client, LIVE)) == {one["pk"]["S"] for one in kept[:-1]}


@pytest.mark.usefixtures("account")
def test_a_deleted_object_comes_back_by_removing_its_marker() -> None:
    target = Target.of_environment("prod")
    (described,) = target.of_type("AWS::S3::Bucket").values()
    client = boto3.client("s3")
    client.create_bucket(Bucket="payloads")
    client.put_bucket_versioning(
        Bucket="payloads", VersioningConfiguration=described["VersioningConfiguration"]
    )
    client.put_object(Bucket="payloads", Key="tasks/1/input", Body=b"text")
    client.delete_objects(Bucket="payloads", Delete={"Objects": [{"Key": "tasks/1/input"}]})
    assert "Contents" not in client.list_objects_v2(Bucket="payloads")

    [marker] = client.list_object_versions(Bucket="payloads", Prefix="tasks/1/")["DeleteMarkers"]
    client.delete_object(Bucket="payloads", Key=marker["Key"], VersionId=marker["VersionId"])

    assert client.get_object(Bucket="payloads", Key="tasks/1/input")["Body"].read() == b"text"


def test_what_was_deleted_is_kept_for_as_long_as_operators_are_told() -> None:
    (bucket,) = Target.of_environment("prod").of_type("AWS::S3::Bucket").values()
    rules = bucket["LifecycleConfiguration"]["Rules"]

    [days] = [rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules
              if "NoncurrentVersionExpiration" in rule]  # fmt: skip

    assert days == 7
    for page, week in ((DOCS / "restore.md", "a week after"), (CHINESE_DOCS / "restore.md", "之后一周")):
        assert week in page.read_text("utf-8")


@pytest.mark.parametrize(("given", "protected"), [("false", False), ("true", True)])
def test_tables_are_protected_if_asked_for(given: str, protected: bool) -> None:
    production = Target.of_environment("prod")
    asked = Target(
        "prod", production.stack_name, production.template, {**production.given, "DeletionProtection": given}
    )

    tables = asked.of_type("AWS::DynamoDB::Table").values()
    assert [table["DeletionProtectionEnabled"] for table in tables] == [protected, protected]
