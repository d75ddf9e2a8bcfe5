"""What all stores on DynamoDB have in common: reads and conditional writes of one table, in plain values."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.update import ItemCondition, ItemUpdate
from a2a_tasks.ports.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
"""An item, or a key, by the names of its attributes."""

ALWAYS = ItemCondition()
AT_ONCE = 100
"""Limit of BatchGetItem."""
_PLACES = {"Put": "Item", "Delete": "Key"}
_REFUSED = {"ConditionalCheckFailedException", "TransactionCanceledException"}
# a conflict wrote nothing either, and the other writer may have changed what the condition depends on
_RACED = {"ConditionalCheckFailed", "TransactionConflict"}


class Write(NamedTuple):
    """What became of a write."""

    is_made: bool
    """Whether its condition held."""
    item: Item
    """The returned attributes. If the write was refused, the current item, which saves a second read; empty
    if there is none."""


@dataclass(frozen=True)
class Store:
    """A store on one table. All methods raise ``StoreUnavailable``."""

    client: "DynamoDBClient"
    table: str

    def _get(self, key: Item, *, consistent: bool = True) -> Item | None:
        # consistent by default: callers act on what they read, and must see recent writes
        answer = self._call(
            self.client.get_item, TableName=self.table, Key=to_attributes(key), ConsistentRead=consistent
        )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def _get_all(self, keys: Iterable[Item]) -> list[Item]:
        """Those of the items that exist, in no particular order (a consistent read)."""
        items: list[Item] = []
        for some in batched(keys, AT_ONCE, strict=False):
            left = [to_attributes(key) for key in some]
            while left:
                request: Any = {self.table: {"Keys": left, "ConsistentRead": True}}
                answer = self._call(self.client.batch_get_item, RequestItems=request)
                items += map(from_attributes, answer["Responses"].get(self.table, []))
                unread = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
                if len(unread) == len(left):  # no progress: the table is throttled
                    raise StoreUnavailable("no item of a batch was read")
                # DynamoDB returns only 16 MB, or what a partition's capacity allows, and leaves the rest
                # unprocessed without an error
                left = unread
        return items

    def _query(self, condition: str, values: Item, **options: Any) -> tuple[list[Item], Any]:
        """A page of a query, and after which key the next one starts, or None. In the condition ``:name`` is
        a value; ``options`` are other arguments of the client's ``query``."""
        answer = self._call(
            self.client.query,
            TableName=self.table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_attributes({f":{name}": value for name, value in values.items()}),
            **options,
        )
        return [from_attributes(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def _pages(self, condition: str, values: Item, **options: Any) -> Iterator[list[Item]]:
        """The pages of a query, each read when it is asked for."""
        items, last = self._query(condition, values, **options)
        yield items
        while last is not None:
            items, last = self._query(condition, values, ExclusiveStartKey=last, **options)
            yield items

    def _due(self, shard: str, now: int, limit: int, **options: Any) -> list[Item]:
        """Keys of up to ``limit`` entries of a partition of the index ``due`` that are due by now (Unix
        milliseconds), the longest due first."""
        # an index is eventually consistent, so callers decide by the item itself
        condition = "dueShard = :shard AND dueAt <= :now"
        values = {"shard": shard, "now": now}
        keys, _ = self._query(condition, values, IndexName="due", Limit=limit, **options)
        return keys

    def _items(self, partition: str, prefix: str = "", **options: Any) -> list[Item]:
        """All items of a partition, or those whose sort keys begin with ``prefix`` (a consistent read)."""
        condition, values = "pk = :pk", {"pk": partition}
        if prefix:
            condition, values = f"{condition} AND begins_with(sk, :prefix)", values | {"prefix": prefix}
        pages = self._pages(condition, values, ConsistentRead=True, **options)
        return [item for page in pages for item in page]

    def _put(self, item: Item, condition: ItemCondition = ALWAYS) -> Write:
        return self._write(self.client.put_item, condition, Item=to_attributes(item))

    def _update(self, key: Item, update: ItemUpdate, returns: str = "NONE") -> Write:
        """``returns`` says what the write returns, in the words of ``ReturnValues``."""
        return self._write(self.client.update_item, update, Key=to_attributes(key), ReturnValues=returns)

    def _delete(self, key: Item, condition: ItemCondition = ALWAYS) -> Write:
        return self._write(self.client.delete_item, condition, Key=to_attributes(key))

    def _transact(self, *writes: tuple[str, Item, ItemCondition]) -> bool:
        """All of the writes or none: ``Put`` of an item, ``Delete`` of a key. False if a condition did not
        hold, or somebody else writes one of the items at this moment."""
        parts = [
            {kind: {"TableName": self.table, _PLACES[kind]: to_attributes(item)} | condition.arguments()}
            for kind, item, condition in writes
        ]
        try:
            self._call(self.client.transact_write_items, TransactItems=parts)
        except ClientError as error:
            # never caused by the SDK's own retries, which share one ClientRequestToken
            reasons: list[Item] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
            if any(reason.get("Code") in _RACED for reason in reasons):
                return False
            raise StoreUnavailable(str(error)) from error
        return True

    def _write(self, operation: Callable[..., Any], condition: ItemCondition, **arguments: Any) -> Write:
        given = condition.arguments()
        if "ConditionExpression" in given:
            given["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            answer = self._call(operation, TableName=self.table, **given, **arguments)
        except ClientError as error:
            # also returned if the SDK has retried a successful call: callers recognize their own write by the
            # item
            found: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
            return Write(False, from_attributes(found))
        return Write(True, from_attributes(answer.get("Attributes", {})))

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """Raises ``StoreUnavailable`` for every failure but a refused condition or transaction, which stays
        the ``ClientError`` that it is: only who calls knows what the condition protects."""
        try:
            return operation(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _REFUSED:
                raise
            raise StoreUnavailable(str(error)) from error
        except BotoCoreError as error:
            # no response, or an incomplete one: a write may have taken effect
            raise StoreUnavailable(str(error)) from error
