"""The version of the stored format, in every item of both tables: ``v``.

A client of DynamoDB writes it into whatever it puts or creates, and looks at it in whatever it reads. So it
is in one place, and no writer can forget it. It rises when items change so that functions of an earlier
release would misread them.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_dynamodb import DynamoDBClient

VERSION = 2
NAME = "v"
_VALUE = {"N": str(VERSION)}
_PLACEHOLDER = ":storedFormat"
_SET = re.compile(r"\bSET\b")
_KEPT = f"SET {NAME} = if_not_exists({NAME}, {_PLACEHOLDER})"
"""An update leaves the version of what is there: it does not bring an item to another format."""


class NewerFormat(Exception):
    """An item was written by a later release than this function's."""


def versioned(client: "DynamoDBClient") -> "DynamoDBClient":
    """The client, which from now on writes the version, and raises ``NewerFormat`` where it reads a later."""
    events = client.meta.events
    events.register("provide-client-params.dynamodb", _write)  # type: ignore[arg-type]
    events.register("after-call.dynamodb", _check)
    return client


def _write(params: dict[str, Any], model: "OperationModel", **_: Any) -> dict[str, Any]:
    match model.name:
        case "PutItem":
            return _put(params)
        case "UpdateItem":
            return _update(params)
        case "TransactWriteItems":
            items = [_write_one(item) for item in params["TransactItems"]]
            return params | {"TransactItems": items}
        case "BatchWriteItem":
            tables = {
                table: [_write_one(request) for request in requests]
                for table, requests in params["RequestItems"].items()
            }
            return params | {"RequestItems": tables}
    return params


def _write_one(request: dict[str, Any]) -> dict[str, Any]:
    """One write of several."""
    changes = {"Put": _put, "PutRequest": _put, "Update": _update}
    return {kind: changes.get(kind, dict)(part) for kind, part in request.items()}


def _put(params: dict[str, Any]) -> dict[str, Any]:
    return params | {"Item": {NAME: _VALUE} | params["Item"]}


def _update(params: dict[str, Any]) -> dict[str, Any]:
    # none where only the condition is asked for
    expression = params.get("UpdateExpression", "")
    found = _SET.search(expression)
    # into the existing SET clause, because DynamoDB accepts each keyword only once
    changed = _SET.sub(f"{_KEPT},", expression, count=1) if found else f"{expression} {_KEPT}".lstrip()
    values = params.get("ExpressionAttributeValues", {}) | {_PLACEHOLDER: _VALUE}
    return params | {"UpdateExpression": changed, "ExpressionAttributeValues": values}


def _check(parsed: Mapping[str, Any], **_: Any) -> None:
    single = (parsed.get(name) for name in ("Item", "Attributes"))
    several = [parsed.get("Items", []), *parsed.get("Responses", {}).values()]
    for item in [*(item for item in single if item), *(item for items in several for item in items)]:
        # no version: a projection or an index entry, which omit it
        found = int(item.get(NAME, _VALUE)["N"])
        if found > VERSION:
            raise NewerFormat(
                f"The item {item.get('pk', {}).get('S')} is of stored format {found}, and this release knows"
                f" {VERSION}: a later release has written it. Deploy that release again."
            )
