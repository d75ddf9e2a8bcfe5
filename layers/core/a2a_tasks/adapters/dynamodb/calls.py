"""Calls of DynamoDB: what a failure means to the services."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.ports.errors import StoreUnavailable

REFUSED = "ConditionalCheckFailedException"
REFUSED_TRANSACTION = "TransactionCanceledException"


def call(operation: Callable[..., Any], *positional: Any, **arguments: Any) -> Any:
    """Raises ``StoreUnavailable`` for every failure but a refused condition or transaction, which stays the
    ``ClientError`` that it is: only the caller knows what its condition protects."""
    try:
        return operation(*positional, **arguments)
    except ClientError as error:
        if code_of(error) in (REFUSED, REFUSED_TRANSACTION):
            raise
        raise StoreUnavailable(str(error)) from error
    except BotoCoreError as error:
        raise StoreUnavailable(str(error)) from error


def call_if(operation: Callable[..., Any], **arguments: Any) -> Any:
    """The answer to a write; None where its condition did not hold. Raises ``StoreUnavailable``."""
    try:
        return call(operation, **arguments)
    except ClientError:
        return None


def call_or_item(operation: Callable[..., Any], **arguments: Any) -> tuple[bool, dict[str, Any]]:
    """Whether a write's condition held, with the item: what the write returns, or else the item as it stands,
    which saves a second read. Empty if there is none. Raises ``StoreUnavailable``."""
    try:
        answer = call(operation, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments)
    except ClientError as error:
        return False, error.response.get("Item", {})  # type: ignore[return-value]
    return True, answer.get("Attributes", {})


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]
