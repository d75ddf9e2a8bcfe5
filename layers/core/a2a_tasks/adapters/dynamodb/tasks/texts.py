"""Tasks' texts in the tasks' table, each in an item of its own beside its task's record.

They are named after what they say and never change, so a read need not be consistent where it finds one.
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
    """What a ``PayloadStore`` keeps under ``item_key``. ``kept_ms`` is the longest that a task may live and
    be retained: what is older belongs to a task that was never created, or whose record is gone, and the
    table's TTL deletes it. Those that only read need none."""

    client: "DynamoDBClient"
    table: str
    kept_ms: int = 0

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:  # noqa: ARG002  all of them JSON
        """Needs no condition: whoever puts it again, puts the same."""
        task_id, name = item_of(key)
        item = _key(task_id, name) | task_items.text_value(data)
        item["ttl"] = task_items.kept_until(task_id, self.kept_ms)
        self._call(self.client.put_item, TableName=self.table, Item=to_attributes(item))

    def get(self, key: str) -> bytes:
        place = to_attributes(_key(*item_of(key)))
        for is_consistent in (False, True):  # it may have been put a moment ago
            answer = self._call(
                self.client.get_item, TableName=self.table, Key=place, ConsistentRead=is_consistent
            )
            if "Item" in answer:
                return task_items.to_text(from_attributes(answer["Item"]))
        raise PayloadCorrupt(f"{key} is gone")

    def get_items(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those that are found at once; what is not may have been put a moment ago."""
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
