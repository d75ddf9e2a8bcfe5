"""What a role comes to, in words, follows from its statements."""

from typing import Any

from docs.generate.compromise import ITEMS, gains
from local.policies.statements import Statement


def allowed(action: str, resource: str, **condition: Any) -> Statement:
    written = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
    return Statement("Role", written)


def keys(*patterns: str) -> dict[str, Any]:
    return {"dynamodb:LeadingKeys": list(patterns)}


def test_without_a_condition_it_is_the_whole_table() -> None:
    assert list(gains([allowed("dynamodb:Query", "TasksTable")])) == ["reads the whole tasks' table"]


def test_with_conditions_it_is_the_kinds_that_they_name() -> None:
    statements = [
        allowed("dynamodb:DeleteItem", "TasksTable", StringLike=keys("TASK#*", "SLOTS#*")),
        allowed("dynamodb:UpdateItem", "TasksTable", StringLike=keys("RATE#WECOM#*")),
    ]
    assert list(gains(statements)) == [f"writes {ITEMS['RATE#WECOM#']}", "deletes tasks, slots"]


def test_another_table_and_an_index_are_something_else() -> None:
    assert list(gains([allowed("dynamodb:Query", "TasksTable/index/due")])) == []
    assert list(gains([allowed("dynamodb:GetItem", "RegistryTable", StringLike=keys("KEY#*"))])) == [
        "hashes of API keys"
    ]


def test_secrets_count_by_what_the_context_lets_open() -> None:
    context = {"kms:EncryptionContext:purpose": "wecom-response-url"}
    statement = allowed("kms:Decrypt", "PushKey", StringEquals=context)
    assert list(gains([statement])) == ["chat response URLs"]
    assert len(list(gains([allowed("kms:Decrypt", "PushKey")]))) == 3
