"""Texts of tasks as items of the tasks table, next to their task's own item.

They are named by their digest and never change, so an eventually consistent read is good enough if it
finds one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import JSON, PayloadCorrupt, item_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT_ONCE = 100


@dataclass(frozen=True)
class DynamoDBTexts:
    """Part of a ``PayloadStore``, for keys made by ``item_key``."""

    client: "DynamoDBClient"
    table: str
    kept_ms: int = 0
    """Longest life and retention of a task (milliseconds), for the time to live: older texts belong to no
    task. Readers need none."""

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:  # noqa: ARG002  all of them JSON
        """Needs no condition: repeated writes are identical."""
        task_id, name = item_of(key)
        item = _key(task_id, name) | task_items.text_value(data)
        item["ttl"] = task_items.kept_until(task_id, self.kept_ms)
        self._call(self.client.put_item, TableName=self.table, Item=to_attributes(item))

    def get(self, key: str) -> bytes:
        place = to_attributes(_key(*item_of(key)))
        for is_consistent in (False, True):  # it may have been written just now
            answer = self._call(
                self.client.get_item, TableName=self.table, Key=place, ConsistentRead=is_consistent
            )
            if "Item" in answer:
                return task_items.to_text(from_attributes(answer["Item"]))
        raise PayloadCorrupt(f"{key} is gone")

    def get_items(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Texts found by an eventually consistent read; the others may have been written just now."""
        found: dict[str, bytes] = {}
        for some in batched(dict.fromkeys(keys), AT_ONCE, strict=False):
            places = {(place["pk"], place["sk"]): key for key in some for place in [_key(*item_of(key))]}
            request: Any = {self.table: {"Keys": [to_attributes(_key(*item_of(key))) for key in some]}}
            answer = self._call(self.client.batch_get_item, RequestItems=request)
            for item in map(from_attributes, answer["Responses"].get(self.table, [])):
                found[places[item["pk"], item["sk"]]] = task_items.to_text(item)
        return found

    def _call(self, *arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except StoreUnavailable as error:
            raise PayloadUnavailable(str(error)) from error


def _key(task_id: str, name: str) -> dict[str, Any]:
    return {"pk": task_items.partition(task_id), "sk": name}
