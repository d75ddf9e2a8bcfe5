"""The tables of the template, as far as measurements need them."""

from typing import Any

REGION = "us-east-1"


def make_tasks(dynamodb: Any, name: str) -> None:
    keys = {"pk": "S", "sk": "S", "dueShard": "S", "dueAt": "N", "expireShard": "S", "expireAt": "N"}
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        KeySchema=_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": _schema(*schema), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for index, schema in (("due", ("dueShard", "dueAt")), ("retention", ("expireShard", "expireAt")))
        ],
    )


def make_registry(dynamodb: Any, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=_schema("pk", "sk"),
    )


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
