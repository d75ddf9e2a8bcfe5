"""What an attacker gains by compromising a function, derived from its role: for docs/security.md."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from local.policies.statements import Statement, as_text, either

ITEMS = {
    "TASK#": "tasks",
    "OWNED#": "tasks' own items",
    "LIVE#": "live texts and exchanges",
    "CONTEXT#": "conversations",
    "DELIVERIES#": "notes on deliveries",
    "SLOTS#": "slots",
    "SPEND#": "daily spending",
    "RATE#": "rate counters",
    "RATE#WECOM#": "WeCom's rate counters",
    "IDEMPOTENCY#": "idempotency keys",
    "BATCH#": "the batch line",
    "PENDING#": "counts of waiting tasks",
    "CHAT#": "chats",
    "WECOM#": "WeCom's access tokens (sealed)",
}
"""Kinds of items of the tasks' table, by the beginning of their key."""


@dataclass(frozen=True)
class Gain:
    """What an action on a resource gives access to; ``key`` is a value that a condition must not exclude."""

    words: str
    action: str
    resource: str
    key: str | None = None


GAINS = (
    Gain("every change of every task", "dynamodb:GetRecords", "TasksTable/stream"),
    Gain("hashes of API keys", "dynamodb:GetItem", "RegistryTable", "KEY#"),
    Gain("agents' definitions", "dynamodb:GetItem", "RegistryTable", "AGENT#"),
    Gain("projects' settings", "dynamodb:GetItem", "RegistryTable", "PROJECT#"),
    Gain("connections to WeCom", "dynamodb:GetItem", "RegistryTable", "WECOM#"),
    Gain("all payloads", "s3:GetObject", "PayloadBucket/tasks/*"),
    Gain("may replace payloads", "s3:PutObject", "PayloadBucket/tasks/*"),
    Gain("may delete payloads", "s3:DeleteObject", "PayloadBucket/tasks/*"),
    Gain("the key of the Claude API", "secretsmanager:GetSecretValue", "ClaudeApiKeySecret"),
    Gain("tokens of MCP servers", "secretsmanager:GetSecretValue", "*:secret:*/mcp/*"),
    Gain("WeCom's secrets", "secretsmanager:GetSecretValue", "*:secret:*/wecom/*"),
    Gain("the projects' signing secrets", "kms:Decrypt", "PushKey", "signing-secret"),
    Gain("receivers' tokens", "kms:Decrypt", "PushKey", "webhook-receiver"),
    Gain("chat response URLs", "kms:Decrypt", "PushKey", "wecom-response-url"),
    Gain("may start any task", "sqs:SendMessage", "TaskQueue"),
    Gain("may forge notifications", "sqs:SendMessage", "NotificationQueue"),
    Gain("may send answers to chats again", "sqs:SendMessage", "WecomQueue"),
    Gain("may have the sender query departments", "lambda:InvokeFunction", "*-wecom-sender:live"),
)
READS = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem")
DELETES = ("dynamodb:DeleteItem", "dynamodb:BatchWriteItem")


def gains(statements: Iterable[Statement]) -> Iterator[str]:
    """Everything that a role's statements give access to, in order."""
    known = list(statements)
    for verb, actions in (("reads", READS), ("writes", WRITES), ("deletes", DELETES)):
        kinds = [kind for kind in ITEMS if any(_holds(known, name, "TasksTable", kind) for name in actions)]
        if len(kinds) == len(ITEMS):
            yield f"{verb} the whole tasks' table"
        elif kinds:
            yield f"{verb} {', '.join(ITEMS[kind] for kind in kinds)}"
    yield from (gain.words for gain in GAINS if _holds(known, gain.action, gain.resource, gain.key))


def _holds(statements: Iterable[Statement], action: str, resource: str, key: str | None) -> bool:
    return any(
        statement.allows
        and action in statement.actions
        and any(fnmatchcase(named, resource) for named in statement.resources)
        and _is_among(statement, key)
        for statement in statements
    )


def _is_among(statement: Statement, key: str | None) -> bool:
    values = [
        as_text(value)
        for keys in statement.condition.values()
        for name, given in keys.items()
        if name in ("dynamodb:LeadingKeys", "kms:EncryptionContext:purpose")
        for value in either(given)
    ]
    return not values or any(fnmatchcase(f"{key}x", f"{value}*") for value in values)
